//! Times of a daemon's own, as the registry and the configuration say.
use crate::contract::config::Config;
use crate::contract::registry::DaemonSpec;
use std::time::Duration;

/// Seconds as a duration.
fn seconds(n: u32) -> Duration {
    Duration::from_secs(u64::from(n))
}

/// Time between ticks.
pub fn tick(spec: &DaemonSpec, config: &Config) -> Duration {
    seconds(config.interval(spec.daemon).max(1))
}

/// Time between health reports: the registry's, else the common one.
pub fn health(spec: &DaemonSpec, config: &Config) -> Duration {
    seconds(spec.health_check_interval.unwrap_or(config.runtime.health_interval).max(1))
}
