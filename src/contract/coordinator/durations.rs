//! How long tasks take, as `org.ringrift.Coordinator` tells it.
use crate::contract::ids::{ConfigKey, JobId};
use crate::contract::time::Wall;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};

/// Arguments of ExpectedDuration and CanStartBeforePeak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskOf {
    /// The type.
    pub task_type: JobType,
    /// The configuration.
    pub config_key: ConfigKey,
}

/// Arguments of RecordDuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordDuration {
    /// The type.
    pub task_type: JobType,
    /// The configuration.
    pub config_key: ConfigKey,
    /// How long it took.
    pub seconds: f64,
}

/// How long such tasks take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DurationView {
    /// The type.
    pub task_type: JobType,
    /// The configuration.
    pub config_key: ConfigKey,
    /// The median, seconds.
    pub seconds: f64,
    /// Hardly shorter.
    pub low_seconds: f64,
    /// Hardly longer.
    pub high_seconds: f64,
    /// Runs that it rests on.
    pub runs: u32,
    /// recent runs, older runs, or default: a guess.
    pub basis: String,
}

/// Result of ExpectedDuration and RecordDuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DurationOf {
    /// The estimate.
    pub duration: DurationView,
}

/// Result of CanStartBeforePeak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartView {
    /// Whether it may start now.
    pub allowed: bool,
    /// Why, or why not.
    pub reason: String,
    /// When it may, if not now, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_us: Option<Wall>,
}

/// A running task and when it will end, microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningView {
    /// The item.
    pub work_id: JobId,
    /// Its type.
    pub task_type: JobType,
    /// Its configuration.
    pub config_key: ConfigKey,
    /// Since when.
    pub started_us: Wall,
    /// Most likely.
    pub eta_us: Wall,
    /// Hardly before.
    pub low_us: Wall,
    /// Hardly after.
    pub high_us: Wall,
    /// It runs far longer than such tasks do.
    pub stale: bool,
}

/// When slots of a type will be free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeView {
    /// The type.
    pub task_type: JobType,
    /// The n-th slot, microseconds since 1970; now for those that are free.
    pub free_at_us: Vec<Wall>,
}

/// Result of Durations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Durations {
    /// What was learned.
    pub estimates: Vec<DurationView>,
    /// What runs.
    pub running: Vec<RunningView>,
    /// When there is room.
    pub free: Vec<FreeView>,
    /// It is peak time until then, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_until_us: Option<Wall>,
}
