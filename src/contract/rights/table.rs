//! The rows.
use super::Need::{Command, Control, Job, Nothing, Own, Reader};
use super::{Need, Right};
use crate::contract::{catalog, coordinator, job, master, router};

const fn row(interface: &'static str, method: &'static str, need: Need) -> Right {
    Right { interface, method, need, further: "" }
}

const fn further(interface: &'static str, method: &'static str, need: Need, further: &'static str) -> Right {
    Right { interface, method, need, further }
}

const SERVICE: &str = "org.varlink.service";
const ROUTER: &str = router::INTERFACE;
const COORDINATOR: &str = coordinator::INTERFACE;
const CATALOG: &str = catalog::INTERFACE;
const JOB: &str = job::INTERFACE;
const MASTER: &str = master::INTERFACE;

/// Subscriptions have names, and the daemons' names are theirs.
const NAMES: &str = "Under the name of a daemon: the suite's own users.";

/// Every method that is served, by interface.
pub const TABLE: &[Right] = &[
    row(SERVICE, "GetInfo", Nothing),
    row(SERVICE, "GetInterfaceDescription", Nothing),
    row(ROUTER, "Stats", Nothing),
    further(
        ROUTER,
        "Publish",
        Reader,
        "A member publishes external.* alone, an administrator what does not control the suite, and neither as a source that is the suite's.",
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
    row(COORDINATOR, "Status", Nothing),
    row(COORDINATOR, "Safeguards", Nothing),
    row(COORDINATOR, "Limits", Nothing),
    row(COORDINATOR, "Utilization", Nothing),
    row(COORDINATOR, "Rates", Nothing),
    row(COORDINATOR, "MaxSelfplay", Nothing),
    row(COORDINATOR, "ShouldScale", Nothing),
    row(COORDINATOR, "List", Reader),
    row(COORDINATOR, "Show", Reader),
    row(COORDINATOR, "QueueOrder", Reader),
    row(COORDINATOR, "Leases", Reader),
    row(COORDINATOR, "CanSpawn", Reader),
    row(COORDINATOR, "Durations", Reader),
    row(COORDINATOR, "ExpectedDuration", Reader),
    row(COORDINATOR, "CanStartBeforePeak", Reader),
    row(COORDINATOR, "Bandwidth", Reader),
    row(COORDINATOR, "CanTransfer", Reader),
    row(COORDINATOR, "Enqueue", Control),
    row(COORDINATOR, "StopWork", Control),
    row(COORDINATOR, "Cancel", Control),
    row(COORDINATOR, "Acquire", Control),
    row(COORDINATOR, "Renew", Control),
    row(COORDINATOR, "Release", Control),
    row(COORDINATOR, "Reserve", Control),
    row(COORDINATOR, "Unreserve", Control),
    row(COORDINATOR, "RecordFailure", Control),
    row(COORDINATOR, "ResetBreakers", Control),
    row(COORDINATOR, "Pause", Control),
    row(COORDINATOR, "Resume", Control),
    row(COORDINATOR, "Halt", Control),
    row(COORDINATOR, "Clear", Control),
    row(COORDINATOR, "RecordDuration", Control),
    row(COORDINATOR, "StartTransfer", Control),
    row(COORDINATOR, "EndTransfer", Control),
    row(COORDINATOR, "NegotiateRate", Control),
    row(COORDINATOR, "Observe", Own),
    row(COORDINATOR, "Flags", Own),
    row(COORDINATOR, "Dispatch", Own),
    row(COORDINATOR, "Report", Own),
    row(CATALOG, "Stage", Nothing),
    row(CATALOG, "Stages", Nothing),
    row(CATALOG, "Ratings", Nothing),
    row(CATALOG, "Get", Reader),
    row(CATALOG, "List", Reader),
    row(CATALOG, "Lineage", Reader),
    row(CATALOG, "Prune", Control),
    row(CATALOG, "Rebuild", Control),
    further(JOB, "Take", Job, "The socket itself is closed to all but root, user ringrift and jobs, and a job speaks for itself alone."),
    row(JOB, "Renew", Job),
    row(JOB, "Finish", Job),
    row(MASTER, "ListProfiles", Nothing),
    row(MASTER, "ShowProfile", Nothing),
    row(MASTER, "PlanProfile", Nothing),
    row(MASTER, "Drift", Nothing),
    row(MASTER, "ListDaemons", Nothing),
    row(MASTER, "DaemonStatus", Nothing),
    row(MASTER, "Health", Nothing),
    row(MASTER, "ListJobs", Reader),
    further(MASTER, "ApplyProfile", Command, "With dry_run it only says what would be done, to every user."),
    row(MASTER, "StartDaemon", Command),
    row(MASTER, "StopDaemon", Command),
    row(MASTER, "RestartDaemon", Command),
    row(MASTER, "PauseDaemon", Command),
    row(MASTER, "ResumeDaemon", Command),
    row(MASTER, "Reload", Command),
    row(MASTER, "Confirm", Command),
];
