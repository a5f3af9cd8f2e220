//! Conditions that hub processes report with their status files, so that who only looks needs to ask nobody.
use super::safeguards::{BreakerView, EmergencyView, GateView};
use crate::contract::cause::FailureCause;
use crate::contract::config::{Safeguards, Threshold};
use crate::contract::host::HostSnapshot;
use crate::contract::ids::{ConfigKey, JobId};
use crate::contract::reason::ReasonCode;
use crate::contract::workload::{JobType, Progress};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The coordinator's: what bars work, what fails, what waits, what runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// The emergency halt.
    #[serde(default)]
    pub halt: EmergencyView,
    /// The pause of the queue, if it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Gates with their verdicts.
    #[serde(default)]
    pub gates: Vec<GateView>,
    /// Breakers that have something to remember.
    #[serde(default)]
    pub breakers: Vec<BreakerView>,
    /// Types and configurations whose last attempts failed.
    #[serde(default)]
    pub failing: Vec<Failing>,
    /// What waits, one entry a configuration.
    #[serde(default)]
    pub waiting: Vec<Waiting>,
    /// The thresholds by which the gates are judged; older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// The coordinator's last look at its machine, on which the gates are judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<HostSnapshot>,
    /// What was granted and has not ended.
    #[serde(default)]
    pub running: Vec<RunningJob>,
}

/// From which use of the disk and of inodes on no work begins, and how far below that it begins again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Of the state directory's file system, percent.
    pub disk: Threshold,
    /// Of its inodes, percent.
    pub inodes: Threshold,
    /// Percent below a threshold that ends its effect.
    pub hysteresis: f64,
}

impl Thresholds {
    /// Those of a configuration.
    pub fn of(safeguards: &Safeguards) -> Thresholds {
        Thresholds { disk: safeguards.disk, inodes: safeguards.inodes, hysteresis: safeguards.hysteresis }
    }
}

/// A pause of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When, microseconds since 1970.
    pub since_us: i64,
}

/// Attempts of one type for one configuration that failed one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// The type.
    pub work_type: JobType,
    /// The configuration.
    pub config_key: ConfigKey,
    /// The newest item of them.
    pub work_id: JobId,
    /// Attempts in a row that failed.
    pub in_a_row: u32,
    /// Attempts of the newest item.
    pub attempts: u32,
    /// Attempts that it may have.
    pub max_attempts: u32,
    /// What kind of failure the last one was.
    pub cause: FailureCause,
    /// Why it failed, for people.
    pub error: String,
    /// When the newest item was queued, microseconds since 1970.
    pub since_us: i64,
}

/// What waits of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The configuration.
    pub config_key: ConfigKey,
    /// How many items of each type.
    pub by_type: BTreeMap<String, u32>,
    /// The item that comes first, and its type.
    pub work_id: JobId,
    /// Its type.
    pub work_type: JobType,
    /// When the oldest item was queued, microseconds since 1970.
    pub since_us: i64,
    /// When a job of this configuration last started, microseconds since 1970; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_us: Option<i64>,
    /// Every reason why the first one waits.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What kind each is.
    #[serde(default)]
    pub codes: Vec<ReasonCode>,
}

/// A job that was granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningJob {
    /// The item.
    pub work_id: JobId,
    /// Its type.
    pub work_type: JobType,
    /// Its configuration.
    pub config_key: ConfigKey,
    /// When it was granted, microseconds since 1970.
    pub since_us: i64,
    /// Its unit has taken it up.
    pub started: bool,
    /// How far it is, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}
