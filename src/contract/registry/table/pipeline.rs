//! The pipeline daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::DataPipeline,
        name: "DATA_PIPELINE",
        purpose: "Owns the catalog: artefacts, lineage, stages, ratings; emits the stages' events",
        needs: &[Need::Writes("artefacts"), Need::Writes("jobs"), Need::Machine],
        longest_handler: 60,
        memory_max: 512,
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        order: Some(3),
        health_check_interval: Some(30),
        critical: true,
        publishes: &[
            E::SelfplayComplete,
            E::NewGamesAvailable,
            E::NpzExportStarted,
            E::NpzExportComplete,
            E::TrainingStarted,
            E::TrainingProgress,
            E::TrainingCompleted,
            E::TrainingFailed,
            E::EvaluationStarted,
            E::EvaluationCompleted,
            E::EvaluationFailed,
            E::EloUpdated,
            E::RulesChanged,
        ],
        subscribes: &[
            E::WorkStarted,
            E::WorkCompleted,
            E::WorkFailed,
            E::TaskHeartbeat,
            E::ModelPromoted,
            E::PromotionRejected,
            E::RulesChanged,
            E::ModelDistributionComplete,
            E::ModelDistributionFailed,
            E::DataSyncCompleted,
        ],
        before_emitter: &[D::AutoSync],
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::SelfplayCoordinator,
        name: "SELFPLAY_COORDINATOR",
        purpose: "Decides how self-play is shared among the configurations",
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        interval: 3600,
        health_check_interval: Some(60),
        publishes: &[E::SelfplayTargetUpdated, E::SelfplayAllocationUpdated, E::SelfplayRateChanged],
        subscribes: &[E::SelfplayComplete, E::ModelDistributionComplete, E::ExplorationBoost, E::HyperparameterUpdated, E::PlateauDetected],
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ContinuousTrainingLoop,
        name: "CONTINUOUS_TRAINING_LOOP",
        purpose: "Endless self-play and training as one job",
        depends_on: &[D::EventRouter],
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::TournamentDaemon,
        name: "TOURNAMENT_DAEMON",
        purpose: "Plays tournaments of many models",
        depends_on: &[D::EventRouter],
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AutoExport,
        name: "AUTO_EXPORT",
        purpose: "Queues an export when there are enough new games",
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        interval: 300,
        subscribes: &[E::NewGamesAvailable, E::NpzExportComplete, E::WorkFailed],
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::TrainingTrigger,
        name: "TRAINING_TRIGGER",
        purpose: "Queues a training when there are enough samples",
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::AutoExport],
        order: Some(10),
        interval: 30,
        health_check_interval: Some(120),
        publishes: &[E::TrainingThresholdReached],
        subscribes: &[E::NpzExportComplete, E::TrainingCompleted, E::TrainingFailed, E::EvaluationCompleted, E::HyperparameterUpdated],
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::PerOrchestrator,
        name: "PER_ORCHESTRATOR",
        purpose: "Prioritised replay buffer monitoring",
        depends_on: &[D::EventRouter],
        health_check_interval: Some(60),
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::DataConsolidation,
        name: "DATA_CONSOLIDATION",
        purpose: "Merge scattered selfplay DBs into canonical_{board}_{n}p.db",
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 300,
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::NpzCombination,
        name: "NPZ_COMBINATION",
        purpose: "Quality/freshness-weighted NPZ merge",
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 300,
        health_check_interval: Some(60),
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::CascadeTraining,
        name: "CASCADE_TRAINING",
        purpose: "2p→3p→4p transfer-learning cascade",
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 300,
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::NnueTraining,
        name: "NNUE_TRAINING",
        purpose: "Trains NNUE networks at game thresholds",
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 3600,
        health_check_interval: Some(3600),
        category: Category::Pipeline,
        ..BASE
    },
    DaemonSpec {
        daemon: D::Distillation,
        name: "DISTILLATION",
        purpose: "Distils the champion into a small student",
        depends_on: &[D::EventRouter],
        order: Some(17),
        interval: 300,
        category: Category::Pipeline,
        ..BASE
    },
];
