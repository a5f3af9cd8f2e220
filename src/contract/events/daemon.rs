//! Payloads about daemons. `daemon_name` is the SCREAMING name.
use crate::contract::health::{Health, State};
use crate::contract::ids::NodeId;

payloads! {
    /// Ready.
    DaemonStarted { daemon_name: String, hostname: NodeId, pid: u32, invocation_id: String }
    /// Stopped in order.
    DaemonStopped { daemon_name: String, hostname: NodeId, reason: String, invocation_id: String }
    /// A change of state or health.
    DaemonStatusChanged { daemon_name: String, hostname: NodeId, old_status: String, new_status: String,
        reason: String, error: Option<String> }
    /// Used up its restarts; somebody must look.
    DaemonPermanentlyFailed { daemon_name: String, hostname: NodeId, restart_count: u32, requires_intervention: bool,
        result: String, invocation_id: String }
    /// A database was damaged or gone and was replaced: by the snapshot `restored`, or by a new one. `damaged` is where
    /// the old file is.
    DatabaseQuarantined {
        database: String, hostname: NodeId, path: String, reason: String, damaged: Option<String>,
        restored: Option<String>, lost: String,
    }
    /// Health at its interval.
    DaemonHealth { daemon_name: String, hostname: NodeId, state: State, health: Health }
}
