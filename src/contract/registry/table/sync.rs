//! The sync daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::SyncCoordinator,
        name: "SYNC_COORDINATOR",
        purpose: "Legacy central sync coordinator; use AUTO_SYNC",
        stage: Stage::Alias { of: D::AutoSync, strategy: None, deprecated: true },
        depends_on: &[D::EventRouter],
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::HighQualitySync,
        name: "HIGH_QUALITY_SYNC",
        purpose: "Watches for games with quality > 0.7 and syncs them first (HighQualityDataSyncWatcher)",
        depends_on: &[D::EventRouter],
        interval: 300,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::EloSync,
        name: "ELO_SYNC",
        purpose: "Merges match histories between nodes",
        depends_on: &[D::EventRouter],
        interval: 300,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::GossipSync,
        name: "GOSSIP_SYNC",
        purpose: "Replicates games by gossip",
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AutoSync,
        name: "AUTO_SYNC",
        purpose: "Main data sync; strategy auto/hybrid/ephemeral/broadcast/pull",
        depends_on: &[D::EventRouter, D::DataPipeline, D::FeedbackLoop],
        order: Some(5),
        interval: 60,
        health_check_interval: Some(60),
        critical: true,
        publishes: &[E::DataSyncStarted, E::DataSyncCompleted, E::DataSyncFailed],
        subscribes: &[E::NewGamesAvailable, E::SyncRequest, E::ModelDistributionFailed],
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::TrainingNodeWatcher,
        name: "TRAINING_NODE_WATCHER",
        purpose: "Finds running trainings by their control groups",
        needs: &[Need::Bus, Need::Machine],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 30,
        publishes: &[E::SyncRequest],
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::TrainingDataSync,
        name: "TRAINING_DATA_SYNC",
        purpose: "Pre-training fetch of NPZ from OWC drive/S3",
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::OwcImport,
        name: "OWC_IMPORT",
        purpose: "Import archive games for under-served configs",
        depends_on: &[D::EventRouter],
        interval: 3600,
        health_check_interval: Some(1800),
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::EphemeralSync,
        name: "EPHEMERAL_SYNC",
        purpose: "AutoSync strategy=ephemeral: write-through push per game",
        stage: Stage::Alias { of: D::AutoSync, strategy: Some("ephemeral"), deprecated: true },
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 5,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::S3NodeSync,
        name: "S3_NODE_SYNC",
        purpose: "Bi-directional S3 sync per node",
        depends_on: &[D::EventRouter],
        interval: 3600,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::S3Consolidation,
        name: "S3_CONSOLIDATION",
        purpose: "Consolidate all nodes' S3 data (coordinator)",
        depends_on: &[D::EventRouter, D::S3NodeSync],
        interval: 3600,
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::SyncPush,
        name: "SYNC_PUSH",
        purpose: "GPU nodes push DBs to coordinator, delete only with ≥2 verified copies",
        depends_on: &[D::EventRouter],
        interval: 300,
        health_check_interval: Some(60),
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::UnifiedDataPlane,
        name: "UNIFIED_DATA_PLANE",
        purpose: "Catalog + sync planner v2 + transports + event bridge",
        depends_on: &[D::EventRouter, D::DataPipeline, D::FeedbackLoop],
        health_check_interval: Some(60),
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::StaleFallback,
        name: "STALE_FALLBACK",
        purpose: "Allow training on stale data after sync failures",
        depends_on: &[D::EventRouter, D::AutoSync],
        interval: 60,
        health_check_interval: Some(300),
        subscribes: &[E::DataSyncFailed, E::DataSyncStarted],
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ExternalDriveSync,
        name: "EXTERNAL_DRIVE_SYNC",
        purpose: "Pull games/npz/models from cluster to external drive",
        depends_on: &[D::EventRouter],
        category: Category::Sync,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ClusterDataSync,
        name: "CLUSTER_DATA_SYNC",
        purpose: "AutoSync strategy=broadcast",
        stage: Stage::Alias { of: D::AutoSync, strategy: Some("broadcast"), deprecated: true },
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Sync,
        ..BASE
    },
];
