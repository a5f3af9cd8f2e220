//! The roster: every daemon type, one line a built one, in an order that stays: a new one is added at the end.
//!
//! `[Name at category::name]`: it is built, `src/daemons/category/name.rs` declares it. `[Name { … }]`: the entry of
//! one that is planned, of another name, or of a hub; what is not said is as in `BASE`. To build a planned one, put the
//! line in place of its entry. `scripts/new-daemon` does either.

macro_rules! roster {
    ($make:ident) => {
        $make! {
            [EventRouter { name: "EVENT_ROUTER", category: Category::Event,
                purpose: "Keeps the event log and delivers each event to every subscriber",
                stage: Stage::Built,
                profiles: &[Profile::Standalone, Profile::Coordinator, Profile::TrainingNode, Profile::Ephemeral,
                    Profile::Selfplay, Profile::Minimal],
                order: Some(1), interval: 1, critical: true, serves: Some(Hub::Router), program: Program::Hub("router") }]
            [CrossProcessPoller at event::cross_process_poller]
            [DlqRetry at event::dlq_retry]
            [HealthCheck { name: "HEALTH_CHECK", category: Category::Health,
                purpose: "Checks the health of nodes",
                stage: Stage::Alias { of: D::UnifiedNodeHealth, strategy: None, deprecated: true } }]
            [ClusterMonitor { name: "CLUSTER_MONITOR", category: Category::Health,
                purpose: "Polls game counts, disk, training processes and GPUs of every node",
                depends_on: &[D::EventRouter], order: Some(11), interval: 30,
                subscribes: &[E::HostOnline, E::HostOffline, E::DaemonHealth] }]
            [QueueMonitor { name: "QUEUE_MONITOR", category: Category::Health,
                purpose: "Tracks the depth of the training, games, evaluation and sync queues",
                depends_on: &[D::EventRouter] }]
            [NodeHealthMonitor { name: "NODE_HEALTH_MONITOR", category: Category::Health,
                purpose: "Checks the health of nodes",
                stage: Stage::Alias { of: D::UnifiedNodeHealth, strategy: None, deprecated: true },
                depends_on: &[D::EventRouter], order: Some(12) }]
            [DaemonWatchdog { name: "DAEMON_WATCHDOG", category: Category::Health,
                purpose: "Reports daemons that failed or crash repeatedly; restarts nothing",
                depends_on: &[D::EventRouter], order: Some(2), interval: 30, health_check_interval: Some(30), critical: true,
                subscribes: &[E::DaemonStarted, E::DaemonStopped, E::DaemonStatusChanged, E::DaemonPermanentlyFailed] }]
            [QualityMonitor { name: "QUALITY_MONITOR", category: Category::Health,
                purpose: "Measures the mean quality of the last 30 self-play games",
                profiles: &[Profile::Ephemeral], depends_on: &[D::EventRouter], order: Some(16), interval: 15 }]
            [ModelPerformanceWatchdog { name: "MODEL_PERFORMANCE_WATCHDOG", category: Category::Health,
                purpose: "Watches win rates and publishes regressions",
                depends_on: &[D::EventRouter] }]
            [TailscaleHealth { name: "TAILSCALE_HEALTH", category: Category::Health,
                purpose: "Checks and repairs Tailscale on this node",
                interval: 30, health_check_interval: Some(60), max_restarts: 20 }]
            [WorkQueueMonitor at health::work_queue_monitor]
            [CoordinatorHealthMonitor { name: "COORDINATOR_HEALTH_MONITOR", category: Category::Health,
                purpose: "Watches COORDINATOR_* events and missing heartbeats",
                depends_on: &[D::EventRouter], order: Some(8) }]
            [SystemHealthMonitor { name: "SYSTEM_HEALTH_MONITOR", category: Category::Health,
                purpose: "Computes a health score and pauses the pipeline",
                stage: Stage::Alias { of: D::UnifiedNodeHealth, strategy: None, deprecated: true },
                depends_on: &[D::EventRouter, D::UnifiedNodeHealth], interval: 30 }]
            [HealthServer at health::health_server]
            [ClusterWatchdog { name: "CLUSTER_WATCHDOG", category: Category::Health,
                purpose: "Finds underused nodes",
                depends_on: &[D::EventRouter, D::ClusterMonitor], order: Some(14), interval: 300,
                health_check_interval: Some(60), publishes: &[E::HealthCheckPassed, E::HealthCheckFailed],
                subscribes: &[E::HostOnline, E::HostOffline] }]
            [AvailabilityNodeMonitor { name: "AVAILABILITY_NODE_MONITOR", category: Category::Health,
                purpose: "Checks each node by P2P, SSH, GPU and provider",
                depends_on: &[D::EventRouter], interval: 30, health_check_interval: Some(30) }]
            [ProgressWatchdog { name: "PROGRESS_WATCHDOG", category: Category::Health,
                purpose: "Finds configurations whose strength no longer grows",
                depends_on: &[D::EventRouter, D::SelfplayCoordinator], interval: 3600, health_check_interval: Some(1800) }]
            [P2pRecovery { name: "P2P_RECOVERY", category: Category::Health,
                purpose: "Restarts the P2P backend after a failure or partition",
                depends_on: &[D::EventRouter], health_check_interval: Some(300), max_restarts: 10 }]
            [MemoryMonitor { name: "MEMORY_MONITOR", category: Category::Health,
                purpose: "Watches memory and GPU memory",
                depends_on: &[D::EventRouter], interval: 30, health_check_interval: Some(60), critical: true,
                max_restarts: 10, publishes: &[E::ResourceConstraint] }]
            [SyncCoordinator { name: "SYNC_COORDINATOR", category: Category::Sync,
                purpose: "Synchronises data centrally",
                stage: Stage::Alias { of: D::AutoSync, strategy: None, deprecated: true }, depends_on: &[D::EventRouter] }]
            [HighQualitySync { name: "HIGH_QUALITY_SYNC", category: Category::Sync,
                purpose: "Synchronises games with a quality above 0.7 first",
                depends_on: &[D::EventRouter], interval: 300 }]
            [EloSync { name: "ELO_SYNC", category: Category::Sync,
                purpose: "Merges match histories between nodes",
                depends_on: &[D::EventRouter], interval: 300 }]
            [GossipSync { name: "GOSSIP_SYNC", category: Category::Sync,
                purpose: "Replicates games by gossip",
                depends_on: &[D::EventRouter] }]
            [AutoSync { name: "AUTO_SYNC", category: Category::Sync,
                purpose: "Synchronises data between nodes (auto, hybrid, ephemeral, broadcast or pull)",
                profiles: &[Profile::Coordinator, Profile::Ephemeral],
                depends_on: &[D::EventRouter, D::DataPipeline, D::FeedbackLoop], order: Some(5),
                health_check_interval: Some(60), critical: true,
                publishes: &[E::DataSyncStarted, E::DataSyncCompleted, E::DataSyncFailed],
                subscribes: &[E::NewGamesAvailable, E::SyncRequest, E::ModelDistributionFailed] }]
            [TrainingNodeWatcher at sync::training_node_watcher]
            [TrainingDataSync { name: "TRAINING_DATA_SYNC", category: Category::Sync,
                purpose: "Fetches samples from an external drive or S3 before a training",
                depends_on: &[D::EventRouter] }]
            [OwcImport { name: "OWC_IMPORT", category: Category::Sync,
                purpose: "Imports archived games for configurations with few games",
                depends_on: &[D::EventRouter], interval: 3600, health_check_interval: Some(1800) }]
            [EphemeralSync { name: "EPHEMERAL_SYNC", category: Category::Sync,
                purpose: "Pushes each game to another node at once",
                stage: Stage::Alias { of: D::AutoSync, strategy: Some("ephemeral"), deprecated: true },
                depends_on: &[D::EventRouter, D::DataPipeline], interval: 5 }]
            [S3NodeSync { name: "S3_NODE_SYNC", category: Category::Sync,
                purpose: "Synchronises each node with S3 in both directions",
                depends_on: &[D::EventRouter], interval: 3600 }]
            [S3Consolidation { name: "S3_CONSOLIDATION", category: Category::Sync,
                purpose: "Merges the S3 data of all nodes",
                depends_on: &[D::EventRouter, D::S3NodeSync], interval: 3600 }]
            [SyncPush { name: "SYNC_PUSH", category: Category::Sync,
                purpose: "Pushes databases of GPU nodes to the coordinator; deletes only with 2 verified copies",
                depends_on: &[D::EventRouter], interval: 300, health_check_interval: Some(60) }]
            [UnifiedDataPlane { name: "UNIFIED_DATA_PLANE", category: Category::Sync,
                purpose: "Plans and carries out transfers between nodes",
                depends_on: &[D::EventRouter, D::DataPipeline, D::FeedbackLoop], health_check_interval: Some(60) }]
            [StaleFallback { name: "STALE_FALLBACK", category: Category::Sync,
                purpose: "Allows training on stale data after sync failures",
                depends_on: &[D::EventRouter, D::AutoSync], health_check_interval: Some(300),
                subscribes: &[E::DataSyncFailed, E::DataSyncStarted] }]
            [DataPipeline at pipeline::data_pipeline]
            [SelfplayCoordinator at pipeline::selfplay_coordinator]
            [ContinuousTrainingLoop { name: "CONTINUOUS_TRAINING_LOOP", category: Category::Pipeline,
                purpose: "Endless self-play and training as one job",
                depends_on: &[D::EventRouter] }]
            [TournamentDaemon { name: "TOURNAMENT_DAEMON", category: Category::Pipeline,
                purpose: "Plays tournaments of many models",
                depends_on: &[D::EventRouter] }]
            [AutoExport at pipeline::auto_export]
            [TrainingTrigger at pipeline::training_trigger]
            [PerOrchestrator { name: "PER_ORCHESTRATOR", category: Category::Pipeline,
                purpose: "Monitors the prioritised replay buffer",
                depends_on: &[D::EventRouter], health_check_interval: Some(60) }]
            [DataConsolidation { name: "DATA_CONSOLIDATION", category: Category::Pipeline,
                purpose: "Merges scattered self-play databases into one per configuration",
                depends_on: &[D::EventRouter, D::DataPipeline], interval: 300 }]
            [NpzCombination { name: "NPZ_COMBINATION", category: Category::Pipeline,
                purpose: "Merges sample files weighted by quality and age",
                depends_on: &[D::EventRouter, D::DataPipeline], interval: 300, health_check_interval: Some(60) }]
            [CascadeTraining { name: "CASCADE_TRAINING", category: Category::Pipeline,
                purpose: "Transfers learning from 2 to 3 to 4 players",
                depends_on: &[D::EventRouter, D::DataPipeline], interval: 300 }]
            [NnueTraining { name: "NNUE_TRAINING", category: Category::Pipeline,
                purpose: "Trains NNUE networks at game thresholds",
                depends_on: &[D::EventRouter, D::DataPipeline], interval: 3600, health_check_interval: Some(3600) }]
            [UnifiedPromotion { name: "UNIFIED_PROMOTION", category: Category::Evaluation,
                purpose: "Decides promotions across tiers",
                depends_on: &[D::EventRouter], order: Some(19) }]
            [Evaluation at evaluation::evaluation]
            [AutoPromotion at evaluation::auto_promotion]
            [GauntletFeedback { name: "GAUNTLET_FEEDBACK", category: Category::Evaluation,
                purpose: "Derives exploration, quality and regression signals from evaluations",
                depends_on: &[D::EventRouter], subscribes: &[E::EvaluationCompleted, E::ModelDistributionStarted] }]
            [ModelSync { name: "MODEL_SYNC", category: Category::Distribution,
                purpose: "Distributes models only",
                depends_on: &[D::EventRouter] }]
            [DataServer { name: "DATA_SERVER", category: Category::Distribution,
                purpose: "Serves games and models to other nodes",
                depends_on: &[D::EventRouter] }]
            [ModelDistribution at distribution::model_distribution]
            [NpzDistribution { name: "NPZ_DISTRIBUTION", category: Category::Distribution,
                purpose: "Distributes samples only",
                stage: Stage::Alias { of: D::ModelDistribution, strategy: Some("npz"), deprecated: true },
                depends_on: &[D::EventRouter] }]
            [ReplicationMonitor { name: "REPLICATION_MONITOR", category: Category::Recovery,
                purpose: "Monitors the replication factor",
                stage: Stage::Alias { of: D::UnifiedDataPlane, strategy: Some("replication"), deprecated: true },
                depends_on: &[D::EventRouter], interval: 300 }]
            [ReplicationRepair { name: "REPLICATION_REPAIR", category: Category::Recovery,
                purpose: "Repairs missing replicas",
                stage: Stage::Alias { of: D::UnifiedDataPlane, strategy: Some("repair"), deprecated: true },
                depends_on: &[D::EventRouter] }]
            [ResourceOptimizer at resource::resource_optimizer]
            [IdleResource at resource::idle_resource]
            [NodeRecovery { name: "NODE_RECOVERY", category: Category::Resource,
                purpose: "Recovers nodes through provider APIs in escalating steps",
                depends_on: &[D::EventRouter], order: Some(15), interval: 300, health_check_interval: Some(120),
                subscribes: &[E::HealthCheckFailed, E::HealthCheckPassed] }]
            [AdaptiveResources { name: "ADAPTIVE_RESOURCES", category: Category::Resource,
                purpose: "Scales the number of jobs by disk and memory",
                depends_on: &[D::EventRouter, D::ClusterMonitor], interval: 300 }]
            [UtilizationOptimizer at resource::utilization_optimizer]
            [NodeAvailability { name: "NODE_AVAILABILITY", category: Category::Resource,
                purpose: "Copies the state of provider instances to the host list",
                depends_on: &[D::EventRouter], interval: 300 }]
            [AvailabilityProvisioner { name: "AVAILABILITY_PROVISIONER", category: Category::Resource,
                purpose: "Provisions instances when capacity is low",
                depends_on: &[D::EventRouter, D::AvailabilityCapacityPlanner], interval: 300 }]
            [AvailabilityCapacityPlanner { name: "AVAILABILITY_CAPACITY_PLANNER", category: Category::Resource,
                purpose: "Recommends scaling within the budget",
                depends_on: &[D::EventRouter] }]
            [MultiProvider { name: "MULTI_PROVIDER", category: Category::Provider,
                purpose: "Coordinates nodes of several cloud providers",
                depends_on: &[D::EventRouter, D::ClusterMonitor] }]
            [LambdaIdle { name: "LAMBDA_IDLE", category: Category::Provider,
                purpose: "Stops idle Lambda nodes",
                stage: Stage::Alias { of: D::UnifiedIdleShutdown, strategy: Some("lambda"), deprecated: true },
                depends_on: &[D::EventRouter, D::ClusterMonitor] }]
            [VastIdle { name: "VAST_IDLE", category: Category::Provider,
                purpose: "Stops idle Vast nodes",
                stage: Stage::Alias { of: D::UnifiedIdleShutdown, strategy: Some("vast"), deprecated: true },
                depends_on: &[D::EventRouter, D::ClusterMonitor] }]
            [JobScheduler at queue::job_scheduler]
            [QueuePopulator at queue::queue_populator]
            [FeedbackLoop at feedback::feedback_loop]
            [CurriculumIntegration { name: "CURRICULUM_INTEGRATION", category: Category::Feedback,
                purpose: "Sets curriculum weights by momentum, PFSP and quality",
                depends_on: &[D::EventRouter], interval: 10,
                subscribes: &[E::EloUpdated, E::PlateauDetected, E::PromotionFailed] }]
            [ArchitectureFeedback { name: "ARCHITECTURE_FEEDBACK", category: Category::Feedback,
                purpose: "Sets the share of each network architecture, at least 10 %",
                depends_on: &[D::EventRouter], health_check_interval: Some(300), max_restarts: 3 }]
            [OrphanDetection { name: "ORPHAN_DETECTION", category: Category::Recovery,
                purpose: "Finds unregistered game databases and registers them",
                profiles: &[Profile::Ephemeral], depends_on: &[D::EventRouter], interval: 300 }]
            [IntegrityCheck { name: "INTEGRITY_CHECK", category: Category::Recovery,
                purpose: "Quarantines games without moves",
                depends_on: &[D::EventRouter], interval: 3600, health_check_interval: Some(3600) }]
            [RecoveryOrchestrator { name: "RECOVERY_ORCHESTRATOR", category: Category::Recovery,
                purpose: "Recovers models and trainings",
                depends_on: &[D::EventRouter, D::UnifiedNodeHealth] }]
            [CacheCoordination { name: "CACHE_COORDINATION", category: Category::Recovery,
                purpose: "Keeps track of cached models",
                depends_on: &[D::EventRouter, D::ClusterMonitor] }]
            [Maintenance { name: "MAINTENANCE", category: Category::Recovery,
                purpose: "Rotates logs, compacts databases, cleans up queues",
                depends_on: &[D::EventRouter], subscribes: &[E::DiskSpaceLow] }]
            [DataCleanup { name: "DATA_CLEANUP", category: Category::Recovery,
                purpose: "Quarantines or deletes databases of poor quality",
                depends_on: &[D::EventRouter], interval: 3600 }]
            [DiskSpaceManager at recovery::disk_space_manager]
            [CoordinatorDiskManager { name: "COORDINATOR_DISK_MANAGER", category: Category::Recovery,
                purpose: "Watches disk space and copies to external storage before deleting",
                profiles: &[Profile::Coordinator], depends_on: &[D::EventRouter, D::DiskSpaceManager], interval: 300 }]
            [AvailabilityRecoveryEngine { name: "AVAILABILITY_RECOVERY_ENGINE", category: Category::Recovery,
                purpose: "Recovers unavailable nodes in escalating steps",
                depends_on: &[D::EventRouter, D::AvailabilityNodeMonitor] }]
            [ConnectivityRecovery { name: "CONNECTIVITY_RECOVERY", category: Category::Recovery,
                purpose: "Reconnects nodes by SSH after TAILSCALE_, HOST_ and P2P_ events",
                depends_on: &[D::EventRouter, D::TailscaleHealth], health_check_interval: Some(60), max_restarts: 10 }]
            [P2pBackend { name: "P2P_BACKEND", category: Category::Resource,
                purpose: "Talks to the other nodes",
                depends_on: &[D::EventRouter] }]
            [Distillation { name: "DISTILLATION", category: Category::Pipeline,
                purpose: "Distils the champion into a small student",
                depends_on: &[D::EventRouter], order: Some(17), interval: 300 }]
            [ExternalDriveSync { name: "EXTERNAL_DRIVE_SYNC", category: Category::Sync,
                purpose: "Copies games, samples and models to an external drive",
                depends_on: &[D::EventRouter] }]
            [VastCpuPipeline { name: "VAST_CPU_PIPELINE", category: Category::Provider,
                purpose: "Runs self-play and preprocessing on rented CPU-only nodes",
                depends_on: &[D::EventRouter] }]
            [ClusterDataSync { name: "CLUSTER_DATA_SYNC", category: Category::Sync,
                purpose: "Broadcasts data to all nodes",
                stage: Stage::Alias { of: D::AutoSync, strategy: Some("broadcast"), deprecated: true },
                depends_on: &[D::EventRouter] }]
            [P2pAutoDeploy { name: "P2P_AUTO_DEPLOY", category: Category::Recovery,
                purpose: "Installs the suite on new nodes",
                depends_on: &[D::EventRouter], interval: 300 }]
            [S3Backup { name: "S3_BACKUP", category: Category::Distribution,
                purpose: "Copies promoted models to S3",
                depends_on: &[D::EventRouter, D::ModelDistribution] }]
            [MetricsAnalysis { name: "METRICS_ANALYSIS", category: Category::Health,
                purpose: "Finds plateaus and anomalies in the metrics",
                depends_on: &[D::EventRouter],
                subscribes: &[E::TrainingProgress, E::EvaluationStarted, E::NpzExportStarted, E::TrainingStarted,
                    E::TrainingThresholdReached] }]
            [SelfplayScheduler { name: "SELFPLAY_SCHEDULER", category: Category::Queue,
                purpose: "Divides self-play among the configurations",
                stage: Stage::Alias { of: D::SelfplayCoordinator, strategy: None, deprecated: false },
                depends_on: &[D::EventRouter] }]
            [UnifiedNodeHealth { name: "UNIFIED_NODE_HEALTH", category: Category::Health,
                purpose: "Checks each node by layers and decides its health",
                depends_on: &[D::EventRouter], subscribes: &[E::DlqStaleEvents, E::DlqEventsReplayed] }]
            [UnifiedIdleShutdown { name: "UNIFIED_IDLE_SHUTDOWN", category: Category::Provider,
                purpose: "Stops idle rented nodes",
                depends_on: &[D::EventRouter] }]
            [JobReaper at queue::job_reaper]
        }
    };
}

pub(crate) use roster;
