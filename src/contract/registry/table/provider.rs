//! The provider daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::MultiProvider,
        name: "MULTI_PROVIDER",
        purpose: "Coordinates nodes of several cloud providers",
        depends_on: &[D::EventRouter, D::ClusterMonitor],
        category: Category::Provider,
        ..BASE
    },
    DaemonSpec {
        daemon: D::LambdaIdle,
        name: "LAMBDA_IDLE",
        purpose: "Idle shutdown of Lambda nodes",
        stage: Stage::Alias { of: D::UnifiedIdleShutdown, strategy: Some("lambda"), deprecated: true },
        depends_on: &[D::EventRouter, D::ClusterMonitor],
        interval: 60,
        category: Category::Provider,
        ..BASE
    },
    DaemonSpec {
        daemon: D::VastIdle,
        name: "VAST_IDLE",
        purpose: "Idle shutdown of Vast nodes",
        stage: Stage::Alias { of: D::UnifiedIdleShutdown, strategy: Some("vast"), deprecated: true },
        depends_on: &[D::EventRouter, D::ClusterMonitor],
        interval: 60,
        category: Category::Provider,
        ..BASE
    },
    DaemonSpec {
        daemon: D::VastCpuPipeline,
        name: "VAST_CPU_PIPELINE",
        purpose: "Self-play and preprocessing on CPU-only rented nodes",
        depends_on: &[D::EventRouter],
        category: Category::Provider,
        ..BASE
    },
    DaemonSpec {
        daemon: D::UnifiedIdleShutdown,
        name: "UNIFIED_IDLE_SHUTDOWN",
        purpose: "Stops rented nodes that have nothing to do",
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Provider,
        ..BASE
    },
];
