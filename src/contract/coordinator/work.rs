//! Work items, leases, and orders to masters.
use crate::contract::cause::FailureCause;
use crate::contract::cpus::CpuList;
use crate::contract::ids::{ConfigKey, FencingToken, JobId, LeaseId, NodeId};
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::Wall;
use crate::contract::wire::MAX_FRAME;
use crate::contract::workload::{InputFile, Inputs, JobType, Progress};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a work item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkStatus {
    /// Waits for a slot, a dependency or its retry time.
    Pending,
    /// Granted to a node; the unit has not taken it up yet.
    Claimed,
    /// Its unit works on it.
    Running,
    /// Ended well.
    Completed,
    /// Failed for good.
    Failed,
    /// Withdrawn.
    Cancelled,
}

impl WorkStatus {
    /// All, in the order of an item's life.
    pub const ALL: [WorkStatus; 6] = [
        WorkStatus::Pending,
        WorkStatus::Claimed,
        WorkStatus::Running,
        WorkStatus::Completed,
        WorkStatus::Failed,
        WorkStatus::Cancelled,
    ];

    /// Pending, claimed or running.
    pub fn is_active(self) -> bool {
        matches!(self, WorkStatus::Pending | WorkStatus::Claimed | WorkStatus::Running)
    }
    /// As the database and the wire write it.
    pub fn name(self) -> &'static str {
        match self {
            WorkStatus::Pending => "pending",
            WorkStatus::Claimed => "claimed",
            WorkStatus::Running => "running",
            WorkStatus::Completed => "completed",
            WorkStatus::Failed => "failed",
            WorkStatus::Cancelled => "cancelled",
        }
    }
}

/// The largest serialised size of a job to queue, bytes, so that every event and reply about it fits a frame.
pub const MAX_STORED: usize = MAX_FRAME / 4;
/// Of that, what the runtime adds to a daemon's job when it sends it: idempotency key, cause, who asks.
const ADDED: usize = 1024;

/// Why the coordinator does not take a job: its size, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job has {0} bytes; the maximum is {MAX_STORED}: split its inputs")]
pub struct TooLarge(pub usize);

impl TooLarge {
    /// Whether a job of so many bytes is taken.
    pub fn check(bytes: usize) -> Result<(), TooLarge> {
        if bytes > MAX_STORED { Err(TooLarge(bytes)) } else { Ok(()) }
    }
}

/// A job to queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWork {
    /// The stage.
    pub work_type: JobType,
    /// The configuration.
    pub config_key: ConfigKey,
    /// Priority, 0 to 100; higher first: ≥ 90 critical, ≥ 70 high, ≥ 40 normal, else low.
    #[serde(default = "fifty")]
    pub priority: u8,
    /// Tries in all, 1 to 10.
    #[serde(default = "three")]
    pub max_attempts: u32,
    /// Seconds that one try may take; its runner ends it then.
    #[serde(default = "hour")]
    pub timeout_seconds: u64,
    /// Items that must be completed first.
    #[serde(default)]
    pub depends_on: Vec<JobId>,
    /// What it reads.
    #[serde(default)]
    pub inputs: Inputs,
    /// `inputs.model` is the model that is current when the job starts.
    #[serde(default)]
    pub current_model: bool,
    /// The stage's parameters.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// For all randomness; made from the id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Who asked for it.
    #[serde(default)]
    pub requested_by: String,
    /// The same key is the same request, for ever: the first item is returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// While an item with this key is active, it is returned instead of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub singleton: Option<String>,
    /// The event that caused the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<crate::contract::ids::EventId>,
    /// What it is about, a model's id say; shown and handed on in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it should be done, microseconds since 1970: it becomes urgent in time. Missing it fails nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_us: Option<Wall>,
}

fn fifty() -> u8 {
    50
}
fn three() -> u32 {
    3
}
fn hour() -> u64 {
    3600
}

impl NewWork {
    /// A request with the defaults of the queue.
    pub fn new(work_type: JobType, config_key: ConfigKey) -> Self {
        NewWork {
            work_type,
            config_key,
            priority: fifty(),
            max_attempts: three(),
            timeout_seconds: hour(),
            depends_on: Vec::new(),
            inputs: Inputs::default(),
            current_model: false,
            params: Map::new(),
            seed: None,
            requested_by: String::new(),
            idempotency_key: None,
            singleton: None,
            cause: None,
            subject: None,
            deadline_us: None,
        }
    }

    /// Its serialised size, bytes.
    pub fn bytes(&self) -> usize {
        serialised(self)
    }

    /// How many bytes of input files it may still take, each with `InputFile::bytes`.
    pub fn room(&self) -> usize {
        MAX_STORED.saturating_sub(self.bytes().saturating_add(ADDED))
    }
}

