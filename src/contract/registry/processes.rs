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
        purpose: "Owns the work queue, leases and limits; admits every job",
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
        purpose: "The master loop: drives systemd over D-Bus towards the applied profile",
        publishes: &[E::HostOnline, E::HostOffline, E::DaemonStatusChanged, E::DatabaseQuarantined],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-job-runner",
        purpose: "Main process of a job's unit: runs the workload's command, keeps the lease, verifies and reports the result",
        publishes: &[],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-failure",
        purpose: "OnFailure= handler: says once that a daemon is permanently failed",
        publishes: &[E::DaemonPermanentlyFailed],
        subscribes: &[],
    },
    Process {
        binary: "ringrift-starts",
        purpose: "Keeps the count of starts honest: an end in order clears it, and a start of the suite fails with a hub",
        publishes: &[],
        subscribes: &[],
    },
];

/// The services without which there is no suite: whoever starts it is told when one of them does not come up.
pub const HUB_SERVICES: [&str; 3] = ["ringrift-master.service", "ringrift-event-router.service", "ringrift-coordinator.service"];

/// Events whose emitter or subscriber is outside this suite, declared with the reason.
pub const OUTSIDE: &[(E, &str)] = &[
    (E::DaemonHealth, "monitoring programs follow it with `ringrift events tail`"),
    (E::WorkQueued, "progress displays follow it"),
    (E::DatabaseQuarantined, "an operator acts on it"),
];
