//! The health daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::HealthCheck,
        name: "HEALTH_CHECK",
        purpose: "Legacy; HealthCheckOrchestrator",
        stage: Stage::Alias { of: D::UnifiedNodeHealth, strategy: None, deprecated: true },
        depends_on: &[],
        interval: 60,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ClusterMonitor,
        name: "CLUSTER_MONITOR",
        purpose: "Polls every node: game counts, disk, training processes, GPU",
        depends_on: &[D::EventRouter],
        order: Some(11),
        interval: 30,
        subscribes: &[E::HostOnline, E::HostOffline, E::DaemonHealth],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::QueueMonitor,
        name: "QUEUE_MONITOR",
        purpose: "Tracks depth of training/games/eval/sync queues, computes backpressure level",
        depends_on: &[D::EventRouter],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::NodeHealthMonitor,
        name: "NODE_HEALTH_MONITOR",
        purpose: "Deprecated node health (runs HealthCheckOrchestrator)",
        stage: Stage::Alias { of: D::UnifiedNodeHealth, strategy: None, deprecated: true },
        depends_on: &[D::EventRouter],
        order: Some(12),
        interval: 60,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::DaemonWatchdog,
        name: "DAEMON_WATCHDOG",
        purpose: "Reports daemons that failed for good or crash in loops; restarts nothing",
        depends_on: &[D::EventRouter],
        order: Some(2),
        interval: 30,
        health_check_interval: Some(30),
        critical: true,
        subscribes: &[E::DaemonStarted, E::DaemonStopped, E::DaemonStatusChanged, E::DaemonPermanentlyFailed],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::QualityMonitor,
        name: "QUALITY_MONITOR",
        purpose: "Mean quality of last 30 games of newest selfplay DB",
        depends_on: &[D::EventRouter],
        order: Some(16),
        interval: 15,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ModelPerformanceWatchdog,
        name: "MODEL_PERFORMANCE_WATCHDOG",
        purpose: "Rolling win-rate monitor → regression events",
        depends_on: &[D::EventRouter],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::TailscaleHealth,
        name: "TAILSCALE_HEALTH",
        purpose: "Check/repair local Tailscale",
        depends_on: &[],
        interval: 30,
        health_check_interval: Some(60),
        max_restarts: 20,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::WorkQueueMonitor,
        name: "WORK_QUEUE_MONITOR",
        purpose: "Depth, latency, stuck jobs, backpressure",
        hard: &[Hub::Router, Hub::Coordinator],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::QueuePopulator],
        order: Some(7),
        interval: 10,
        publishes: &[E::BackpressureActivated, E::BackpressureReleased],
        subscribes: &[
            E::WorkQueued,
            E::WorkClaimed,
            E::WorkStarted,
            E::WorkCompleted,
            E::WorkFailed,
            E::WorkRetry,
            E::WorkTimeout,
            E::WorkCancelled,
            E::TaskOrphaned,
            E::JobPreempted,
        ],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::CoordinatorHealthMonitor,
        name: "COORDINATOR_HEALTH_MONITOR",
        purpose: "Tracks COORDINATOR_* events, stale heartbeats",
        depends_on: &[D::EventRouter],
        order: Some(8),
        interval: 60,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::SystemHealthMonitor,
        name: "SYSTEM_HEALTH_MONITOR",
        purpose: "UnifiedHealthManager score, pipeline pause",
        stage: Stage::Alias { of: D::UnifiedNodeHealth, strategy: None, deprecated: true },
        depends_on: &[D::EventRouter, D::UnifiedNodeHealth],
        interval: 30,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::HealthServer,
        name: "HEALTH_SERVER",
        purpose: "HTTP: /health, /ready, /metrics, /status and /daemon",
        needs: &[Need::Tcp, Need::Bus],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        order: Some(13),
        health_check_interval: Some(30),
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ClusterWatchdog,
        name: "CLUSTER_WATCHDOG",
        purpose: "Finds nodes that do too little",
        depends_on: &[D::EventRouter, D::ClusterMonitor],
        order: Some(14),
        interval: 300,
        health_check_interval: Some(60),
        publishes: &[E::HealthCheckPassed, E::HealthCheckFailed],
        subscribes: &[E::HostOnline, E::HostOffline],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AvailabilityNodeMonitor,
        name: "AVAILABILITY_NODE_MONITOR",
        purpose: "P2P→SSH→GPU→provider layered checks",
        depends_on: &[D::EventRouter],
        interval: 30,
        health_check_interval: Some(30),
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::ProgressWatchdog,
        name: "PROGRESS_WATCHDOG",
        purpose: "Finds configurations whose strength stalls",
        depends_on: &[D::EventRouter, D::SelfplayCoordinator],
        interval: 3600,
        health_check_interval: Some(1800),
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::P2pRecovery,
        name: "P2P_RECOVERY",
        purpose: "Restart p2p orchestrator on failure/partition",
        depends_on: &[D::EventRouter],
        interval: 60,
        health_check_interval: Some(300),
        max_restarts: 10,
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::MemoryMonitor,
        name: "MEMORY_MONITOR",
        purpose: "Watches RAM and VRAM",
        depends_on: &[D::EventRouter],
        interval: 30,
        health_check_interval: Some(60),
        max_restarts: 10,
        critical: true,
        publishes: &[E::ResourceConstraint],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::MetricsAnalysis,
        name: "METRICS_ANALYSIS",
        purpose: "Finds plateaus and anomalies in the metrics",
        depends_on: &[D::EventRouter],
        subscribes: &[E::TrainingProgress, E::EvaluationStarted, E::NpzExportStarted, E::TrainingStarted, E::TrainingThresholdReached],
        category: Category::Health,
        ..BASE
    },
    DaemonSpec {
        daemon: D::UnifiedNodeHealth,
        name: "UNIFIED_NODE_HEALTH",
        purpose: "Checks each node in layers and decides its health",
        depends_on: &[D::EventRouter],
        interval: 60,
        subscribes: &[E::DlqStaleEvents, E::DlqEventsReplayed],
        category: Category::Health,
        ..BASE
    },
];
