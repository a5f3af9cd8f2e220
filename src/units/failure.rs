//! The handler that every service and hub socket names in OnFailure=.
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MANUAL};
use super::text::Text;
use crate::contract::paths;

/// The file.
pub fn file() -> (String, String) {
    let text = Text::new()
        .section("Unit")
        .set("Description", "RingRift: reports that %i failed")
        .set("Documentation", MANUAL)
        .why("Every failure is reported, however soon after the previous one.")
        .set("StartLimitIntervalSec", 0)
        .set("CollectMode", "inactive-or-failed")
        .section("Service")
        .set("Type", "oneshot")
        .set("ExecStart", format!("{}/ringrift-failure %i", paths::LIBEXEC))
        .set("TimeoutStartSec", 30)
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-failure")
        .why("Reports are stored here until the router answers.")
        .set("ReadWritePaths", paths::FAILURES)
        .set("UMask", "0022")
        .set("Slice", "ringrift-daemons.slice")
        .set("MemoryMax", "64M")
        .with(|t| harden::lines(t, Exceptions::default()))
        .done();
    ("ringrift-failure@.service".into(), text)
}
