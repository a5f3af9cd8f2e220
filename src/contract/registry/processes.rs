//! Processes of the suite that are not daemon types: the hubs beside EVENT_ROUTER and the helpers of units.
use crate::contract::events::EventType as E;

/// A process with a unit of its own that is no daemon type.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// The program.
    pub binary: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Events it publishes.
    pub publishes: &'static [E],
    /// Events it handles.
    pub subscribes: &'static [E],
}

/// All of them.
pub const PROCESSES: &[Process] = &[
    Process {
        binary: "ringrift-coordinator",
        purpose: "Owns the job queue, leases and limits, and admits every job",
        publishes: &[
            E::WorkQueued,
            E::WorkClaimed,
            E::WorkStarted,
            E::WorkCompleted,
            E::WorkFailed,
            E::WorkRetry,
            E::WorkTimeout,
            E::WorkCancelled,
            E::TaskHeartbeat,
            E::TaskOrphaned,
            E::BackpressureActivated,
            E::BackpressureReleased,
        ],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-master",
        purpose: "Starts and stops daemons by the applied profile, with systemd over D-Bus",
        publishes: &[E::HostOnline, E::HostOffline, E::DaemonStatusChanged, E::DatabaseQuarantined],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-job-runner",
        purpose: "Runs the workload's command in a job's unit, renews the lease, verifies and reports the result",
        publishes: &[],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-failure",
        purpose: "Reports a permanently failed daemon once (OnFailure= handler)",
        publishes: &[E::DaemonPermanentlyFailed],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-starts",
        purpose: "Resets the start counter after a clean exit, and makes the start of the suite fail if a hub fails",
        publishes: &[],
        subscribes: &[],
    },
];

/// The services that everything else needs: a start of the suite fails if one of them does not start.
pub const HUB_SERVICES: [&str; 3] =
    ["ringrift-master.service", "ringrift-event-router.service", "ringrift-coordinator.service"];

/// Events whose emitter or subscriber is outside this suite, declared with the reason.
pub const OUTSIDE: &[(E, &str)] = &[
    (E::DaemonHealth, "monitoring programs read it with `ringrift events tail`"),
    (E::WorkQueued, "progress displays read it"),
    (E::DatabaseQuarantined, "an operator acts on it"),
];
