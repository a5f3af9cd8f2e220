//! `daemons.NAME`: what each daemon can be told.
use super::Check;
use crate::contract::text;
use serde::{Deserialize, Serialize};

/// What every daemon can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Common {
    /// False keeps it out of every profile.
    pub enabled: bool,
    /// Seconds between ticks; absent: the registry's.
    pub interval: Option<u32>,
}

impl Default for Common {
    fn default() -> Self {
        Common { enabled: true, interval: None }
    }
}

macro_rules! daemon_config {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident : $ty:ty = $default:expr ;)* }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// False keeps it out of every profile.
            pub enabled: bool,
            /// Seconds between ticks; absent: the registry's.
            pub interval: Option<u32>,
            $($(#[doc = $fdoc])+ pub $field: $ty,)*
        }
        impl Default for $name {
            fn default() -> Self {
                $name { enabled: true, interval: None, $($field: $default,)* }
            }
        }
        impl $name {
            /// The part that every daemon has.
            pub fn common(&self) -> Common {
                Common { enabled: self.enabled, interval: self.interval }
            }
        }
    };
}

impl Common {
    /// Itself, so that all sections answer alike.
    pub fn common(&self) -> Common {
        self.clone()
    }
}

daemon_config! {
    /// AUTO_EXPORT.
    AutoExport {
        /// New games of a configuration that start an export, 1 to 1,000,000. The built-in learner gains little from fewer.
        threshold_games: u64 = 320;
        /// The newest so many games are exported: the training window, 1 to 10,000,000.
        window_games: u64 = 2560;
    }
}
daemon_config! {
    /// TRAINING_TRIGGER.
    TrainingTrigger {
        /// Games behind the samples that start a training, 1 to 10,000,000; 1000 suits a fleet.
        threshold_games: u64 = 320;
        /// Samples that start a training, 1 to 1,000,000,000.
        threshold_samples: u64 = 5000;
        /// Seconds that a training may take before it is stopped, 60 to 604,800.
        timeout: u64 = 14400;
    }
}
daemon_config! {
    /// EVALUATION.
    Evaluation {
        /// Seconds that a match may take, 60 to 604,800.
        timeout: u64 = 3600;
    }
}
daemon_config! {
    /// QUEUE_POPULATOR.
    QueuePopulator {
        /// Self-play items kept waiting per configuration, 1 to 1000. A fleet of 28 nodes wants about 200.
        target_depth: u32 = 2;
    }
}
daemon_config! {
    /// IDLE_RESOURCE.
    IdleResource {
        /// Percent of CPU (or GPU) use below which the machine is idle, 0 to 100.
        idle_percent: f64 = 30.0;
        /// Seconds it must have been idle, 1 to 86,400.
        idle_seconds: u32 = 15;
        /// Items in the queue above which nothing is added, 1 to 10,000.
        queue_limit: u32 = 200;
    }
}
daemon_config! {
    /// JOB_SCHEDULER.
    JobScheduler {
        /// Seconds that CRITICAL work waits for a slot before it takes one from what is not urgent, 10 to 86,400.
        preempt_after: u32 = 300;
    }
}
daemon_config! {
    /// JOB_REAPER.
    JobReaper {
        /// Seconds without any progress after which a job that tells of progress is stopped, 60 to 604,800. An epoch must fit.
        stuck_seconds: u32 = 1800;
    }
}
daemon_config! {
    /// WORK_QUEUE_MONITOR.
    WorkQueueMonitor {
        /// Waiting items that activate back-pressure, 1 to 100,000; it is released at 40 percent of them.
        depth: u32 = 100;
        /// Seconds after which an item that was granted and does not start is named, 10 to 86,400.
        stuck_seconds: u32 = 300;
        /// Grants whose latency is remembered, 1 to 10,000.
        latency_window: u32 = 100;
    }
}
daemon_config! {
    /// TRAINING_NODE_WATCHER.
    TrainingNodeWatcher {
        /// RINGRIFT_TRAINING_ACTIVITY_TRIGGER_SYNC: asks for a sync of samples when a training is seen.
        trigger_sync: bool = true;
        /// RINGRIFT_TRAINING_ACTIVITY_HANDLE_SIGNALS: kept for old environment files; systemd handles signals.
        handle_signals: bool = true;
    }
}
daemon_config! {
    /// HEALTH_SERVER.
    HealthServer {
        /// Port of /health, /ready, /metrics, /status, 1 to 65535; RINGRIFT_DAEMON_HEALTH_PORT.
        port: u16 = 8790;
        /// Port of /daemon/status and /daemon/NAME/health, 1 to 65535.
        status_port: u16 = 8770;
        /// Address to listen on; anything but loopback shows the state of the machine to the network.
        address: String = "127.0.0.1".into();
        /// Names by which the host may be asked, beside its own, localhost and addresses: that of a proxy in front of it, say; read at
        /// the start of HEALTH_SERVER.
        hosts: Vec<String> = Vec::new();
    }
}
daemon_config! {
    /// CROSS_PROCESS_POLLER.
    CrossProcessPoller {
        /// The SQLite file with tables events, subscribers and acks that programs of old use, absolute. Elsewhere than here the unit
        /// needs a drop-in with ReadWritePaths= for its folder; below /tmp it cannot be, every service has a /tmp of its own.
        database: String = "/var/lib/ringrift/legacy/events.db".into();
    }
}
daemon_config! {
    /// DLQ_RETRY.
    DlqRetry {
        /// Times a dead letter is handed out again before it is left alone, 0 to 100.
        max_redrives: u32 = 1;
        /// Seconds a dead letter rests before it is handed out again, 1 to 604,800.
        redrive_after: u32 = 3600;
        /// Dead letters handed out again in one tick, 1 to 1000.
        batch: u32 = 10;
        /// Dead letters waiting that raise DLQ_STALE_EVENTS, 1 to 1,000,000.
        stale_threshold: u32 = 50;
    }
}
daemon_config! {
    /// FEEDBACK_LOOP.
    FeedbackLoop {
        /// Refused candidates in a row that mean a plateau, 1 to 100.
        plateau_refusals: u32 = 3;
        /// Factor on exploration at a plateau, 1 to 2.
        plateau_boost: f64 = 1.2;
        /// Largest factor on exploration, 1 to 4.
        max_boost: f64 = 2.0;
        /// Search budget added at a plateau, 0 to 800.
        budget_step: u32 = 32;
        /// Largest search budget, 16 to 800.
        max_budget: u32 = 256;
    }
}
daemon_config! {
    /// DATA_PIPELINE. Its gates refuse when in doubt.
    DataPipeline {
        /// Percent of the disk above which nothing is taken into the catalog, 1 to 100.
        max_disk_percent: f64 = 95.0;
    }
}

