//! The watch over the emergency flag files: a path unit, and the service that tells the coordinator what it sees.
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MANUAL, SUITE};
use super::starts;
use super::text::Text;
use crate::contract::paths;

/// The files.
pub fn files() -> Vec<(String, String)> {
    vec![("ringrift-emergency.path".into(), path()), ("ringrift-emergency.service".into(), service())]
}

fn path() -> String {
    Text::new()
        .section("Unit")
        .set("Description", "RingRift emergency-halt watcher")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .with(starts::unlimited)
        .section("Path")
        .why(
            "An existing file starts the service, whenever it was created; the service runs until the file is removed.",
        )
        .set("PathExists", paths::EMERGENCY_HALT)
        .why("The flag file of legacy scripts.")
        .set("PathExists", paths::LEGACY_HALT)
        .set("Unit", "ringrift-emergency.service")
        .done()
}

fn service() -> String {
    Text::new()
        .section("Unit")
        .set("Description", "RingRift emergency-halt check")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why("The socket queues its call until the coordinator answers.")
        .set("Wants", "ringrift-coordinator.socket")
        .set("After", "ringrift-coordinator.socket")
        .why("The flag may be created and removed at any rate.")
        .set("StartLimitIntervalSec", 0)
        .section("Service")
        .set("Type", "exec")
        .set("ExecStart", "/usr/bin/ringrift emergency sync")
        .why("Retries while the coordinator is down: the flag may have been removed in the meantime.")
        .set("Restart", "on-failure")
        .set("RestartSec", 1)
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-emergency")
        .set("Slice", "ringrift-core.slice")
        .with(|t| {
            let except = Exceptions {
                tmp: Some("The flag of legacy scripts is in the shared /tmp."),
                peers: Some("The owner of a flag decides whether it counts."),
                ..Exceptions::default()
            };
            harden::lines(t, except)
        })
        .done()
}
