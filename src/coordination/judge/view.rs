//! The facts with the hubs' accounts read, and every process assessed once.
use crate::contract::catalog::StageState;
use crate::contract::coordinator::CoordinatorStatus;
use crate::contract::coordinator::conditions::Thresholds;
use crate::contract::facts::{Facts, PipelineView, ThresholdSource};
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::master::{MasterView, Wish};
use crate::contract::overview::{Held, Process};
use crate::contract::registry::{DaemonSpec, DaemonType, Profile, Stage, all};
use crate::contract::router::Stats;
use crate::contract::sockets::SOCKETS;
use crate::contract::time::Wall;
use crate::coordination::state::{Facts as Known, assess};

/// The master's unit.
pub const MASTER: &str = "ringrift-master.service";
/// The coordinator's unit.
pub const COORDINATOR: &str = "ringrift-coordinator.service";
/// The watch over the emergency flags.
pub const WATCH: &str = "ringrift-emergency.path";

/// Events of the coordinator that wait for the router: a moment's pause makes fewer.
pub const MAX_OUTBOX: u64 = 256;

/// What the judgement is made of.
pub struct View<'a> {
    /// As they were found.
    pub facts: &'a Facts,
    /// The master's account.
    pub master: Option<MasterView>,
    /// The coordinator's account.
    pub coordinator: Option<CoordinatorStatus>,
    /// The router's figures.
    pub router: Option<Stats>,
    /// DATA_PIPELINE's account of the stages.
    pub pipeline: Option<PipelineView>,
    /// The applied profile.
    pub profile: Option<Profile>,
    /// Daemons in the registry's order, then the hubs.
    pub processes: Vec<Process>,
    /// The master's unit is active.
    pub running: bool,
    /// The master's unit is on its way up.
    pub starting: bool,
}

