//! `org.ringrift.Job`, the only socket that jobs may use.
use super::cause::FailureCause;
use super::coordinator::Renewed;
use super::cpus::CpuList;
use super::ids::{FencingToken, JobId};
use super::job_file::Quota;
use super::method::methods;
use super::workload::{Description, Progress, ResultFile};
use crate::contract::time::Wall;
use serde::{Deserialize, Serialize};

/// Seconds that a lease lasts; renewed at a third of it.
pub const LEASE_TERM: u64 = 120;
/// Seconds that the lease of a job lasts once its runner has taken it up: without a sign of life for so long, the
/// runner counts as stopped. At a third of it two renewals may be late.
pub const LONGEST_SILENCE: u64 = 60;
/// Seconds that an attempt may be given at most: a week.
pub const LONGEST_TIMEOUT: u64 = 604_800;

/// Arguments of Take: the unit's main process starts its job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The job, the unit's instance.
    pub job_id: JobId,
    /// systemd's INVOCATION_ID of the unit.
    #[serde(default)]
    pub invocation_id: String,
}

/// Result of Take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// What to hand to the workload.
    pub description: Description,
    /// Fill `inputs.model` with the current model of the configuration, if there is one.
    pub current_model: bool,
    /// The command and its arguments, from the configuration.
    pub command: Vec<String>,
    /// Shown with everything from now on.
    pub token: FencingToken,
    /// Seconds that the lease lasts.
    pub term_seconds: u64,
    /// Seconds that the attempt may take.
    #[serde(default = "longest")]
    pub timeout_seconds: u64,
    /// How much the workload yields the processor to everything else, 0 to 19; the runner itself does not.
    #[serde(default)]
    pub nice: u8,
    /// Processors that the workload may use; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<CpuList>,
    /// The GPUs that it may use, by their numbers; absent: the node has none that we know of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<Vec<u32>>,
    /// The workload gets only the processor time that nothing else wants.
    #[serde(default)]
    pub idle: bool,
    /// The disk that its files may take; absent: no limit is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

fn longest() -> u64 {
    LONGEST_TIMEOUT
}

/// Arguments of Renew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The job.
    pub job_id: JobId,
    /// Its token.
    pub token: FencingToken,
    /// News since the last renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// Arguments of Finish: the attempt is over. Sent by ExecStopPost=, or left in the job's directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// The job.
    pub job_id: JobId,
    /// Its token, as Take gave it; absent when the unit died before Take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<FencingToken>,
    /// systemd's INVOCATION_ID of the unit.
    #[serde(default)]
    pub invocation_id: String,
    /// systemd's $SERVICE_RESULT, with `oom-kill` also where only the cgroup's counter knows it.
    pub service_result: String,
    /// $EXIT_CODE: exited, killed, dumped.
    #[serde(default)]
    pub exit_code: String,
    /// $EXIT_STATUS: a number, or a signal's name.
    #[serde(default)]
    pub exit_status: String,
    /// The verified result, on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultFile>,
    /// The description as the workload got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// The unit was asked to stop while the job worked: the suite went down, the machine, an upgrade. No failure of the
    /// job's.
    #[serde(default)]
    pub interrupted: bool,
    /// Why there is no result; absent from a runner of an earlier version that did not know more than systemd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// Why there is no result, for people.
    #[serde(default)]
    pub error: String,
    /// When the attempt ended, microseconds since 1970.
    pub finished_us: Wall,
}

/// Result of Finish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// False when the attempt had been fenced off or was reported before: its output is not used.
    pub accepted: bool,
}

methods! {
    "org.ringrift.Job" "interfaces/org.ringrift.Job.varlink"
    Take(Take) -> Offer: Job
        = "Only root, user ringrift and jobs may connect to the socket, and a job may call only for itself.";
    Renew(Renew) -> Renewed: Job;
    Finish(Finish) -> Finished: Job;
}
