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
        .set("Description", "RingRift watch over the emergency flags")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .with(starts::unlimited)
        .section("Path")
        .why("A file that is there starts the service, whenever it was made; the service stays until it is removed.")
        .set("PathExists", paths::EMERGENCY_HALT)
        .why("Where scripts of old make it.")
        .set("PathExists", paths::LEGACY_HALT)
        .set("Unit", "ringrift-emergency.service")
        .done()
}

fn service() -> String {
    Text::new()
        .section("Unit")
        .set("Description", "RingRift look at the emergency flags")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why("It waits at the socket until the coordinator answers.")
        .set("Wants", "ringrift-coordinator.socket")
        .set("After", "ringrift-coordinator.socket")
        .why("Somebody may make and remove the flag as often as he likes.")
        .set("StartLimitIntervalSec", 0)
        .section("Service")
        .set("Type", "exec")
        .set("ExecStart", "/usr/bin/ringrift emergency sync")
        .why("A coordinator that is away is asked again: a flag may have been removed meanwhile.")
        .set("Restart", "on-failure")
        .set("RestartSec", 1)
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-emergency")
        .set("Slice", "ringrift-core.slice")
        .with(|t| {
            let except = Exceptions {
                tmp: Some("The flag of old scripts lies in the /tmp that all see."),
                peers: Some("A flag counts by whose it is."),
                ..Exceptions::default()
            };
            harden::lines(t, except)
        })
        .done()
}
