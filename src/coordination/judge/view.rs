//! The facts with the hubs' accounts read, and every process assessed once.
use crate::contract::coordinator::CoordinatorStatus;
use crate::contract::facts::Facts;
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::master::{MasterView, Wish};
use crate::contract::overview::{Held, Process};
use crate::contract::registry::{DaemonSpec, DaemonType, Profile, Stage, all};
use crate::contract::router::Stats;
use crate::coordination::state::{Facts as Known, assess};

/// The master's unit.
pub const MASTER: &str = "ringrift-master.service";
/// The coordinator's unit.
pub const COORDINATOR: &str = "ringrift-coordinator.service";
/// The watch over the emergency flags.
pub const WATCH: &str = "ringrift-emergency.path";

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
        let active = |states: &[&str]| facts.unit(MASTER).is_some_and(|u| states.contains(&u.active_state.as_str()));
        let real = all().filter(|s| !matches!(s.stage, Stage::Alias { .. }));
        let mut processes: Vec<Process> =
            real.map(|spec| daemon(facts, spec, members.contains(&spec.daemon), wish(master.as_ref(), spec.daemon))).collect();
        processes.extend([("master", MASTER), ("coordinator", COORDINATOR)].map(|(name, unit)| hub(facts, name, unit)));
        View {
            coordinator: facts.coordinator(),
            router: facts.router(),
            profile,
            processes,
            running: active(&["active", "reloading", "refreshing"]),
            starting: active(&["activating"]),
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

    /// Microseconds since a moment.
    pub fn age_us(&self, since_us: Option<i64>) -> Option<i64> {
        since_us.map(|since| (self.facts.now_us - since).max(0))
    }
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
        control,
        desired: wish.desired && built,
        held: wish.held.as_deref(),
        blocked_since_us: wish.down_since_us,
        now_us: facts.now_us,
    };
    let mut found = assess(&known);
    let paused = control.filter(|c| c.paused && found.state == State::Paused);
    let stopped = wish.stopped_by.clone().filter(|_| matches!(found.state, State::Stopped | State::NeverRan));
    if let (Some(by), true) = (&stopped, found.reason.is_empty()) {
        found.reason = format!("stopped by {by}");
    }
    let held = match (paused, stopped) {
        (Some(control), _) => Some(Held { by: control.who.clone(), since_us: Some(control.when_us).filter(|t| *t > 0) }),
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
        control: None,
        desired: false,
        held: None,
        blocked_since_us: None,
        now_us: facts.now_us,
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
        last: report.map(|r| r.last.clone()).unwrap_or_default(),
    }
}

/// Nothing is known of its health.
pub fn is_unwell(health: &Health) -> bool {
    use crate::contract::health::HealthStatus::{Degraded, Unhealthy};
    matches!(health.status, Degraded | Unhealthy)
}
