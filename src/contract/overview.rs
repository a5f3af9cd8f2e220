//! The overview: the one judgement of the suite that every face shows, as text, JSON, page or metrics.
use super::health::{Health, Idle, State};
use super::host::HostSnapshot;
use super::ids::{ConfigKey, JobId};
use super::problem::{Code, Problem, Severity};
use super::workload::{JobType, Progress};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of this value as JSON; the number grows when a field changes its meaning or goes.
pub const SCHEMA: &str = "ringrift.status/2";

/// The verdict in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is broken, halted, held, paused, refused, in backoff or stalled.
    Well,
    /// Something is starting, and nothing else is wrong.
    Starting,
    /// It runs with problems.
    Problems,
    /// The emergency halt is on.
    Halted,
    /// The master does not run.
    NotRunning,
    /// systemd cannot be asked.
    Unknown,
}

/// Everything about the suite at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it was looked at, microseconds since 1970.
    pub time_us: i64,
    /// The machine's name.
    pub host: String,
    /// The version of the program that judged.
    pub version: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The applied profile.
    pub profile: Option<String>,
    /// The master.
    pub master: MasterOverview,
    /// How many daemons run.
    pub daemons: Count,
    /// Causes first, each with what waits for it; then what follows from them.
    pub problems: Vec<Problem>,
    /// Configurations with their stages.
    #[serde(rename = "loop")]
    pub turns: Vec<Turn>,
    /// Jobs; absent while the coordinator's figures are not known.
    pub jobs: Option<Jobs>,
    /// The event log; absent while the router's figures are not known.
    pub events: Option<Events>,
    /// The machine. What is unknown is absent.
    pub machine: HostSnapshot,
    /// Every daemon that is not another name of one, in the registry's order; then the hubs.
    pub processes: Vec<Process>,
}

/// The master as it stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MasterOverview {
    /// Its unit is active.
    pub running: bool,
    /// Since when, microseconds since 1970.
    pub since_us: Option<i64>,
    /// Turns of its loop.
    pub turn: Option<u64>,
    /// When it last reported, microseconds since 1970.
    pub beat_us: Option<i64>,
}

/// Daemons that run, of those that the profile has; a daemon that was stopped, failed or is disabled stays in `of`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Running or paused.
    pub run: usize,
    /// Built members of the profile and daemons that somebody started beside it.
    pub of: usize,
    /// Why the others do not run, in words that group them, with their names.
    pub absent: Vec<Absent>,
}

/// Daemons that do not run for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// As in `stopped by root`.
    pub why: String,
    /// Their names.
    pub names: Vec<String>,
}

/// Where one configuration stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The configuration.
    pub config_key: ConfigKey,
    /// Generation of the champion, 0 for the untrained network; absent while the catalog is unknown.
    pub generation: Option<u32>,
    /// Elo of the champion.
    pub elo: Option<f64>,
    /// The stage, as the catalog names it.
    pub stage: Option<String>,
    /// What it does now, for people: a running job with its progress, or what it waits for.
    pub now: String,
    /// The first reason why nothing of it runs, if so.
    pub waits_for: Option<String>,
    /// Since when, microseconds since 1970.
    pub since_us: Option<i64>,
    /// The running job with the most to tell.
    pub job: Option<JobId>,
    /// Its progress.
    pub progress: Option<Progress>,
    /// The last promotion, microseconds since 1970.
    pub promoted_us: Option<i64>,
    /// Candidates refused since then.
    pub refusals: Option<u32>,
}

/// Jobs in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Jobs {
    /// Their units work, or are about to.
    pub running: u32,
    /// They wait.
    pub queued: u32,
    /// By type, those that run.
    pub running_by_type: BTreeMap<JobType, u32>,
    /// The first reason why the first one waits.
    pub waits_for: Option<String>,
}

/// The event log in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Events {
    /// Published over the last minute.
    pub published_per_second: f64,
    /// Most events that one connected subscriber has still to handle.
    pub lag: u64,
    /// Deliveries that were given up.
    pub dead_letters: u64,
    /// Events in the log.
    pub events: u64,
}

/// One process of the suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// AUTO_EXPORT; hubs that are no daemon type are `master` and `coordinator`.
    pub name: String,
    /// The category; `hub` for those.
    pub category: String,
    /// Its state.
    pub state: State,
    /// Why, if there is anything to say.
    pub reason: String,
    /// Its health.
    pub health: Health,
    /// The master wants it to run.
    pub wanted: bool,
    /// It is in the applied profile.
    pub member: bool,
    /// Counts for /health.
    pub critical: bool,
    /// Who stopped or paused it, if a person did.
    pub held: Option<Held>,
    /// Why it has no work, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// Its unit; absent for what is not built.
    pub unit: Option<String>,
    /// Restarts since the last start by hand.
    pub restarts: Option<u32>,
    /// Memory of its control group.
    pub memory_bytes: Option<u64>,
    /// The main process.
    pub main_pid: Option<u32>,
    /// Since when it is in its state, microseconds since 1970.
    pub since_us: Option<i64>,
    /// What it last did.
    pub last: String,
}

/// A person's hand on a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Who.
    pub by: String,
    /// Since when, microseconds since 1970, if that is known.
    pub since_us: Option<i64>,
}

impl Overview {
    /// Problems that stand by themselves, the worst first.
    pub fn causes(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|p| p.is_cause())
    }
    /// Whether anything is broken.
    pub fn is_broken(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Broken)
    }
    /// What keeps /health from being 200: the master and the critical daemons of the profile.
    pub fn against_liveness(&self) -> Vec<String> {
        let mut against: Vec<String> = Vec::new();
        let of = |code: Code| self.problems.iter().filter(move |p| p.code == code);
        let masters =
            [Code::Bus, Code::MasterDown, Code::MasterStuck].into_iter().flat_map(of).map(|p| p.title.clone());
        against.extend(masters);
        if !self.master.running && against.is_empty() {
            against
                .push("the master loop does not run; `systemctl start ringrift-master.target` starts the suite".into());
        }
        if self.profile.is_none() {
            // Without a profile nobody knows which daemons are critical here, and not knowing is not being well.
            against.push("no applied profile known; use `ringrift profile apply NAME`".into());
        }
        let dead = |p: &&Process| p.critical && p.member && p.category != "hub" && !p.is_up();
        against.extend(self.processes.iter().filter(dead).map(|p| self.about(p)));
        against
    }

    /// What keeps /ready from being 200: the same, a member that is not up, and everything that is broken.
    pub fn against_readiness(&self) -> Vec<String> {
        let mut against = self.against_liveness();
        let down = |p: &&Process| {
            p.wanted && p.member && p.category != "hub" && !matches!(p.state, State::Running | State::Paused)
        };
        let lame = self.processes.iter().filter(down).map(|p| self.about(p));
        let broken = self.problems.iter().filter(|p| p.severity == Severity::Broken).map(|p| p.title.clone());
        for text in lame.chain(broken).collect::<Vec<_>>() {
            if !against.contains(&text) {
                against.push(text);
            }
        }
        against
    }

    /// A process that is not as it should be, in the words of its problem if it has one.
    fn about(&self, process: &Process) -> String {
        let told = self.problems.iter().find(|p| p.subject.name == process.name).map(|p| p.title.clone());
        told.unwrap_or_else(|| format!("{} is {}", process.name, process.state))
    }

    /// A process by its name.
    pub fn process(&self, name: &str) -> Option<&Process> {
        self.processes.iter().find(|p| p.name == name)
    }
}

impl Process {
    /// Whether it works, whatever its health.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Running | State::Paused | State::Stale)
    }
}
