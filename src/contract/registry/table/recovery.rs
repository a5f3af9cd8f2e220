//! The recovery daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::ReplicationMonitor,
        name: "REPLICATION_MONITOR",
        purpose: "Replication factor monitor",
        stage: Stage::Alias { of: D::UnifiedDataPlane, strategy: Some("replication"), deprecated: true },
        depends_on: &[D::EventRouter],
        interval: 300,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ReplicationRepair,
        name: "REPLICATION_REPAIR",
        purpose: "Replication repair queue",
        stage: Stage::Alias { of: D::UnifiedDataPlane, strategy: Some("repair"), deprecated: true },
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::OrphanDetection,
        name: "ORPHAN_DETECTION",
        purpose: "Find game DBs not in ClusterManifest, auto-register",
        depends_on: &[D::EventRouter],
        interval: 300,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::IntegrityCheck,
        name: "INTEGRITY_CHECK",
        purpose: "Quarantine games without moves into orphaned_games",
        depends_on: &[D::EventRouter],
        interval: 3600,
        health_check_interval: Some(3600),
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::RecoveryOrchestrator,
        name: "RECOVERY_ORCHESTRATOR",
        purpose: "Recovers models and trainings",
        depends_on: &[D::EventRouter, D::UnifiedNodeHealth],
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::CacheCoordination,
        name: "CACHE_COORDINATION",
        purpose: "Keeps track of cached models",
        depends_on: &[D::EventRouter, D::ClusterMonitor],
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::Maintenance,
        name: "MAINTENANCE",
        purpose: "Log rotation, VACUUM, archive, DLQ & queue cleanup",
        depends_on: &[D::EventRouter],
        subscribes: &[E::DiskSpaceLow],
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::DataCleanup,
        name: "DATA_CLEANUP",
        purpose: "Quarantine/delete poor-quality DBs",
        depends_on: &[D::EventRouter],
        interval: 3600,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::DiskSpaceManager,
        name: "DISK_SPACE_MANAGER",
        purpose: "Watches the disk and says when it is low",
        needs: &[Need::Machine],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        interval: 300,
        publishes: &[E::DiskSpaceLow, E::ResourceConstraint],
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::CoordinatorDiskManager,
        name: "COORDINATOR_DISK_MANAGER",
        purpose: "As above + rsync to external storage first",
        depends_on: &[D::EventRouter, D::DiskSpaceManager],
        interval: 300,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AvailabilityRecoveryEngine,
        name: "AVAILABILITY_RECOVERY_ENGINE",
        purpose: "Escalating recovery",
        depends_on: &[D::EventRouter, D::AvailabilityNodeMonitor],
        interval: 60,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ConnectivityRecovery,
        name: "CONNECTIVITY_RECOVERY",
        purpose: "SSH-based reconnect of nodes after TAILSCALE_/HOST_/P2P_ events",
        depends_on: &[D::EventRouter, D::TailscaleHealth],
        interval: 60,
        health_check_interval: Some(60),
        max_restarts: 10,
        category: Category::Recovery,
        ..BASE
    },
    DaemonSpec {
        daemon: D::P2pAutoDeploy,
        name: "P2P_AUTO_DEPLOY",
        purpose: "Brings the suite to new nodes",
        depends_on: &[D::EventRouter],
        interval: 300,
        category: Category::Recovery,
        ..BASE
    },
];
