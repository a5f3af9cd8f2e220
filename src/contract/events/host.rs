//! Payloads about machines, their resources, and the router's dead letters.
use crate::contract::ids::{ConfigKey, NodeId};

payloads! {
    /// The master of a node started.
    HostOnline { host: NodeId, capabilities: Vec<String> }
    /// The master of a node stopped.
    HostOffline { host: NodeId, reason: String }
    /// A check passed again.
    HealthCheckPassed { node_id: NodeId, check_type: String }
    /// A check failed.
    HealthCheckFailed { node_id: NodeId, check_type: String, reason: String, consecutive_failures: u32 }
    /// Percentages of the file system that holds the state directory; `threshold` is the one passed.
    DiskSpaceLow { host: NodeId, path: String, usage_percent: f64, free_gb: f64, threshold: f64, level: String }
    /// `resource_type` is disk, memory, cpu, gpu or load.
    ResourceConstraint { node_id: NodeId, resource_type: String, usage_percent: f64, threshold: f64, level: String }
    /// Cores that had nothing to do for `idle_duration_seconds`.
    IdleResourceDetected { node_id: NodeId, idle_cores: f64, gpu_utilization: Option<f64>, idle_duration_seconds: f64,
        recommended_config: Option<ConfigKey> }
    /// A queue is too long.
    BackpressureActivated { node_id: NodeId, level: String, reason: String, resource_type: String, queue_depth: u64 }
    /// The queue is short enough again.
    BackpressureReleased { node_id: NodeId, previous_level: String, queue_depth: u64 }
    /// There are too many dead letters.
    DlqStaleEvents { pending: u64, oldest_seconds: u64 }
    /// Dead letters were delivered again.
    DlqEventsReplayed { count: u64, requested_by: String }
}
