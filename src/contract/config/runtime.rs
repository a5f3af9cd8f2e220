//! `runtime`: settings that all daemons share, with the legacy environment variables.
use super::check::Check;
use serde::{Deserialize, Serialize};

/// What all daemons share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// Seconds between ticks of a daemon whose declaration has no interval, 1 to 86,400; RINGRIFT_DAEMON_INTERVAL.
    /// `daemons.NAME.interval` takes precedence.
    pub default_interval: u32,
    /// Seconds between health reports of a daemon whose declaration has no report interval, 1 to 3600;
    /// RINGRIFT_DAEMON_HEALTH_INTERVAL.
    pub health_interval: u32,
    /// Number of restarts before a daemon is marked FAILED, 1 to 20; RINGRIFT_DAEMON_RESTART_MAX. This is a unit
    /// property: run `ringrift units generate` to write the drop-in. The delays before 5 restarts are 1, 2, 4, 8 and 16
    /// s.
    pub restart_max: u32,
    /// Seconds a daemon may take to drain, 5 to 600; RINGRIFT_DAEMON_SHUTDOWN_TIMEOUT. A unit property like
    /// `restart_max`.
    pub shutdown_timeout: u32,
    /// Absolute path of the directory for the coordinator's database; RINGRIFT_COORDINATOR_DIR. Empty: the
    /// coordinator's state directory. Any other path needs the drop-in with ReadWritePaths= that `ringrift units
    /// generate` writes.
    pub coordinator_dir: String,
}

impl Default for Runtime {
    fn default() -> Self {
        Runtime {
            default_interval: 60,
            health_interval: 30,
            restart_max: 5,
            shutdown_timeout: 30,
            coordinator_dir: String::new(),
        }
    }
}

impl Runtime {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("runtime.default_interval", self.default_interval, 1, 86_400);
        check.range("runtime.health_interval", self.health_interval, 1, 3600);
        check.range("runtime.restart_max", self.restart_max, 1, 20);
        check.range("runtime.shutdown_timeout", self.shutdown_timeout, 5, 600);
        if !self.coordinator_dir.is_empty() && !self.coordinator_dir.starts_with('/') {
            check.fail("runtime.coordinator_dir", format!("{:?} is not an absolute path", self.coordinator_dir));
        }
    }
}
