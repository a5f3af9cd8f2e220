//! "Runs and says: degraded, X does not run": the dependencies as their status files show them. Nothing is asked of systemd.
use crate::contract::ports::Units;
use crate::contract::registry::{DaemonSpec, DaemonType};
use crate::platform::clock::now_us;
use std::time::{Duration, Instant};

/// After its own start a daemon gives its dependencies so long.
const GRACE: Duration = Duration::from_secs(30);

/// The first dependency that does not report, if any. The router is left out: the subscription knows better.
pub fn trouble(spec: &DaemonSpec, units: &dyn Units, ready: Option<Instant>) -> Option<String> {
    ready.filter(|since| since.elapsed() >= GRACE)?;
    let built = spec.depends_on.iter().map(|d| d.resolve()).filter(|d| *d != DaemonType::EventRouter && d.spec().is_built());
    for daemon in built {
        let name = daemon.name();
        match units.status_file(&daemon.kebab()) {
            None => return Some(format!("{name} does not run")),
            Some(status) => {
                let age = now_us().saturating_sub(status.time_us) / 1_000_000;
                if age > i64::from(status.valid_for) {
                    return Some(format!("{name} has not reported for {age} s"));
                }
            }
        }
    }
    None
}
