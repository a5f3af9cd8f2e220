//! The event daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::EventRouter,
        name: "EVENT_ROUTER",
        purpose: "Keeps the event log and delivers each event to every subscriber",
        stage: Stage::Built,
        depends_on: &[],
        order: Some(1),
        interval: 1,
        critical: true,
        category: Category::Event,
        ..BASE
    },
    DaemonSpec {
        daemon: D::CrossProcessPoller,
        name: "CROSS_PROCESS_POLLER",
        purpose: "Bridges programs that still write the SQLite event queue",
        stage: Stage::Built,
        needs: &[Need::Writes("legacy")],
        subscribes: &[
            E::SelfplayComplete,
            E::NewGamesAvailable,
            E::DataSyncCompleted,
            E::DataSyncFailed,
            E::NpzExportComplete,
            E::TrainingThresholdReached,
            E::TrainingStarted,
            E::TrainingCompleted,
            E::TrainingFailed,
            E::EvaluationStarted,
            E::EvaluationCompleted,
            E::EvaluationFailed,
            E::ModelPromoted,
            E::PromotionRejected,
            E::ModelDistributionComplete,
            E::EloUpdated,
            E::PlateauDetected,
            E::HyperparameterUpdated,
            E::ExplorationBoost,
            E::SelfplayRateChanged,
            E::WorkCompleted,
            E::WorkFailed,
        ],
        depends_on: &[D::EventRouter],
        interval: 1,
        category: Category::Event,
        ..BASE
    },
    DaemonSpec {
        daemon: D::DlqRetry,
        name: "DLQ_RETRY",
        purpose: "Hands dead letters out again, a bounded number of times",
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        interval: 60,
        publishes: &[E::DlqEventsReplayed, E::DlqStaleEvents],
        category: Category::Event,
        ..BASE
    },
];
