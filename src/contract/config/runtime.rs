//! `runtime`: what all daemons share, with the environment variables of old.
use super::check::Check;
use serde::{Deserialize, Serialize};

/// What all daemons share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// Seconds between ticks of daemons for which the registry names no interval of their own, 1 to 86,400;
    /// RINGRIFT_DAEMON_INTERVAL. `daemons.NAME.interval` goes before it.
    pub default_interval: u32,
    /// Seconds between health reports of daemons for which the registry names none, 1 to 3600; RINGRIFT_DAEMON_HEALTH_INTERVAL.
    pub health_interval: u32,
    /// Restarts before a daemon is given up, 1 to 20; RINGRIFT_DAEMON_RESTART_MAX. A unit property: written as a drop-in by
    /// `ringrift units generate`. 5 restarts wait 1, 2, 4, 8 and 16 s.
    pub restart_max: u32,
    /// Seconds a daemon may take to drain, 5 to 600; RINGRIFT_DAEMON_SHUTDOWN_TIMEOUT. A unit property like `restart_max`.
    pub shutdown_timeout: u32,
    /// Directory of the coordinator's database in place of its state directory, absolute; RINGRIFT_COORDINATOR_DIR. Needs the
    /// drop-in that opens the path, see `ringrift units generate`. Empty: the state directory.
    pub coordinator_dir: String,
}

impl Default for Runtime {
    fn default() -> Self {
        Runtime { default_interval: 60, health_interval: 30, restart_max: 5, shutdown_timeout: 30, coordinator_dir: String::new() }
    }
}

impl Runtime {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("runtime.default_interval", self.default_interval, 1, 86_400);
        check.range("runtime.health_interval", self.health_interval, 1, 3600);
        check.range("runtime.restart_max", self.restart_max, 1, 20);
        check.range("runtime.shutdown_timeout", self.shutdown_timeout, 5, 600);
        if !self.coordinator_dir.is_empty() && !self.coordinator_dir.starts_with('/') {
            check.fail("runtime.coordinator_dir", format!("{:?} is no absolute path", self.coordinator_dir));
        }
    }
}
