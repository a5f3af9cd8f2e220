//! The resource daemons.
use super::*;

/// Their specifications. What is not said is as in `BASE`.
pub(super) const SPECS: &[DaemonSpec] = &[
    DaemonSpec {
        daemon: D::ResourceOptimizer,
        name: "RESOURCE_OPTIMIZER",
        purpose: "Decides by PID how many jobs run",
        hard: &[Hub::Router, Hub::Coordinator],
        needs: &[Need::Machine, Need::Gpu],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::JobScheduler],
        publishes: &[E::ResourceConstraint],
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::IdleResource,
        name: "IDLE_RESOURCE",
        purpose: "Queues self-play when cores or GPUs have nothing to do",
        hard: &[Hub::Router, Hub::Coordinator],
        needs: &[Need::Machine, Need::Gpu],
        stage: Stage::Built,
        depends_on: &[D::EventRouter],
        order: Some(9),
        interval: 15,
        health_check_interval: Some(120),
        critical: true,
        publishes: &[E::IdleResourceDetected],
        subscribes: &[E::BackpressureActivated, E::BackpressureReleased, E::ResourceConstraint],
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::NodeRecovery,
        name: "NODE_RECOVERY",
        purpose: "Escalating node recovery through provider APIs",
        depends_on: &[D::EventRouter],
        order: Some(15),
        interval: 300,
        health_check_interval: Some(120),
        subscribes: &[E::HealthCheckFailed, E::HealthCheckPassed],
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AdaptiveResources,
        name: "ADAPTIVE_RESOURCES",
        purpose: "Scales by disk and memory",
        depends_on: &[D::EventRouter, D::ClusterMonitor],
        interval: 300,
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::UtilizationOptimizer,
        name: "UTILIZATION_OPTIMIZER",
        purpose: "Raises and lowers the number of jobs by utilisation",
        hard: &[Hub::Router, Hub::Coordinator],
        stage: Stage::Built,
        depends_on: &[D::EventRouter, D::IdleResource],
        interval: 300,
        subscribes: &[E::IdleResourceDetected, E::ResourceConstraint],
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::NodeAvailability,
        name: "NODE_AVAILABILITY",
        purpose: "Sync provider instance state into hosts YAML",
        depends_on: &[D::EventRouter],
        interval: 300,
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AvailabilityProvisioner,
        name: "AVAILABILITY_PROVISIONER",
        purpose: "Provision instances when capacity low",
        depends_on: &[D::EventRouter, D::AvailabilityCapacityPlanner],
        interval: 300,
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::AvailabilityCapacityPlanner,
        name: "AVAILABILITY_CAPACITY_PLANNER",
        purpose: "Budget-aware scale recommendations",
        depends_on: &[D::EventRouter],
        interval: 60,
        category: Category::Resource,
        ..BASE
    },
    DaemonSpec {
        daemon: D::P2pBackend,
        name: "P2P_BACKEND",
        purpose: "Talks to the other nodes",
        depends_on: &[D::EventRouter],
        category: Category::Resource,
        ..BASE
    },
];
