//! Payloads of events about jobs. `work_id` is the job's id.
use crate::contract::ids::{ConfigKey, JobId, LeaseId, NodeId};
use crate::contract::workload::{Artefact, Metrics};

payloads! {
    /// In the queue.
    WorkQueued { work_id: JobId, work_type: String, config_key: Option<ConfigKey>, priority: u8, requested_by: String }
    /// Granted.
    WorkClaimed { work_id: JobId, work_type: String, config_key: Option<ConfigKey>, node_id: NodeId, lease_id: LeaseId,
        attempt: u32 }
    /// Taken up by its unit.
    WorkStarted {
        work_id: JobId, work_type: String, config_key: Option<ConfigKey>, node_id: NodeId, unit: String, attempt: u32,
        #[serde(default)] subject: Option<String>,
    }
    /// Ended well; `output` is the attempt's directory, `description` the job as it was given to the workload, `uids`
    /// the users that the job ran as: a file of another is not the job's.
    WorkCompleted {
        work_id: JobId, work_type: String, config_key: Option<ConfigKey>, node_id: NodeId, attempt: u32,
        duration_seconds: f64,
        output: String, artefacts: Vec<Artefact>, metrics: Metrics, description: serde_json::Value,
        #[serde(default)] uids: Vec<u32>,
    }
    /// Failed for good; `result` is systemd's (exit-code, oom-kill, timeout, signal …) or `expired`.
    WorkFailed {
        work_id: JobId, work_type: String, config_key: Option<ConfigKey>, node_id: Option<NodeId>, attempts: u32,
        result: String, exit_status: Option<i32>, error: String, description: serde_json::Value,
    }
    /// Will be tried again, not before `retry_at` (microseconds since 1970).
    WorkRetry {
        work_id: JobId, work_type: String, config_key: Option<ConfigKey>, attempt: u32, result: String, error: String,
        retry_at: i64,
    }
    /// Ran past its timeout.
    WorkTimeout { work_id: JobId, work_type: String, config_key: Option<ConfigKey>, timeout_seconds: u64, attempt: u32 }
    /// Withdrawn.
    WorkCancelled { work_id: JobId, work_type: String, config_key: Option<ConfigKey>, reason: String }
    /// Progress of a running task.
    TaskHeartbeat {
        task_id: JobId, task_type: String, node_id: NodeId, config_key: Option<ConfigKey>, done: f64, total: f64,
        unit: String, message: String,
        metrics: Metrics,
    }
    /// A running job lost its slot to CRITICAL work (`by`); it is tried again.
    JobPreempted { job_id: JobId, job_type: String, node_id: NodeId, by: JobId, reason: String }
    /// A lease that was not renewed in time.
    TaskOrphaned { task_id: JobId, task_type: String, node_id: NodeId, last_heartbeat: i64, reason: String }
}
