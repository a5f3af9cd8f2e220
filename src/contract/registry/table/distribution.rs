//! The distribution daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::ModelSync,
        name: "MODEL_SYNC",
        purpose: "Distributes models only",
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Distribution,
        ..BASE
    },
    DaemonSpec {
        daemon: D::DataServer,
        name: "DATA_SERVER",
        purpose: "Serves games and models to other nodes",
        depends_on: &[D::EventRouter],
        category: Category::Distribution,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ModelDistribution,
        name: "MODEL_DISTRIBUTION",
        purpose: "Switches the current model, verified and at once",
        needs: &[Need::Writes("current")],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::Evaluation, D::AutoPromotion],
        order: Some(21),
        interval: 60,
        publishes: &[E::ModelDistributionStarted, E::ModelDistributionComplete, E::ModelDistributionFailed],
        subscribes: &[E::ModelPromoted, E::RulesChanged],
        category: Category::Distribution,
        ..BASE
    },
    DaemonSpec {
        daemon: D::NpzDistribution,
        name: "NPZ_DISTRIBUTION",
        purpose: "Same daemon, NPZ only",
        stage: Stage::Alias { of: D::ModelDistribution, strategy: Some("npz"), deprecated: true },
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Distribution,
        ..BASE
    },
    DaemonSpec {
        daemon: D::S3Backup,
        name: "S3_BACKUP",
        purpose: "Copies promoted models to S3",
        depends_on: &[D::EventRouter, D::ModelDistribution],
        category: Category::Distribution,
        ..BASE
    },
];
