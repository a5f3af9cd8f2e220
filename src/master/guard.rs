//! Whether a master runs, asked of the lock and the bus, never of a pid.
use super::lock;
use crate::contract::error::{Exit, Failure};
use crate::contract::master::BUS_NAME;
use crate::contract::paths;
use std::path::Path;
use tokio::runtime::Builder;

/// Set to anything but 0 or nothing, the guard lets everything pass.
pub const SKIP_VARIABLE: &str = "RINGRIFT_SKIP_MASTER_LOOP_CHECK";

/// Whether a master runs: it holds the lock on its pid file, or it has its name on the bus. Any user may ask; blocks
/// for the bus.
pub fn is_running() -> bool {
    is_running_at(Path::new(paths::MASTER_PID), None)
}

/// The same for another pid file and another bus.
pub fn is_running_at(pid_file: &Path, bus: Option<&str>) -> bool {
    lock::is_held(pid_file) == Some(true) || name_has_owner(bus)
}

fn name_has_owner(bus: Option<&str>) -> bool {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return false };
    let asked = runtime.block_on(async {
        let connection = crate::platform::systemd::connect(bus).await.ok()?;
        let proxy = zbus::fdo::DBusProxy::new(&connection).await.ok()?;
        proxy.name_has_owner(zbus::names::BusName::from_static_str(BUS_NAME).ok()?).await.ok()
    });
    asked.unwrap_or(false)
}

/// Whether the environment says that nobody shall be asked.
pub fn is_skipped() -> bool {
    std::env::var_os(SKIP_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Fails with the operation's name when no master runs and the operation is only for full automation.
pub fn ensure(require_for_automation: bool, operation: &str) -> Result<(), Failure> {
    decide(is_skipped() || is_running(), require_for_automation, operation)
}

fn decide(running: bool, require_for_automation: bool, operation: &str) -> Result<(), Failure> {
    if running || !require_for_automation {
        return Ok(());
    }
    let hint = format!("start it with `systemctl start ringrift-master.target`, or set {SKIP_VARIABLE}=1 for a test");
    Err(Failure::new(Exit::NotRunning, format!("{operation} needs the master, which is not running")).hint(hint))
}

/// Warns when no master runs; returns whether one does.
pub fn check_or_warn(operation: &str) -> bool {
    let running = is_skipped() || is_running();
    if !running {
        tracing::warn!("the master loop is not running for {operation}");
        tracing::warn!("for full automation: systemctl start ringrift-master.target");
    }
    running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_for_automation_needs_a_master() {
        assert!(decide(false, false, "daemon start").is_ok());
        assert!(decide(true, true, "promotion").is_ok());
        let failure = decide(false, true, "promotion").expect_err("no master");
        assert_eq!(failure.exit, Exit::NotRunning);
        assert!(failure.to_string().contains("promotion"), "{failure}");
    }

    #[test]
    fn a_pid_of_a_living_process_is_no_master() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master_loop.pid");
        std::fs::write(&path, format!("{}\n", std::process::id())).expect("writes");
        let nowhere = format!("unix:path={}", dir.path().join("no-bus").display());
        assert!(!is_running_at(&path, Some(&nowhere)));
        let held = lock::MasterLock::take(&path).expect("locks");
        assert!(is_running_at(&path, Some(&nowhere)));
        drop(held);
    }
}