impl InputFile {
    /// What it adds to a job's serialised size, bytes.
    pub fn bytes(&self) -> usize {
        serialised(self).saturating_add(",".len())
    }
}

/// What cannot be written cannot be sent either: as large as can be.
fn serialised(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

/// Result of Enqueue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enqueued {
    /// The item.
    pub work_id: JobId,
    /// False when it was there already.
    pub created: bool,
}

/// A queued, running or finished job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkItem {
    /// Its id, also its job's.
    pub work_id: JobId,
    /// What was asked for.
    pub work: NewWork,
    /// Where it stands.
    pub status: WorkStatus,
    /// Tries begun.
    pub attempts: u32,
    /// Microseconds since 1970.
    pub created_us: Wall,
    /// When it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_us: Option<Wall>,
    /// When its unit took it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_us: Option<Wall>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_us: Option<Wall>,
    /// Not before, for a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_us: Option<Wall>,
    /// The node it was granted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<NodeId>,
    /// Its lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The last progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// systemd's result of the last try (success, exit-code, oom-kill, timeout …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What kind of failure that was, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailureCause>,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it is not granted at the moment, for a pending item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
    /// What kind each of these reasons is, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_codes: Vec<ReasonCode>,
}

/// A slot that is taken: claiming a queued item is an Acquire like any other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Its id.
    pub lease_id: LeaseId,
    /// Grows with each grant; who shows an older one is refused. Absent where it is nobody's business: only the holder
    /// and the suite's own processes get it.
    #[serde(default, skip_serializing_if = "FencingToken::is_withheld")]
    pub token: FencingToken,
    /// The slot's type.
    pub task_type: JobType,
    /// Where.
    pub node: NodeId,
    /// When it was granted, microseconds since 1970.
    pub granted_us: Wall,
    /// When it ends unless renewed.
    pub expires_us: Wall,
    /// Fenced off: it expired, the slot is held until its unit is gone.
    #[serde(default)]
    pub fenced: bool,
    /// The node's GPUs that it may use, by their numbers; absent: the node has none that we know of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<Vec<u32>>,
}

/// Arguments of Acquire and CanSpawn, for tasks that are not in the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquire {
    /// The slot's type.
    pub task_type: JobType,
    /// Where; the coordinator's own node when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Who asks.
    #[serde(default)]
    pub requested_by: String,
}

/// Result of CanSpawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CanSpawn {
    /// Whether Acquire would succeed now.
    pub allowed: bool,
    /// Every reason against.
    pub reasons: Vec<String>,
    /// What kind each reason is, in their order.
    #[serde(default)]
    pub codes: Vec<ReasonCode>,
}

impl CanSpawn {
    /// An answer with these reasons against; none: allowed.
    pub fn new(reasons: Vec<Reason>) -> CanSpawn {
        let (reasons, codes) = Reason::split(reasons);
        CanSpawn { allowed: reasons.is_empty(), reasons, codes }
    }

    /// Whether nothing but a lack of slots is against it, so that the end of one such task would help.
    pub fn wants_a_slot(&self) -> bool {
        !self.allowed && !self.codes.is_empty() && self.codes.iter().all(|code| *code == ReasonCode::Slots)
    }
}

/// Arguments of Dispatch (with `more`): the node's master offers to start units. Orders follow; the ones not yet
/// carried out come first. A second Dispatch of the same node ends the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    /// The node.
    pub node: NodeId,
}

/// What the master shall do with a job's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderKind {
    /// Set `properties` and start it.
    Start,
    /// Stop it: its lease has been fenced off, or it was cancelled.
    Stop,
    /// Kill it at once, all of its processes: emergency halt.
    Kill,
}

/// A reply of Dispatch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What to do.
    pub kind: OrderKind,
    /// The job.
    pub job_id: JobId,
    /// Its type.
    pub job_type: JobType,
    /// Its token.
    pub token: FencingToken,
    /// Seconds after which, and two minutes more, the master stops the unit, for a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_max_seconds: Option<u64>,
    /// Bytes of memory the unit may use (MemoryMax), for a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_max: Option<u64>,
    /// Processes and threads that the unit may have (TasksMax), for a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_max: Option<u64>,
    /// Processors that jobs of its type may use (AllowedCPUs of their slice), for a start; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<CpuList>,
}

/// Arguments of Report: what became of an order, or that a unit is gone without a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The job.
    pub job_id: JobId,
    /// The order's token.
    pub token: FencingToken,
    /// What happened.
    pub outcome: ReportOutcome,
    /// systemd's words.
    #[serde(default)]
    pub detail: String,
}

/// What happened to an order or a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportOutcome {
    /// systemd started it.
    Started,
    /// systemd could not start it; a failed try.
    StartFailed,
    /// It is not there any more; a failed try unless its result came.
    Gone,
}
