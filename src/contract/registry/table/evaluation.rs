//! The evaluation daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::UnifiedPromotion,
        name: "UNIFIED_PROMOTION",
        purpose: "Promotion decisions across tiers",
        depends_on: &[D::EventRouter],
        order: Some(19),
        category: Category::Evaluation,
        ..BASE
    },
    DaemonSpec {
        daemon: D::Evaluation,
        name: "EVALUATION",
        purpose: "Queues the match of each new candidate against the champion",
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        order: Some(18),
        health_check_interval: Some(120),
        subscribes: &[E::TrainingCompleted, E::EvaluationFailed, E::PromotionRejected],
        category: Category::Evaluation,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AutoPromotion,
        name: "AUTO_PROMOTION",
        purpose: "Promotes a candidate that the sequential test accepts, refuses every other",
        hard: &[Hub::Router, Hub::Catalog],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::Evaluation],
        order: Some(20),
        publishes: &[E::ModelPromoted, E::PromotionRejected, E::PromotionFailed],
        subscribes: &[E::EvaluationCompleted],
        category: Category::Evaluation,
        ..BASE
    },
    DaemonSpec {
        daemon: D::GauntletFeedback,
        name: "GAUNTLET_FEEDBACK",
        purpose: "Evaluation → exploration/quality/regression signals",
        depends_on: &[D::EventRouter],
        subscribes: &[E::EvaluationCompleted, E::ModelDistributionStarted],
        category: Category::Evaluation,
        ..BASE
    },
];
