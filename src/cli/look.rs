//! One look at the suite: every daemon's state from systemd, its own report, its control file and the applied profile.
use super::out::Tone;
use super::world::World;
use crate::contract::error::Failure;
use crate::contract::health::{Health, HealthStatus, Idle, State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::master::MasterHealth;
use crate::contract::registry::{DaemonSpec, DaemonType, Profile, Stage, all, built};
use crate::contract::workload::JobType;
use crate::coordination::state::{Facts, assess};
use crate::platform::commander::Commander;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The master's and the coordinator's units: processes that are no daemon type.
pub const MASTER: &str = "ringrift-master.service";
const COORDINATOR: &str = "ringrift-coordinator.service";

/// A daemon or hub as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// AUTO_EXPORT; the two hubs that are no daemon type are `coordinator` and `master`.
    pub name: String,
    /// The category; `hub` for those two.
    pub category: &'static str,
    /// Its state.
    pub state: State,
    /// Why, if there is anything to say.
    pub reason: String,
    /// Its health.
    pub health: Health,
    /// Why it has no work, if it says so.
    pub idle: Option<Idle>,
    /// The applied profile, or an operator, wants it.
    pub wanted: bool,
    /// It is in the applied profile.
    pub member: bool,
    /// Counts for /health.
    pub critical: bool,
    /// Restarts since the last manual start.
    pub restarts: Option<u32>,
    /// Bytes.
    pub memory_bytes: Option<u64>,
    /// The main process.
    pub main_pid: Option<u32>,
    /// Since when, microseconds since 1970.
    pub since_us: Option<i64>,
    /// What it last did.
    pub last: String,
    /// Why it last failed, as the master remembers it.
    pub last_error: Option<String>,
    /// Its unit; absent for what is not built.
    pub unit: Option<String>,
}

/// A job's unit.
#[derive(Debug, Clone, Serialize)]
pub struct JobRow {
    /// Its type.
    pub job_type: JobType,
    /// Its id.
    pub job_id: String,
    /// Its unit.
    pub unit: String,
    /// systemd's word.
    pub active_state: String,
    /// Its progress, as STATUS= says it.
    pub status: String,
    /// Bytes.
    pub memory_bytes: Option<u64>,
    /// Since when, microseconds since 1970.
    pub since_us: Option<i64>,
}

/// Everything seen at one moment.
pub struct Seen {
    /// All units of the suite.
    pub units: Vec<UnitView>,
    /// The applied profile, if the master has said.
    pub profile: Option<Profile>,
    /// The loop's health, if the master answers.
    pub master: Option<MasterHealth>,
    /// Daemons as the master sees them, by name: it knows who stopped what, and what it holds back.
    told: HashMap<String, Map<String, Value>>,
    now_us: i64,
}

impl Seen {
    /// Looks.
    pub fn look(world: &World) -> Result<Seen, Failure> {
        let mut names: Vec<String> = built().map(|s| s.daemon.unit()).collect();
        names.extend([MASTER, COORDINATOR].map(str::to_owned));
        names.push("ringrift-job-*".into());
        let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
        let units = world.look(&patterns)?;
        let mut seen = Seen { units, profile: None, master: None, told: HashMap::new(), now_us: world.now_us };
        if seen.is_active(MASTER) {
            seen.ask_master();
        }
        Ok(seen)
    }

    /// The master's account, where there is one.
    fn ask_master(&mut self) {
        // One that does not answer is shown by `ringrift status`, and by its own row here.
        let Ok((health, daemons)) = Commander::connect().and_then(|bus| Ok((bus.health()?, bus.daemons()?))) else { return };
        self.profile = Profile::parse(&health.profile);
        self.master = Some(health);
        let named = |d: Map<String, Value>| Some((d.get("name")?.as_str()?.to_owned(), d));
        self.told = daemons.into_iter().filter_map(named).collect();
    }

    /// A unit.
    pub fn unit(&self, name: &str) -> Option<&UnitView> {
        self.units.iter().find(|u| u.name == name)
    }

