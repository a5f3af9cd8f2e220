//! Drop-ins for what the configuration asks and only a unit can do: restart count, stop timeout, the coordinator's
//! directory.
use super::UnitFile;
use super::quoted::{DropIn, Quoted, Unquotable};
use crate::contract::config::Runtime;

/// The drop-in of every service of the suite.
pub const ALL_SERVICES: &str = "ringrift-.service.d/60-configuration.conf";
/// The coordinator's.
pub const COORDINATOR: &str = "ringrift-coordinator.service.d/60-configuration.conf";

/// The drop-ins that this configuration wants, over the units as generated; none for the defaults. A value that cannot
/// stand in a unit file is an error, which loading the configuration has told already.
pub fn drop_ins(runtime: &Runtime) -> Result<Vec<UnitFile>, Unquotable> {
    let default = Runtime::default();
    let mut files = Vec::new();
    let restarts = (runtime.restart_max != default.restart_max).then_some(runtime.restart_max);
    let stop = (runtime.shutdown_timeout != default.shutdown_timeout).then_some(runtime.shutdown_timeout);
    if restarts.is_some() || stop.is_some() {
        let mut text = DropIn::empty();
        if let Some(n) = restarts {
            text = text.section("Unit").number(
                "The first start and runtime.restart_max restarts",
                "StartLimitBurst",
                n.saturating_add(1),
            );
        }
        if let Some(n) = stop {
            text = text.section("Service").number("runtime.shutdown_timeout", "TimeoutStopSec", n);
        }
        files.push(UnitFile { name: ALL_SERVICES.into(), text: text.done() });
    }
    if !runtime.coordinator_dir.is_empty() {
        let path = Quoted::path(&runtime.coordinator_dir)?;
        let text = DropIn::empty().section("Service").word("runtime.coordinator_dir", "ReadWritePaths", &path);
        files.push(UnitFile { name: COORDINATOR.into(), text: text.done() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_want_nothing() {
        assert_eq!(drop_ins(&Runtime::default()), Ok(vec![]));
    }

    #[test]
    fn restart_count_and_stop_timeout_reach_every_service() {
        let files = drop_ins(&Runtime { restart_max: 7, shutdown_timeout: 90, ..Runtime::default() }).expect("valid");
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].name, ALL_SERVICES);
        assert!(
            files[0].text.contains("[Unit]\n# The first start and runtime.restart_max restarts\nStartLimitBurst=8\n"),
            "{}",
            files[0].text
        );
        assert!(
            files[0].text.contains("[Service]\n# runtime.shutdown_timeout\nTimeoutStopSec=90\n"),
            "{}",
            files[0].text
        );
    }

    #[test]
    fn the_coordinators_directory_is_opened() {
        let files =
            drop_ins(&Runtime { coordinator_dir: "/srv/ring rift%".into(), ..Runtime::default() }).expect("valid");
        assert_eq!(files[0].name, COORDINATOR);
        assert!(files[0].text.contains("ReadWritePaths=\"/srv/ring rift%%\""), "{}", files[0].text);
    }

    #[test]
    fn a_line_end_in_a_path_makes_no_drop_in() {
        let runtime = Runtime { coordinator_dir: "/srv\nExecStartPre=+/bin/sh".into(), ..Runtime::default() };
        assert!(drop_ins(&runtime).is_err());
    }
}
