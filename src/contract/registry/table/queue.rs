//! The queue daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::JobScheduler,
        name: "JOB_SCHEDULER",
        purpose: "Gives CRITICAL work a slot in time; watches the order of the queue",
        hard: &[Hub::Router, Hub::Coordinator],
        stage: Stage::Built,
        publishes: &[E::JobPreempted],
        depends_on: &[D::EventRouter],
        category: Category::Queue,
        ..BASE
    },
    DaemonSpec {
        daemon: D::QueuePopulator,
        name: "QUEUE_POPULATOR",
        purpose: "Keeps self-play waiting in the work queue",
        hard: &[Hub::Router, Hub::Coordinator],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::SelfplayCoordinator],
        order: Some(6),
        interval: 10,
        health_check_interval: Some(120),
        critical: true,
        subscribes: &[
            E::SelfplayTargetUpdated,
            E::SelfplayAllocationUpdated,
            E::SelfplayRateChanged,
            E::ExplorationBoost,
            E::HyperparameterUpdated,
            E::WorkClaimed,
            E::WorkFailed,
            E::WorkCancelled,
        ],
        category: Category::Queue,
        ..BASE
    },
    DaemonSpec {
        daemon: D::SelfplayScheduler,
        name: "SELFPLAY_SCHEDULER",
        purpose: "Another name of SELFPLAY_COORDINATOR",
        stage: Stage::Alias { of: D::SelfplayCoordinator, strategy: None, deprecated: false },
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Queue,
        ..BASE
    },
    DaemonSpec {
        daemon: D::JobReaper,
        name: "JOB_REAPER",
        purpose: "Stops jobs that make no progress",
        hard: &[Hub::Router, Hub::Coordinator],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Queue,
        ..BASE
    },
];
