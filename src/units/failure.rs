//! The handler that every service and hub socket names in OnFailure=.
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MANUAL};
use super::text::Text;
use crate::contract::paths;

/// The file.
pub fn file() -> (String, String) {
    let text = Text::new()
        .section("Unit")
        .set("Description", "RingRift: says that %i failed for good")
        .set("Documentation", MANUAL)
        .why("Each failure counts, however soon after the last.")
        .set("StartLimitIntervalSec", 0)
        .set("CollectMode", "inactive-or-failed")
        .section("Service")
        .set("Type", "oneshot")
        .set("ExecStart", format!("{}/ringrift-failure %i", paths::LIBEXEC))
        .set("TimeoutStartSec", 30)
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-failure")
        .why("Kept here until the router answers.")
        .set("ReadWritePaths", paths::FAILURES)
        .set("UMask", "0022")
        .set("Slice", "ringrift-daemons.slice")
        .set("MemoryMax", "64M")
        .with(|t| harden::lines(t, Exceptions::default()))
        .done();
    ("ringrift-failure@.service".into(), text)
}