    /// Whether systemd has it active.
    pub fn is_active(&self, name: &str) -> bool {
        self.unit(name).is_some_and(|u| matches!(u.active_state.as_str(), "active" | "reloading" | "refreshing"))
    }

    /// One daemon; an alias is shown as what it stands for.
    pub fn daemon(&self, world: &World, daemon: DaemonType) -> Row {
        let spec = daemon.resolve().spec();
        let members = self.profile.map(Profile::members).unwrap_or_default();
        self.row(world, spec, &members)
    }

    /// All daemons that are not another name of one, in the registry's order.
    pub fn daemons(&self, world: &World) -> Vec<Row> {
        let members = self.profile.map(Profile::members).unwrap_or_default();
        all().filter(|s| !matches!(s.stage, Stage::Alias { .. })).map(|s| self.row(world, s, &members)).collect()
    }

    fn row(&self, world: &World, spec: &'static DaemonSpec, members: &[DaemonType]) -> Row {
        let kebab = spec.daemon.kebab();
        let built = spec.is_built();
        let unit = self.unit(&spec.daemon.unit()).filter(|_| built);
        let report = if built { world.report(&kebab) } else { None };
        let control = if built { world.control(&kebab) } else { None };
        let member = members.contains(&spec.daemon);
        let told = self.told.get(spec.name);
        let wanted = told.and_then(|t| t.get("desired")?.as_bool()).unwrap_or(member);
        let facts = Facts {
            spec,
            unit,
            report: report.as_ref(),
            control: control.as_ref(),
            desired: wanted && built,
            held: None,
            blocked_since_us: None,
            now_us: self.now_us,
        };
        let mut verdict = assess(&facts);
        if let Some((state, reason)) = told.and_then(|t| Some((t.get("state")?.clone(), t.get("reason")?.as_str()?.to_owned())))
            && let Ok(state) = serde_json::from_value(state)
        {
            (verdict.state, verdict.reason) = (state, reason);
        }
        Row {
            name: spec.name.into(),
            category: spec.category.name(),
            state: verdict.state,
            reason: verdict.reason,
            health: verdict.health,
            idle: verdict.idle,
            wanted,
            member,
            critical: spec.critical,
            restarts: unit.and_then(|u| u.restarts),
            memory_bytes: unit.and_then(|u| u.memory_bytes),
            main_pid: unit.and_then(|u| u.main_pid),
            since_us: unit.and_then(|u| u.since_us),
            last: last(unit, report.as_ref()),
            last_error: told.and_then(|t| Some(t.get("last_error")?.as_str()?.to_owned())),
            unit: built.then(|| spec.daemon.unit()),
        }
    }

    /// The coordinator and the master.
    pub fn hubs(&self, world: &World) -> Vec<Row> {
        [("master", MASTER), ("coordinator", COORDINATOR)].into_iter().map(|(name, unit)| self.hub(world, name, unit)).collect()
    }

    fn hub(&self, world: &World, name: &str, unit_name: &str) -> Row {
        let unit = self.unit(unit_name);
        let report = world.report(name);
        // The router's entry has no strategy, profile or interval that would matter; what decides is the unit.
        let facts = Facts {
            spec: DaemonType::EventRouter.spec(),
            unit,
            report: report.as_ref(),
            control: None,
            desired: false,
            held: None,
            blocked_since_us: None,
            now_us: self.now_us,
        };
        let mut verdict = assess(&facts);
        if let Some(health) = self.master.as_ref().filter(|_| unit_name == MASTER) {
            verdict.health = if health.healthy { Health::healthy("") } else { Health::degraded(health.problems.join("; ")) };
        }
        Row {
            name: name.into(),
            category: "hub",
            state: verdict.state,
            reason: verdict.reason.replace(&DaemonType::EventRouter.unit(), unit_name),
            health: verdict.health,
            idle: verdict.idle,
            wanted: true,
            member: true,
            critical: true,
            restarts: unit.and_then(|u| u.restarts),
            memory_bytes: unit.and_then(|u| u.memory_bytes),
            main_pid: unit.and_then(|u| u.main_pid),
            since_us: unit.and_then(|u| u.since_us),
            last: last(unit, report.as_ref()),
            last_error: None,
            unit: Some(unit_name.into()),
        }
    }

