//! The feedback daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::FeedbackLoop,
        name: "FEEDBACK_LOOP",
        purpose: "Answers results with exploration and search budget",
        hard: &[Hub::Router, Hub::Catalog],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        order: Some(4),
        interval: 60,
        health_check_interval: Some(60),
        critical: true,
        publishes: &[E::ExplorationBoost, E::PlateauDetected, E::HyperparameterUpdated],
        subscribes: &[E::TrainingCompleted, E::EvaluationCompleted, E::ModelPromoted, E::PromotionRejected, E::TrainingFailed],
        before_emitter: &[D::AutoSync],
        category: Category::Feedback,
        ..BASE
    },
    DaemonSpec {
        daemon: D::CurriculumIntegration,
        name: "CURRICULUM_INTEGRATION",
        purpose: "Momentum/PFSP/quality → curriculum weights",
        depends_on: &[D::EventRouter],
        interval: 10,
        subscribes: &[E::EloUpdated, E::PlateauDetected, E::PromotionFailed],
        category: Category::Feedback,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ArchitectureFeedback,
        name: "ARCHITECTURE_FEEDBACK",
        purpose: "Per-architecture allocation weights, min 10 % each",
        depends_on: &[D::EventRouter],
        interval: 60,
        health_check_interval: Some(300),
        max_restarts: 3,
        category: Category::Feedback,
        ..BASE
    },
];