macro_rules! daemons {
    ($($field:ident : $ty:ident),* $(,)?) => {
        /// One section for each daemon, also for those not built yet.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Daemons {
            $(#[allow(missing_docs)] pub $field: $ty,)*
        }
        impl Daemons {
            /// Every section's common part by its key.
            pub fn sections(&self) -> Vec<(&'static str, Common)> {
                vec![$((stringify!($field), self.$field.common()),)*]
            }
        }
    };
}

daemons! {
    event_router: Common, cross_process_poller: CrossProcessPoller, dlq_retry: DlqRetry, health_check: Common, cluster_monitor: Common,
    queue_monitor: Common, node_health_monitor: Common, daemon_watchdog: Common, quality_monitor: Common,
    model_performance_watchdog: Common, tailscale_health: Common, work_queue_monitor: WorkQueueMonitor, coordinator_health_monitor: Common,
    system_health_monitor: Common, health_server: HealthServer, cluster_watchdog: Common, availability_node_monitor: Common,
    progress_watchdog: Common, p2p_recovery: Common, memory_monitor: Common, sync_coordinator: Common, high_quality_sync: Common,
    elo_sync: Common, gossip_sync: Common, auto_sync: Common, training_node_watcher: TrainingNodeWatcher, training_data_sync: Common,
    owc_import: Common, ephemeral_sync: Common, s3_node_sync: Common, s3_consolidation: Common, sync_push: Common,
    unified_data_plane: Common, stale_fallback: Common, data_pipeline: DataPipeline, selfplay_coordinator: Common,
    continuous_training_loop: Common, tournament_daemon: Common, auto_export: AutoExport, training_trigger: TrainingTrigger,
    per_orchestrator: Common, data_consolidation: Common, npz_combination: Common, cascade_training: Common, nnue_training: Common,
    unified_promotion: Common, evaluation: Evaluation, auto_promotion: Common, gauntlet_feedback: Common, model_sync: Common,
    data_server: Common, model_distribution: Common, npz_distribution: Common, replication_monitor: Common,
    replication_repair: Common, resource_optimizer: Common, idle_resource: IdleResource, node_recovery: Common,
    adaptive_resources: Common, utilization_optimizer: Common, node_availability: Common, availability_provisioner: Common,
    availability_capacity_planner: Common, multi_provider: Common, lambda_idle: Common, vast_idle: Common, job_scheduler: JobScheduler,
    queue_populator: QueuePopulator, feedback_loop: FeedbackLoop, curriculum_integration: Common, architecture_feedback: Common,
    orphan_detection: Common, integrity_check: Common, recovery_orchestrator: Common, cache_coordination: Common,
    maintenance: Common, data_cleanup: Common, disk_space_manager: Common, coordinator_disk_manager: Common,
    availability_recovery_engine: Common, connectivity_recovery: Common, p2p_backend: Common, distillation: Common,
    external_drive_sync: Common, vast_cpu_pipeline: Common, cluster_data_sync: Common, p2p_auto_deploy: Common, s3_backup: Common,
    metrics_analysis: Common, selfplay_scheduler: Common, unified_node_health: Common, unified_idle_shutdown: Common, job_reaper: JobReaper,
}

