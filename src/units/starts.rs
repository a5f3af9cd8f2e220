//! What keeps the count of starts honest: crashes count, an operator's starts and stops do not, and a start of the
//! suite fails with a hub.
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MANUAL, SUITE};
use super::text::Text;
use crate::contract::paths;
use crate::contract::registry::{HUB_SERVICES, Hub};

/// Resets what failed before the suite starts.
const PREPARE: &str = "ringrift-prepare.service";
/// Fails the start of the suite when a hub is not up.
const UP: &str = "ringrift-up.service";

/// The files.
pub fn files() -> Vec<(String, String)> {
    vec![(PREPARE.into(), prepare()), (UP.into(), up())]
}

/// A unit without a start limit.
pub fn unlimited(text: Text) -> Text {
    text.why("Unlimited starts.").set("StartLimitIntervalSec", 0)
}

/// What every service of the suite does after it has stopped.
pub fn stopped(text: Text) -> Text {
    text.why("A clean exit resets the start counter: the start limit and the restart delay count crashes only.")
        .why("The dash: without a bus the counter is not reset, which is not a failure of the service.")
        .set("ExecStopPost", format!("-{}/ringrift-starts stopped %n", paths::LIBEXEC))
}

/// The target's part.
pub fn target(text: Text) -> Text {
    text.why("Earlier failures do not count against this start.")
        .set("Wants", PREPARE)
        .why("Makes the start of the suite fail with a message when a hub does not start.")
        .set("Requires", UP)
        .set("After", UP)
}

fn oneshot(text: Text, verb: &str, seconds: u32) -> String {
    text.set("Type", "oneshot")
        .set("ExecStart", format!("{}/ringrift-starts {verb}", paths::LIBEXEC))
        .set("TimeoutStartSec", seconds)
        .why("The user that polkit allows to control the suite's units.")
        .set("User", "ringrift-master")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-starts")
        .set("Slice", "ringrift-core.slice")
        .set("MemoryMax", "64M")
        .with(|t| harden::lines(t, Exceptions::default()))
        .done()
}

fn prepare() -> String {
    let sockets =
        [Hub::Router.socket_unit(), Hub::Coordinator.socket_unit(), Hub::Catalog.socket_unit(), "ringrift-job.socket"];
    let text = Text::new()
        .section("Unit")
        .set("Description", "RingRift: resets earlier failures before the suite starts")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .list("Before", &sockets)
        .list("Before", &HUB_SERVICES)
        .set("Before", "ringrift-emergency.path")
        .set("After", "dbus.socket")
        .with(unlimited)
        .section("Service")
        .why(
            "Recreates deleted directories below /run, without which services cannot start; as root, because the \
            directories have several owners.",
        )
        .set("ExecStartPre", "+/usr/bin/systemd-tmpfiles --create ringrift.conf");
    oneshot(text, "prepare", 30)
}

fn up() -> String {
    let text = Text::new()
        .section("Unit")
        .set("Description", "RingRift: waits until the hubs run")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why(
            "Not After= the hubs: in systemd 257 the start job of a crashing hub waits for ever, and this unit must \
            finish.",
        )
        .set("After", format!("{PREPARE} dbus.socket"))
        .with(unlimited)
        .section("Service");
    oneshot(text, "up", 120)
}
