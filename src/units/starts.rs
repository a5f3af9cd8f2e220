//! What keeps the count of starts honest: crashes count, an operator's starts and stops do not, and a start of the suite fails with a hub.
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
    text.why("No start is ever refused.").set("StartLimitIntervalSec", 0)
}

/// What every service of the suite does after it has stopped.
pub fn stopped(text: Text) -> Text {
    text.why("After an end in order, the starts so far are forgotten: the start limit and the restart delay count crashes only.")
        .why("The dash: without a bus nothing is forgotten, which is not a failure of the service.")
        .set("ExecStopPost", format!("-{}/ringrift-starts stopped %n", paths::LIBEXEC))
}

/// The target's part.
pub fn target(text: Text) -> Text {
    text.why("What failed earlier does not stand against this start.")
        .set("Wants", PREPARE)
        .why("A start of the suite fails, and says so, when a hub does not come up.")
        .set("Requires", UP)
        .set("After", UP)
}

fn oneshot(text: Text, verb: &str, seconds: u32) -> String {
    text.set("Type", "oneshot")
        .set("ExecStart", format!("{}/ringrift-starts {verb}", paths::LIBEXEC))
        .set("TimeoutStartSec", seconds)
        .why("The user whom polkit lets control the suite's units.")
        .set("User", "ringrift-master")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-starts")
        .set("Slice", "ringrift-core.slice")
        .set("MemoryMax", "64M")
        .with(|t| harden::lines(t, Exceptions::default()))
        .done()
}

fn prepare() -> String {
    let sockets = [Hub::Router.socket_unit(), Hub::Coordinator.socket_unit(), Hub::Catalog.socket_unit(), "ringrift-job.socket"];
    let text = Text::new()
        .section("Unit")
        .set("Description", "RingRift: forgets earlier failures before the suite starts")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .list("Before", &sockets)
        .list("Before", &HUB_SERVICES)
        .set("Before", "ringrift-emergency.path")
        .set("After", "dbus.socket")
        .with(unlimited)
        .section("Service")
        .why("A folder below /run that somebody deleted would keep services from starting; as root, since the folders have several owners.")
        .set("ExecStartPre", "+/usr/bin/systemd-tmpfiles --create ringrift.conf");
    oneshot(text, "prepare", 30)
}

fn up() -> String {
    let text = Text::new()
        .section("Unit")
        .set("Description", "RingRift: waits until the hubs are up")
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why("Not After= the hubs: systemd 257 keeps the start of a hub that crashes waiting for ever, and this one has to end.")
        .set("After", format!("{PREPARE} dbus.socket"))
        .with(unlimited)
        .section("Service");
    oneshot(text, "up", 120)
}
