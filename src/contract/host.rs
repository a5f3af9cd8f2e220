//! What a machine looks like at a moment: the numbers that thresholds are held against.
use super::cause::FailureCause;
use super::error::Exit;
use serde::{Deserialize, Serialize};

/// One look at the machine. What could not be read is absent, never 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostSnapshot {
    /// Logical processors.
    pub cpus: u32,
    /// Used share of all processors since the last look, percent.
    pub cpu_percent: Option<f64>,
    /// What of all processors the self-play jobs took since the last look, percent.
    pub selfplay_cpu_percent: Option<f64>,
    /// Load average over a minute.
    pub load1: Option<f64>,
    /// Used memory without caches, percent.
    pub memory_percent: Option<f64>,
    /// Memory in all, bytes.
    pub memory_bytes: u64,
    /// Used share of the state directory's file system, percent.
    pub disk_percent: Option<f64>,
    /// Used share of its inodes, percent; absent where the file system does not count inodes.
    #[serde(default)]
    pub inode_percent: Option<f64>,
    /// Somebody met a full file system within the last minute.
    #[serde(default)]
    pub space_refused: bool,
    /// Room left there for ordinary users, bytes.
    pub disk_free_bytes: Option<u64>,
    /// Seconds until that room is used up at the last hour's growth; absent before an hour, and while it does not
    /// shrink. Only who looks again and again knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_full_in_seconds: Option<u64>,
    /// The GPUs, empty without a driver.
    pub gpus: Vec<Gpu>,
    /// Why there is no GPU information, if there is none.
    pub gpu_absent: Option<String>,
    /// Share of time in which some task waited for CPU, memory, I/O over 10 s, percent (PSI).
    pub pressure: Pressure,
}

/// Pressure stall information, `some avg10`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Pressure {
    /// For a processor.
    pub cpu: Option<f64>,
    /// For memory.
    pub memory: Option<f64>,
    /// For I/O.
    pub io: Option<f64>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Gpu {
    /// Its model, as in "NVIDIA H100 80GB HBM3".
    pub name: String,
    /// Busy share, percent.
    pub utilization_percent: Option<f64>,
    /// Used memory, percent.
    pub memory_percent: Option<f64>,
    /// Memory in all, bytes.
    pub memory_bytes: u64,
}

/// A unit as systemd sees it; enough for every status display.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UnitView {
    /// Its name.
    pub name: String,
    /// loaded, not-found, masked, bad-setting, error.
    pub load_state: String,
    /// active, inactive, activating, deactivating, failed, reloading.
    pub active_state: String,
    /// running, dead, auto-restart, start-pre …
    pub sub_state: String,
    /// systemd's word on the last end: success, exit-code, oom-kill, timeout, watchdog …
    pub result: Option<String>,
    /// STATUS= of the service.
    pub status_text: Option<String>,
    /// SocketMode= of a socket, drop-ins included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_mode: Option<u32>,
    /// Main process, if one runs.
    pub main_pid: Option<u32>,
    /// Restarts since the last manual start.
    pub restarts: Option<u32>,
    /// Exit code of the last main process.
    pub exit_status: Option<i32>,
    /// Memory in bytes, where the cgroup tells.
    pub memory_bytes: Option<u64>,
    /// Since when it is in its state, microseconds since 1970; absent: it never left inactive. Of what is active this
    /// is when it became active, and a reload is no change; of everything else the last step of its way up or down.
    pub since_us: Option<i64>,
    /// A waiting start job: the units it waits for.
    pub waiting_for: Vec<String>,
    /// A start job is queued.
    pub start_queued: bool,
    /// systemd's id of this run.
    pub invocation_id: Option<String>,
    /// The control group.
    pub control_group: Option<String>,
}

/// Exit codes on which systemd does not restart, so it refuses no restart either: newer data, wrong owner, bad
/// configuration.
const NO_RESTART: [i32; 3] = [65, 77, 78];

/// Whether a unit of this active_state does its work: also in the moment in which it takes a configuration over.
pub fn is_active(active_state: &str) -> bool {
    matches!(active_state, "active" | "reloading" | "refreshing")
}

impl UnitView {
    /// Whether it does its work.
    pub fn is_active(&self) -> bool {
        is_active(&self.active_state)
    }
    /// Whether systemd has it, is about to have it, or will have it again by itself.
    pub fn is_up(&self) -> bool {
        self.is_active() || self.active_state == "activating" || self.start_queued
    }
    /// Whether a stop has nothing to do: systemd neither has it nor is about to. What starts, stops or waits to be
    /// restarted is not down.
    pub fn is_down(&self) -> bool {
        matches!(self.active_state.as_str(), "" | "inactive" | "failed") && !self.start_queued
    }
    /// Whether it has failed and systemd waits before it starts it again.
    pub fn is_backing_off(&self) -> bool {
        // auto-restart-queued on newer systemd.
        self.active_state == "activating" && self.sub_state.starts_with("auto-restart")
    }
    /// Whether the last process exited with this code.
    pub fn exited_with(&self, exit: Exit) -> bool {
        self.result.as_deref() == Some(FailureCause::Exit.name()) && self.exit_status == Some(exit as i32)
    }
    /// Restarts that a failed unit was given: systemd's counter includes the one that it refused, unless none was due
    /// at the end.
    pub fn restarts_made(&self) -> u32 {
        let refused = u32::from(!self.exit_status.is_some_and(|code| NO_RESTART.contains(&code)));
        self.restarts.unwrap_or(0).saturating_sub(refused)
    }
}