impl<'a> View<'a> {
    /// Reads and assesses.
    pub fn of(facts: &'a Facts) -> View<'a> {
        let master = facts.master();
        let profile = facts.profile();
        let members = profile.map(Profile::members).unwrap_or_default();
        let real = all().filter(|s| !matches!(s.stage, Stage::Alias { .. }));
        let mut processes: Vec<Process> = real
            .map(|spec| daemon(facts, spec, members.contains(&spec.daemon), wish(master.as_ref(), spec.daemon)))
            .collect();
        processes.extend([("master", MASTER), ("coordinator", COORDINATOR)].map(|(name, unit)| hub(facts, name, unit)));
        View {
            coordinator: facts.coordinator(),
            router: facts.router(),
            pipeline: facts.pipeline(),
            profile,
            processes,
            running: facts.unit(MASTER).is_some_and(UnitView::is_active),
            starting: facts.unit(MASTER).is_some_and(|u| u.active_state == "activating"),
            master,
            facts,
        }
    }

    /// What the master wants of a daemon.
    pub fn wish(&self, daemon: DaemonType) -> Wish {
        wish(self.master.as_ref(), daemon)
    }

    /// A process by name.
    pub fn process(&self, name: &str) -> Option<&Process> {
        self.processes.iter().find(|p| p.name == name)
    }

    /// Whether it counts: it is a member that can be started, or somebody wants it.
    pub fn expects(&self, process: &Process) -> bool {
        process.state != State::Planned && (process.member || process.wanted)
    }

    /// Where each configuration stands, as far as that is known: what DATA_PIPELINE last said.
    pub fn stages(&self) -> &[StageState] {
        match &self.pipeline {
            Some(PipelineView::Stages(stages)) => stages,
            Some(PipelineView::Error(_)) | None => &[],
        }
    }

    /// The thresholds that bar new work: those that the coordinator goes by while it runs, else those of the
    /// configuration; and which.
    pub fn thresholds(&self) -> (Thresholds, ThresholdSource) {
        let up = self.process("coordinator").is_some_and(Process::is_up);
        let live = self.coordinator.as_ref().filter(|_| up).and_then(|c| c.conditions.thresholds);
        let config = &self.facts.config;
        live.map_or((config.thresholds, config.thresholds_from), |live| (live, ThresholdSource::Coordinator))
    }

    /// When a unit was restarted after a failure within the last `span_us` microseconds, as the master saw it.
    pub fn restarts(&self, unit: &str, span_us: i64) -> usize {
        let seen = self.master.as_ref().and_then(|m| m.restarts.as_ref()?.get(unit));
        seen.map_or(0, |log| {
            log.times_us.iter().filter(|at| (0..=span_us).contains(&(self.facts.now_us - at.us()))).count()
        })
    }

    /// Since when the suite is up at least: its youngest socket or hub.
    pub fn begun_us(&self) -> Option<i64> {
        let units = self.facts.units.as_deref().unwrap_or_default();
        let up = |u: &&UnitView| (SOCKETS.iter().any(|s| s.unit == u.name) || u.name == MASTER) && u.is_up();
        units.iter().filter(up).filter_map(|u| u.since_us).max()
    }

    /// Microseconds since a moment.
    pub fn age_us(&self, since_us: Option<i64>) -> Option<i64> {
        since_us.map(|since| (self.facts.now_us - since).max(0))
    }
}

fn is_torn(facts: &Facts, folder: &str) -> bool {
    facts.torn.iter().any(|missing| missing.process.as_deref() == Some(folder))
}

fn wish(master: Option<&MasterView>, daemon: DaemonType) -> Wish {
    master.and_then(|m| m.wishes.get(daemon.name())).cloned().unwrap_or_default()
}

fn daemon(facts: &Facts, spec: &'static DaemonSpec, member: bool, wish: Wish) -> Process {
    let folder = spec.daemon.kebab();
    let built = spec.is_built();
    let unit = facts.unit(&spec.daemon.unit()).filter(|_| built);
    let control = facts.controls.get(&folder).filter(|_| built);
    let report = facts.reports.get(&folder).filter(|_| built);
    let known = Known {
        spec,
        unit,
        report,
        torn: is_torn(facts, &folder),
        control,
        desired: wish.desired && built,
        held: wish.held.as_deref(),
        blocked_since: wish.down_since_us,
        now: Wall::of_us(facts.now_us),
    };
    let mut found = assess(&known);
    let paused = control.filter(|c| c.paused && found.state == State::Paused);
    let stopped = wish.stopped_by.clone().filter(|_| matches!(found.state, State::Stopped | State::NeverRan));
    if let (Some(by), true) = (&stopped, found.reason.is_empty()) {
        found.reason = format!("stopped by {by}");
    }
    let held = match (paused, stopped) {
        (Some(control), _) => {
            Some(Held { by: control.who.clone(), since_us: Some(control.when_us.us()).filter(|t| *t > 0) })
        }
        (None, Some(by)) => Some(Held { by, since_us: unit.and_then(|u| u.since_us) }),
        (None, None) => None,
    };
    let made = process(spec.name, spec.category.name(), found, unit, report);
    let unit_name = built.then(|| spec.daemon.unit());
    Process { wanted: wish.desired, member: member && built, critical: spec.critical, held, unit: unit_name, ..made }
}

fn hub(facts: &Facts, name: &str, unit_name: &str) -> Process {
    let (unit, report) = (facts.unit(unit_name), facts.reports.get(name));
    // The router's entry has no strategy, profile or interval that would matter; what decides is the unit.
    let known = Known {
        spec: DaemonType::EventRouter.spec(),
        unit,
        report,
        torn: is_torn(facts, name),
        control: None,
        desired: false,
        held: None,
        blocked_since: None,
        now: Wall::of_us(facts.now_us),
    };
    let mut found = assess(&known);
    found.reason = found.reason.replace(&DaemonType::EventRouter.unit(), unit_name);
    let made = process(name, "hub", found, unit, report);
    Process { wanted: true, member: true, critical: true, unit: Some(unit_name.into()), ..made }
}

fn process(
    name: &str,
    category: &str,
    found: crate::coordination::state::Assessment,
    unit: Option<&UnitView>,
    report: Option<&StatusFile>,
) -> Process {
    Process {
        name: name.into(),
        category: category.into(),
        state: found.state,
        reason: found.reason,
        health: found.health,
        wanted: false,
        member: false,
        critical: false,
        held: None,
        idle: found.idle,
        unit: None,
        restarts: unit.and_then(|u| u.restarts),
        memory_bytes: unit.and_then(|u| u.memory_bytes),
        main_pid: unit.and_then(|u| u.main_pid),
        since_us: unit.and_then(|u| u.since_us),
        last: last(unit, report),
    }
}

/// Its own last word, else systemd's STATUS= without what stands beside it: the state and health, and why it has no
/// work.
fn last(unit: Option<&UnitView>, report: Option<&StatusFile>) -> String {
    if let Some(last) = report.map(|r| &r.last).filter(|last| !last.is_empty()) {
        return last.clone();
    }
    let said = unit.and_then(|u| u.status_text.as_deref()).map(said).unwrap_or_default();
    let idle = report.and_then(|r| r.idle.as_ref()).map(ToString::to_string);
    match idle.and_then(|idle| said.strip_prefix(&idle).map(str::to_owned)) {
        Some(rest) => rest.trim_start_matches("; ").to_owned(),
        None => said,
    }
}

/// `RUNNING (healthy): waits for games` says `waits for games`.
fn said(status: &str) -> String {
    match status.split_once("): ") {
        Some((state, rest)) if state.starts_with(|c: char| c.is_ascii_uppercase()) => rest.to_owned(),
        _ => status.to_owned(),
    }
}

/// Whether a process says that it does not work as it should. What says nothing of its health is judged by its state.
pub fn is_unwell(health: &Health) -> bool {
    use crate::contract::health::HealthStatus::{Degraded, Unhealthy};
    matches!(health.status, Degraded | Unhealthy)
}
