//! Utilisation as `org.ringrift.Coordinator` follows it: what was measured, what was decided, the rate of games.
use crate::contract::ids::NodeId;
use crate::contract::time::Wall;
use serde::{Deserialize, Serialize};

/// What is done about a node's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is as it should be, or nothing can be done.
    #[default]
    None,
    /// More jobs.
    ScaleUp,
    /// Fewer jobs.
    ScaleDown,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 3] = [Action::None, Action::ScaleUp, Action::ScaleDown];
    /// As metrics and the wire name it.
    pub fn name(self) -> &'static str {
        match self {
            Action::None => "none",
            Action::ScaleUp => "scale_up",
            Action::ScaleDown => "scale_down",
        }
    }
}

/// Arguments of Observe: a node as it is now. Percentages; absent: unknown, never 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// The node; the coordinator's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Logical processors.
    pub cpus: u32,
    /// Busy share of the processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// What of all processors the node's self-play jobs took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selfplay_cpu_percent: Option<f64>,
    /// Used memory without caches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_percent: Option<f64>,
    /// Memory in all, bytes.
    #[serde(default)]
    pub memory_bytes: u64,
    /// Model names of the GPUs, one each.
    #[serde(default)]
    pub gpus: Vec<String>,
    /// Busy share of the busiest GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_percent: Option<f64>,
    /// Used memory of the fullest GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_percent: Option<f64>,
}

/// Result of Observe: how many self-play jobs the node should run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Advice {
    /// What to do.
    pub action: Action,
    /// Jobs that should run.
    pub jobs: u32,
    /// Jobs that run.
    pub running: u32,
    /// Jobs more or less.
    pub delta: i32,
    /// The most that the hardware allows.
    pub most: u32,
    /// Why.
    pub reason: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// A node as it was last observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeUse {
    /// The node.
    pub node: String,
    /// Observed when, microseconds since 1970.
    pub at_us: Wall,
    /// What was measured.
    pub seen: Observe,
    /// What was decided.
    pub advice: Advice,
}

/// Result of Utilization, `get_utilization_status` of the earlier implementation. Shares are means over the nodes that
/// know, percent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Utilization {
    /// Of the processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Of the GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_percent: Option<f64>,
    /// Of the GPUs' memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_percent: Option<f64>,
    /// Whether the processors are in their band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_in_band: Option<bool>,
    /// Whether the GPUs are in theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_in_band: Option<bool>,
    /// Nodes with a GPU.
    pub gpu_nodes: u32,
    /// Nodes without.
    pub cpu_nodes: u32,
    /// Used slots of all types.
    pub jobs: u32,
    /// The last decision that changed something among the nodes' latest, else none.
    pub action: Action,
    /// Its confidence.
    pub confidence: f64,
    /// Self-play target in games per hour.
    pub rate: f64,
    /// The nodes; what was not heard of for three periods is left out.
    pub nodes: Vec<NodeUse>,
}

/// Arguments of ShouldScale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShouldScale {
    /// cpu or gpu.
    pub resource: String,
}

/// Result of ShouldScale, `should_scale_up` and `should_scale_down` of the earlier implementation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The use is below the threshold.
    pub up: bool,
    /// The use is above the threshold.
    pub down: bool,
    /// The numbers; unknown use is neither.
    pub reason: String,
}

/// Arguments of MaxSelfplay, `get_max_selfplay_for_node` of the earlier implementation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxSelfplay {
    /// Logical processors.
    pub cpu_count: u32,
    /// Memory, GiB; 0: unknown.
    #[serde(default)]
    pub memory_gb: u64,
    /// GPUs, all of one model.
    #[serde(default)]
    pub gpu_count: u32,
    /// Their model.
    #[serde(default)]
    pub gpu_name: String,
}

/// Result of MaxSelfplay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfplayBound {
    /// Self-play jobs at once.
    pub jobs: u32,
    /// What bounds them.
    pub why: String,
}

/// How a request for a rate is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateUrgency {
    /// By what the cluster's use allows.
    #[default]
    Normal,
    /// Granted as asked, before all measurements: an operator's emergency.
    Emergency,
}

/// Arguments of NegotiateRate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegotiateRate {
    /// Games an hour that are asked for; absent: adjust what is agreed on to the use (`apply_feedback_adjustment` of
    /// the earlier implementation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<f64>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
    /// Whether measurements count.
    #[serde(default)]
    pub urgency: RateUrgency,
    /// Who asks.
    pub requestor: String,
}

/// Result of NegotiateRate, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgreedRate {
    /// Games an hour from now on.
    pub rate: f64,
    /// Before.
    pub previous: f64,
    /// Asked for.
    pub requested: f64,
    /// Who asked.
    pub requestor: String,
    /// Why.
    pub reason: String,
    /// What was done to the request, and why.
    pub why: Vec<String>,
    /// When, microseconds since 1970.
    pub at_us: Wall,
}

/// Result of Rates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Self-play target in games per hour.
    pub rate: f64,
    /// The last requests, newest first.
    pub log: Vec<AgreedRate>,
}