impl Daemons {
    pub(super) fn check(&self, check: &mut Check) {
        for (name, common) in self.sections() {
            if let Some(interval) = common.interval {
                check.range(&format!("daemons.{name}.interval"), interval, 1, 86_400);
            }
        }
        check.range("daemons.auto_export.threshold_games", self.auto_export.threshold_games, 1, 1_000_000);
        check.range("daemons.auto_export.window_games", self.auto_export.window_games, 1, 10_000_000);
        check.at_least(
            "daemons.auto_export.window_games",
            self.auto_export.window_games,
            "daemons.auto_export.threshold_games",
            self.auto_export.threshold_games,
        );
        check.range("daemons.training_trigger.threshold_games", self.training_trigger.threshold_games, 1, 10_000_000);
        check.range("daemons.training_trigger.threshold_samples", self.training_trigger.threshold_samples, 1, 1_000_000_000);
        check.range("daemons.training_trigger.timeout", self.training_trigger.timeout, 60, 604_800);
        check.range("daemons.evaluation.timeout", self.evaluation.timeout, 60, 604_800);
        check.range("daemons.queue_populator.target_depth", self.queue_populator.target_depth, 1, 1000);
        check.range("daemons.idle_resource.idle_percent", self.idle_resource.idle_percent, 0.0, 100.0);
        check.range("daemons.idle_resource.idle_seconds", self.idle_resource.idle_seconds, 1, 86_400);
        check.range("daemons.idle_resource.queue_limit", self.idle_resource.queue_limit, 1, 10_000);
        check.range("daemons.job_scheduler.preempt_after", self.job_scheduler.preempt_after, 10, 86_400);
        check.range("daemons.job_reaper.stuck_seconds", self.job_reaper.stuck_seconds, 60, 604_800);
        check.range("daemons.work_queue_monitor.depth", self.work_queue_monitor.depth, 1, 100_000);
        check.range("daemons.work_queue_monitor.stuck_seconds", self.work_queue_monitor.stuck_seconds, 10, 86_400);
        check.range("daemons.work_queue_monitor.latency_window", self.work_queue_monitor.latency_window, 1, 10_000);
        if !self.cross_process_poller.database.starts_with('/') {
            check.fail("daemons.cross_process_poller.database", format!("{:?} is no absolute path", self.cross_process_poller.database));
        }
        check.range("daemons.dlq_retry.max_redrives", self.dlq_retry.max_redrives, 0, 100);
        check.range("daemons.dlq_retry.redrive_after", self.dlq_retry.redrive_after, 1, 604_800);
        check.range("daemons.dlq_retry.batch", self.dlq_retry.batch, 1, 1000);
        check.range("daemons.dlq_retry.stale_threshold", self.dlq_retry.stale_threshold, 1, 1_000_000);
        check.range("daemons.feedback_loop.plateau_refusals", self.feedback_loop.plateau_refusals, 1, 100);
        check.range("daemons.feedback_loop.plateau_boost", self.feedback_loop.plateau_boost, 1.0, 2.0);
        check.range("daemons.feedback_loop.max_boost", self.feedback_loop.max_boost, 1.0, 4.0);
        check.at_least(
            "daemons.feedback_loop.max_boost",
            self.feedback_loop.max_boost,
            "daemons.feedback_loop.plateau_boost",
            self.feedback_loop.plateau_boost,
        );
        check.range("daemons.feedback_loop.budget_step", self.feedback_loop.budget_step, 0, 800);
        check.range("daemons.feedback_loop.max_budget", self.feedback_loop.max_budget, 16, 800);
        check.range("daemons.data_pipeline.max_disk_percent", self.data_pipeline.max_disk_percent, 1.0, 100.0);
        if self.health_server.port == self.health_server.status_port {
            check.contradiction(
                "daemons.health_server.status_port",
                &["daemons.health_server.port"],
                format!("{} is the port of /health as well; the two differ", self.health_server.port),
            );
        }
        if self.health_server.address.parse::<std::net::IpAddr>().is_err() {
            check.fail("daemons.health_server.address", format!("{:?} is no IP address", self.health_server.address));
        }
        for host in &self.health_server.hosts {
            if host.is_empty() || !host.bytes().all(|b| text::is_name_byte(&b)) {
                check.fail("daemons.health_server.hosts", format!("{host:?} is no name of a host, as in status.example.org"));
            }
        }
    }
}
