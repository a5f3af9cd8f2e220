//! The rows: those of the interfaces that have a table of methods, and here those of the others.
use super::class::Need::{Command, Control, Nothing, Reader};
use super::class::{Need, Right};
use crate::contract::{catalog, coordinator, job, master, router};

const fn row(interface: &'static str, method: &'static str, need: Need) -> Right {
    Right { interface, method, need, further: "" }
}

const fn further(interface: &'static str, method: &'static str, need: Need, further: &'static str) -> Right {
    Right { interface, method, need, further }
}

const SERVICE: &str = "org.varlink.service";
const ROUTER: &str = router::INTERFACE;
const MASTER: &str = master::INTERFACE;

/// Subscriptions have names, and the daemons' names are theirs.
const NAMES: &str = "Under the name of a daemon, only the suite's own users may call it.";

/// Every method that is served, by interface.
pub fn rows() -> impl Iterator<Item = &'static Right> {
    [ROUTERS, coordinator::RIGHTS, catalog::RIGHTS, job::RIGHTS, MASTERS].into_iter().flatten()
}

const ROUTERS: &[Right] = &[
    row(SERVICE, "GetInfo", Nothing),
    row(SERVICE, "GetInterfaceDescription", Nothing),
    row(ROUTER, "Stats", Nothing),
    further(
        ROUTER,
        "Publish",
        Reader,
        "Members may publish external.* only, administrators also events that do not control the suite; neither may \
            use a source name of the suite.",
    ),
    further(ROUTER, "Register", Reader, NAMES),
    further(ROUTER, "Subscribe", Reader, NAMES),
    further(ROUTER, "Ack", Reader, NAMES),
    further(ROUTER, "Nack", Reader, NAMES),
    further(ROUTER, "Release", Reader, NAMES),
    row(ROUTER, "Replay", Reader),
    row(ROUTER, "Fetch", Reader),
    row(ROUTER, "Subscribers", Reader),
    row(ROUTER, "DeadLetterList", Reader),
    row(ROUTER, "DeadLetterShow", Reader),
    row(ROUTER, "Retire", Control),
    row(ROUTER, "DeadLetterRedrive", Control),
    row(ROUTER, "DeadLetterPurge", Control),
];

const MASTERS: &[Right] = &[
    row(MASTER, "ListProfiles", Nothing),
    row(MASTER, "ShowProfile", Nothing),
    row(MASTER, "PlanProfile", Nothing),
    row(MASTER, "Drift", Nothing),
    row(MASTER, "ListDaemons", Nothing),
    row(MASTER, "DaemonStatus", Nothing),
    row(MASTER, "Health", Nothing),
    row(MASTER, "ListJobs", Reader),
    further(MASTER, "ApplyProfile", Command, "With dry_run, every user may call it; it changes nothing."),
    further(MASTER, "UndoProfile", Command, "With dry_run, every user may call it; it changes nothing."),
    row(MASTER, "StartDaemon", Command),
    row(MASTER, "StopDaemon", Command),
    row(MASTER, "RestartDaemon", Command),
    row(MASTER, "PauseDaemon", Command),
    row(MASTER, "ResumeDaemon", Command),
    row(MASTER, "Reload", Command),
    row(MASTER, "Confirm", Command),
];
