//! Drop-ins for what the configuration asks and only a unit can do: restart count, stop timeout, the coordinator's directory.
use super::UnitFile;
use super::text::Text;
use crate::contract::config::Runtime;

/// The drop-in of every service of the suite.
pub const ALL_SERVICES: &str = "ringrift-.service.d/60-configuration.conf";
/// The coordinator's.
pub const COORDINATOR: &str = "ringrift-coordinator.service.d/60-configuration.conf";

/// The drop-ins that this configuration wants, over the units as generated; none for the defaults.
pub fn drop_ins(runtime: &Runtime) -> Vec<UnitFile> {
    let default = Runtime::default();
    let mut files = Vec::new();
    let restarts = (runtime.restart_max != default.restart_max).then_some(runtime.restart_max);
    let stop = (runtime.shutdown_timeout != default.shutdown_timeout).then_some(runtime.shutdown_timeout);
    if restarts.is_some() || stop.is_some() {
        let text = Text::new()
            .with(|t| match restarts {
                Some(n) => t.section("Unit").why(&format!("runtime.restart_max: {n}")).set("StartLimitBurst", n + 1),
                None => t,
            })
            .with(|t| match stop {
                Some(n) => t.section("Service").why(&format!("runtime.shutdown_timeout: {n}")).set("TimeoutStopSec", n),
                None => t,
            });
        files.push(UnitFile { name: ALL_SERVICES.into(), text: text.done() });
    }
    if !runtime.coordinator_dir.is_empty() {
        // Quotes keep blanks together; systemd would read a percent sign as a specifier.
        let path = runtime.coordinator_dir.replace('%', "%%").replace('"', "\\\"");
        let text = Text::new().section("Service").why("runtime.coordinator_dir").set("ReadWritePaths", format!("\"{path}\""));
        files.push(UnitFile { name: COORDINATOR.into(), text: text.done() });
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_want_nothing() {
        assert_eq!(drop_ins(&Runtime::default()), vec![]);
    }

    #[test]
    fn restart_count_and_stop_timeout_reach_every_service() {
        let files = drop_ins(&Runtime { restart_max: 7, shutdown_timeout: 90, ..Runtime::default() });
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].name, ALL_SERVICES);
        assert!(files[0].text.contains("[Unit]\n# runtime.restart_max: 7\nStartLimitBurst=8\n"), "{}", files[0].text);
        assert!(files[0].text.contains("[Service]\n# runtime.shutdown_timeout: 90\nTimeoutStopSec=90\n"), "{}", files[0].text);
    }

    #[test]
    fn the_coordinators_directory_is_opened() {
        let files = drop_ins(&Runtime { coordinator_dir: "/srv/ring rift%".into(), ..Runtime::default() });
        assert_eq!(files[0].name, COORDINATOR);
        assert!(files[0].text.contains("ReadWritePaths=\"/srv/ring rift%%\""), "{}", files[0].text);
    }
}