    /// The jobs' units that are there, by type and id.
    pub fn jobs(&self) -> Vec<JobRow> {
        let there = |u: &&UnitView| u.active_state != "inactive";
        let row = |u: &UnitView| {
            let (job_type, job_id) = JobType::of_unit(&u.name)?;
            Some(JobRow {
                job_type,
                job_id: job_id.to_string(),
                unit: u.name.clone(),
                active_state: u.active_state.clone(),
                status: u.status_text.clone().unwrap_or_default(),
                memory_bytes: u.memory_bytes,
                since_us: u.since_us,
            })
        };
        self.units.iter().filter(there).filter_map(row).collect()
    }
}

/// Its own last word, else systemd's STATUS= without what stands beside it: the state and health, and why it has no work.
fn last(unit: Option<&UnitView>, report: Option<&StatusFile>) -> String {
    if let Some(last) = report.map(|r| &r.last).filter(|last| !last.is_empty()) {
        return last.clone();
    }
    let said = unit.and_then(|u| u.status_text.as_deref()).map(said).unwrap_or_default();
    let idle = report.and_then(|r| r.idle.as_ref()).map(Idle::to_string);
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

impl Row {
    /// Not in order: it should run and does not, or runs badly.
    pub fn is_wrong(&self) -> bool {
        match self.state {
            State::Failed | State::CannotStart => self.wanted || self.since_us.is_some(),
            State::Blocked | State::Stale => true,
            State::Stopped => self.wanted,
            State::Running => matches!(self.health.status, HealthStatus::Unhealthy | HealthStatus::Degraded),
            _ => false,
        }
    }

    /// State and health in one phrase: `RUNNING (healthy)`, `RUNNING (degraded - 2 sync errors)`, `STOPPED`.
    pub fn words(&self) -> String {
        match (self.state, self.health.status) {
            (State::Running | State::Paused | State::Stale, HealthStatus::Healthy) => format!("{} (healthy)", self.state),
            (State::Running | State::Paused | State::Stale, status) if self.health.message.is_empty() => {
                format!("{} ({status})", self.state)
            }
            (State::Running | State::Paused | State::Stale, status) => format!("{} ({status} - {})", self.state, self.health.message),
            (state, _) => state.to_string(),
        }
    }

    /// How its state looks.
    pub fn tone(&self) -> Tone {
        tone(self.state, self.health.status, self.wanted)
    }

    /// The dot before its name.
    pub fn dot(&self) -> &'static str {
        dot(self.state)
    }
}

/// How a state looks.
pub fn tone(state: State, health: HealthStatus, wanted: bool) -> Tone {
    match (state, health) {
        (State::Running, HealthStatus::Unhealthy) => Tone::Bad,
        (State::Running, HealthStatus::Degraded) => Tone::Warn,
        (State::Running, _) => Tone::Good,
        (State::Failed | State::CannotStart, _) => Tone::Bad,
        (State::Blocked | State::Stale | State::Paused, _) => Tone::Warn,
        (State::Initializing | State::ShuttingDown, _) => Tone::Busy,
        (State::Stopped, _) if wanted => Tone::Warn,
        (State::Stopped | State::NeverRan | State::Planned, _) => Tone::Dim,
    }
}

/// The dot before a name.
pub fn dot(state: State) -> &'static str {
    match state {
        State::Running | State::Paused | State::Stale => "●",
        State::Failed | State::CannotStart => "×",
        State::Initializing | State::ShuttingDown | State::Blocked => "◐",
        State::Stopped | State::NeverRan | State::Planned => "○",
    }
}
