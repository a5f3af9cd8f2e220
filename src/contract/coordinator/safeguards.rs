//! Methods of `org.ringrift.Coordinator` about safeguards: breakers, reservations, pause and the emergency halt.
use crate::contract::cause::FailureCause;
use crate::contract::ids::{FencingToken, LeaseId, NodeId};
use crate::contract::text::one_line;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};

/// States of the coordinator and its managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LifeState {
    /// Not set up yet.
    #[default]
    Initializing,
    /// Set up, not started.
    Ready,
    /// At work.
    Running,
    /// Suspended by an operator.
    Paused,
    /// Finishes what is under way.
    Draining,
    /// Something failed; it continues as far as it can.
    Error,
    /// Ended.
    Stopped,
}

/// The managers inside the coordinator in the order of their start, each with the priority of its shutdown: a larger
/// one ends earlier. What takes in new work goes first, what tells others of it last.
pub const MANAGERS: [(&str, u32); 9] = [
    ("outbox", 0),
    ("emergency", 0),
    ("safeguards", 10),
    ("durations", 10),
    ("bandwidth", 10),
    ("optimizer", 20),
    ("admission", 20),
    ("scheduler", 30),
    ("queue", 30),
];

/// Seconds that one manager gets for its shutdown; the unit's stop timeout is the sum of all.
pub const MANAGER_SHUTDOWN: u64 = 30;

/// One manager inside the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerView {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: LifeState,
    /// Larger ones are shut down first.
    pub shutdown_priority: u32,
    /// Errors since the start.
    pub errors: u64,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Things done since the start.
    pub handled: u64,
}

/// What a node is kept free for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Matches: evaluation and tournament.
    Gauntlet,
    /// Training.
    Training,
}

impl Purpose {
    /// As the wire and the database write it.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Gauntlet => "gauntlet",
            Purpose::Training => "training",
        }
    }
    /// The purpose with this name.
    pub fn from_name(name: &str) -> Option<Purpose> {
        [Purpose::Gauntlet, Purpose::Training].into_iter().find(|p| p.name() == name)
    }
    /// Whether a task of the type serves it. What only moves files disturbs nobody.
    pub fn admits(self, kind: JobType) -> bool {
        match self {
            _ if matches!(kind, JobType::Sync | JobType::Export) => true,
            Purpose::Gauntlet => matches!(kind, JobType::Evaluation | JobType::Tournament),
            Purpose::Training => kind == JobType::Training,
        }
    }
}

/// Arguments of Reserve: keeps a node free for a purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// The node; the coordinator's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// For what.
    pub purpose: Purpose,
    /// For how long, 1 to 86,400 seconds.
    pub seconds: u32,
    /// Who asks.
    #[serde(default)]
    pub requested_by: String,
}

/// Arguments of Unreserve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreserve {
    /// The node; the coordinator's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
}

/// A node that is kept free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationView {
    /// The node.
    pub node: NodeId,
    /// For what.
    pub purpose: Purpose,
    /// Seconds left.
    pub seconds: u64,
    /// Who asked.
    pub by: String,
}

/// Arguments of Release: a lease that Acquire gave, and how its task ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The lease.
    pub lease_id: LeaseId,
    /// Its token.
    pub token: FencingToken,
    /// Why the task failed; absent when it ended well. Counted by the breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What kind of failure it was; `oom` opens the breaker at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
}

/// Arguments of RecordFailure, for tasks that the coordinator does not see end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFailure {
    /// The task's type.
    pub task_type: JobType,
    /// Where; the coordinator's own node when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// What happened, for people.
    #[serde(default)]
    pub reason: String,
    /// What kind of failure it was; `oom` opens the breaker at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
}

/// Result of RecordFailure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The breaker's state now: CLOSED, OPEN or HALF_OPEN.
    pub state: String,
    /// Whether this failure opened it.
    pub opened: bool,
}

/// Arguments of ResetBreakers; both absent: all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetBreakers {
    /// Only this job type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<JobType>,
    /// Only on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
}

/// Result of ResetBreakers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResetDone {
    /// How many were closed.
    pub reset: u32,
}

/// One breaker that has something to remember.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakerView {
    /// The node.
    pub node: NodeId,
    /// The type.
    pub task_type: JobType,
    /// CLOSED, OPEN or HALF_OPEN.
    pub state: String,
    /// Failures in a row.
    pub failures: u32,
    /// Times it opened in a row.
    pub opened: u32,
    /// Probes that succeeded.
    pub successes: u32,
    /// Seconds until probes are let through, while OPEN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_in_seconds: Option<u64>,
    /// The last failure.
    pub reason: String,
    /// When that was, microseconds since 1970.
    pub failed_us: i64,
}

/// A token bucket as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketView {
    /// `all` or `selfplay`.
    pub bucket: String,
    /// Tokens a minute.
    pub per_minute: u32,
    /// Tokens at most.
    pub burst: u32,
    /// Tokens now.
    pub tokens: u32,
}

/// Recent starts on a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartsView {
    /// The node.
    pub node: NodeId,
    /// Starts in the window.
    pub starts: u32,
    /// How many are ordinary.
    pub ordinary: u32,
    /// Milliseconds between two starts that follow from it.
    pub delay_ms: u32,
}

/// The weighted back-pressure signal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SignalView {
    /// 0 to 1.
    pub value: f64,
    /// Share of the self-play rate that is left.
    pub multiplier: f64,
    /// NONE, LOW, SOFT, MEDIUM, HARD, HIGH, CRITICAL or STOP.
    pub level: String,
}

/// The emergency halt as it stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EmergencyView {
    /// Nothing is granted and no job runs.
    pub halted: bool,
    /// Why.
    #[serde(default, deserialize_with = "one_line")]
    pub reason: String,
    /// Who.
    #[serde(default)]
    pub by: String,
    /// When, microseconds since 1970; 0 when not halted.
    #[serde(default)]
    pub since_us: i64,
    /// What became of the job units, one line each step.
    #[serde(default)]
    pub done: Vec<String>,
}

/// Result of Safeguards.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SafeguardsView {
    /// The halt.
    pub emergency: EmergencyView,
    /// Gates with their verdicts.
    pub gates: Vec<GateView>,
    /// Breakers that have something to remember.
    pub breakers: Vec<BreakerView>,
    /// Token buckets.
    pub buckets: Vec<BucketView>,
    /// Recent starts by node.
    pub starts: Vec<StartsView>,
    /// Nodes kept free.
    pub reservations: Vec<ReservationView>,
    /// Back-pressure.
    pub signal: SignalView,
    /// Why nothing at all is granted, if so.
    pub barred: Vec<String>,
}

/// One gate as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateView {
    /// Its name.
    pub gate: String,
    /// Whether it lets work through.
    pub open: bool,
    /// What it measured, or why it is shut.
    pub why: String,
    /// It is shut because it has nothing to judge by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// Result of Halt and Flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emergency {
    /// The emergency halt as it stands.
    pub emergency: EmergencyView,
}

/// Arguments of Halt, Clear, Pause and Resume.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// Why, for people.
    #[serde(default, deserialize_with = "one_line")]
    pub reason: String,
    /// Kept for legacy callers and not used: who it was is the caller's user, by the kernel's word.
    #[serde(default)]
    pub by: String,
}

/// Arguments of Flags: the flag files that exist, as a watcher sees them that may look into /tmp.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// One each.
    pub flags: Vec<Flag>,
}

/// One flag file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// Its path.
    pub path: String,
    /// What it says, at most a few lines.
    #[serde(default)]
    pub text: String,
}
