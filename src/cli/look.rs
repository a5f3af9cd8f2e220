//! The processes of the suite for verbs that list them: as the one judgement shows them, with what only the master
//! itself can tell.
use super::out::Tone;
use super::world::World;
use crate::contract::error::Failure;
use crate::contract::facts::Facts;
use crate::contract::health::{HealthStatus, State};
use crate::contract::host::UnitView;
use crate::contract::overview::{Overview, Process};
use crate::contract::problem::Problem;
use crate::contract::registry::{DaemonType, Profile};
use crate::contract::workload::JobType;
use crate::coordination::judge;
use crate::platform::commander::Commander;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::ops::Deref;

/// The master's unit.
pub use crate::coordination::judge::MASTER;

/// A daemon or hub as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// As the judgement has it.
    #[serde(flatten)]
    process: Process,
    /// Why it last failed, as the master remembers it.
    pub last_error: Option<String>,
}

impl Deref for Row {
    type Target = Process;
    fn deref(&self) -> &Process {
        &self.process
    }
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
    /// All units of the suite but those of jobs.
    pub units: Vec<UnitView>,
    /// The applied profile, if the master has said.
    pub profile: Option<Profile>,
    overview: Overview,
    /// Daemons as the master sees them at this moment, by name; empty while it does not answer.
    told: HashMap<String, Map<String, Value>>,
}

impl Seen {
    /// Looks.
    pub fn look(world: &World) -> Result<Seen, Failure> {
        let mut seen = Seen::of(world.facts())?;
        if seen.overview.master.running {
            seen.ask_master();
        }
        Ok(seen)
    }

    /// What the facts say, without asking anybody.
    pub fn of(facts: Facts) -> Result<Seen, Failure> {
        let overview = judge::overview(&facts, env!("CARGO_PKG_VERSION"));
        let profile = facts.profile();
        let units = facts.units.map_err(World::unseen)?;
        Ok(Seen { units, profile, told: HashMap::new(), overview })
    }

    /// The master's account of this moment, where there is one; its report is a little older.
    fn ask_master(&mut self) {
        // One that does not answer is shown by `ringrift status`, and by its own row here.
        let Ok((health, daemons)) = Commander::connect().and_then(|bus| Ok((bus.health()?, bus.daemons()?))) else {
            return;
        };
        self.profile = Profile::parse(&health.profile);
        let named = |d: Map<String, Value>| Some((d.get("name")?.as_str()?.to_owned(), d));
        self.told = daemons.into_iter().filter_map(named).collect();
    }

    /// One daemon; an alias is shown as what it stands for.
    pub fn daemon(&self, daemon: DaemonType) -> Row {
        let name = daemon.resolve().name();
        let found = self.overview.process(name).cloned();
        let Some(process) = found else { unreachable!("the judgement has every daemon of the registry: {name}") };
        self.row(process)
    }

    /// Whether systemd neither has a daemon nor is about to have it.
    pub fn is_down(&self, daemon: DaemonType) -> bool {
        let name = daemon.resolve().unit();
        self.units.iter().find(|unit| unit.name == name).is_none_or(UnitView::is_down)
    }

    /// All daemons that are not another name of one, in the registry's order.
    pub fn daemons(&self) -> Vec<Row> {
        self.overview.processes.iter().filter(|p| p.category != "hub").map(|p| self.row(p.clone())).collect()
    }

    fn row(&self, mut process: Process) -> Row {
        let told = self.told.get(&process.name);
        process.wanted = told.and_then(|t| t.get("desired")?.as_bool()).unwrap_or(process.wanted);
        Row { process, last_error: told.and_then(|t| Some(t.get("last_error")?.as_str()?.to_owned())) }
    }

    /// The state of a process by its name: a daemon, `master` or `coordinator`.
    pub fn state(&self, name: &str) -> Option<State> {
        self.overview.process(name).map(|p| p.state)
    }

    /// What is wrong with a process, if anything is.
    pub fn problem(&self, name: &str) -> Option<&Problem> {
        self.overview.problems.iter().find(|p| p.subject.name == name)
    }
}

/// The jobs' units that are there, by type and id.
pub fn jobs(world: &World) -> Result<Vec<JobRow>, Failure> {
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
    Ok(world.look(&["ringrift-job-*"])?.iter().filter(there).filter_map(row).collect())
}

impl Row {
    /// State and health in one phrase: `RUNNING (healthy)`, `RUNNING (degraded - 2 sync errors)`, `STOPPED`.
    pub fn words(&self) -> String {
        match (self.state, self.health.status) {
            (State::Running | State::Paused | State::Stale, HealthStatus::Healthy) => {
                format!("{} (healthy)", self.state)
            }
            (State::Running | State::Paused | State::Stale, status) if self.health.message.is_empty() => {
                format!("{} ({status})", self.state)
            }
            (State::Running | State::Paused | State::Stale, status) => {
                format!("{} ({status} - {})", self.state, self.health.message)
            }
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
