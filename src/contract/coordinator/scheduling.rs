//! The order of the queue as `org.ringrift.Coordinator` tells it.
use crate::contract::ids::{ConfigKey, FencingToken, JobId};
use crate::contract::text::one_line;
use crate::contract::time::Wall;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};

/// Where a waiting item stands in the order in which slots are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlace {
    /// The item.
    pub work_id: JobId,
    /// Its type.
    pub work_type: JobType,
    /// Its configuration.
    pub config_key: ConfigKey,
    /// What it was queued with, 0 to 100.
    pub priority: u8,
    /// CRITICAL, HIGH, NORMAL or LOW, as it counts now.
    pub level: String,
    /// When it was queued, microseconds since 1970.
    pub created_us: Wall,
    /// When it should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_us: Option<Wall>,
    /// What raised or lowered it.
    pub why: Vec<String>,
}

/// Result of QueueOrder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QueueOrder {
    /// Items that could be granted if there were room, in order.
    pub places: Vec<QueuePlace>,
    /// There are more.
    pub truncated: bool,
}

/// Why an attempt is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopCause {
    /// It makes no progress.
    Stuck,
    /// More urgent work needs its slot.
    Preempted,
    /// The machine is used too much.
    Shed,
}

impl StopCause {
    /// As the item's result names it.
    pub fn name(self) -> &'static str {
        match self {
            StopCause::Stuck => "stuck",
            StopCause::Preempted => "preempted",
            StopCause::Shed => "shed",
        }
    }
}

/// Arguments of StopWork: ends an attempt; the item is tried again if it has tries left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopWork {
    /// The item.
    pub work_id: JobId,
    /// The attempt's token: an attempt that has ended meanwhile is not stopped.
    pub token: FencingToken,
    /// Why.
    pub cause: StopCause,
    /// For people.
    #[serde(default, deserialize_with = "one_line")]
    pub reason: String,
}
