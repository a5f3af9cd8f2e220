//! The closed list of daemon types and how people may spell them.

macro_rules! daemon_types {
    ($($name:ident)*) => {
        /// A daemon type: the 89 of the original and four more names of the seeds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum DaemonType { $($name,)* }
        impl DaemonType {
            /// All of them, in the original's order.
            pub const ALL: &'static [DaemonType] = &[$(DaemonType::$name,)*];
        }
    };
}

daemon_types! {
    EventRouter CrossProcessPoller DlqRetry HealthCheck ClusterMonitor QueueMonitor
    NodeHealthMonitor DaemonWatchdog QualityMonitor ModelPerformanceWatchdog TailscaleHealth WorkQueueMonitor
    CoordinatorHealthMonitor SystemHealthMonitor HealthServer ClusterWatchdog AvailabilityNodeMonitor ProgressWatchdog
    P2pRecovery MemoryMonitor SyncCoordinator HighQualitySync EloSync GossipSync
    AutoSync TrainingNodeWatcher TrainingDataSync OwcImport EphemeralSync S3NodeSync
    S3Consolidation SyncPush UnifiedDataPlane StaleFallback DataPipeline SelfplayCoordinator
    ContinuousTrainingLoop TournamentDaemon AutoExport TrainingTrigger PerOrchestrator DataConsolidation
    NpzCombination CascadeTraining NnueTraining UnifiedPromotion Evaluation AutoPromotion
    GauntletFeedback ModelSync DataServer ModelDistribution NpzDistribution ReplicationMonitor
    ReplicationRepair ResourceOptimizer IdleResource NodeRecovery AdaptiveResources UtilizationOptimizer
    NodeAvailability AvailabilityProvisioner AvailabilityCapacityPlanner MultiProvider LambdaIdle VastIdle
    JobScheduler QueuePopulator FeedbackLoop CurriculumIntegration ArchitectureFeedback OrphanDetection
    IntegrityCheck RecoveryOrchestrator CacheCoordination Maintenance DataCleanup DiskSpaceManager
    CoordinatorDiskManager AvailabilityRecoveryEngine ConnectivityRecovery P2pBackend Distillation ExternalDriveSync
    VastCpuPipeline ClusterDataSync P2pAutoDeploy S3Backup MetricsAnalysis SelfplayScheduler
    UnifiedNodeHealth UnifiedIdleShutdown JobReaper
}

/// The original's types; the four further names are listed apart.
pub const ORIGINAL: usize = 89;
