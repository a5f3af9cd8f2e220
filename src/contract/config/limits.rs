//! How many tasks at once, per node and in the cluster, and how a task is run.
use super::check::Check;
use crate::contract::cpus::CpuList;
use crate::contract::job_file::Quota;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tasks at once of one type; absent: no limit of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// On one node.
    pub per_node: Option<u32>,
    /// In all.
    pub cluster: Option<u32>,
}

const fn limit(per_node: Option<u32>, cluster: Option<u32>) -> Limit {
    Limit { per_node, cluster }
}

/// Self-play jobs per GPU by its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GpuJobs {
    /// GH200: in practice bounded by its cores.
    pub gh200: u32,
    /// H100 and H200: 80 GB and more.
    pub h100: u32,
    /// A100 and L40: 40 to 80 GB.
    pub a100: u32,
    /// RTX 4090: 24 GB.
    pub rtx_4090: u32,
    /// RTX 4080: 16 GB.
    pub rtx_4080: u32,
    /// RTX 3070: 8 GB.
    pub rtx_3070: u32,
    /// Any other.
    pub other: u32,
}

impl Default for GpuJobs {
    fn default() -> Self {
        GpuJobs { gh200: 48, h100: 24, a100: 16, rtx_4090: 10, rtx_4080: 8, rtx_3070: 4, other: 4 }
    }
}

impl GpuJobs {
    /// Every model's key and number.
    pub fn all(&self) -> [(&'static str, u32); 7] {
        [
            ("gh200", self.gh200),
            ("h100", self.h100),
            ("a100", self.a100),
            ("rtx_4090", self.rtx_4090),
            ("rtx_4080", self.rtx_4080),
            ("rtx_3070", self.rtx_3070),
            ("other", self.other),
        ]
    }
}

/// How many tasks of each type at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Maximum concurrent jobs, 0 to 100,000; null: unlimited. On a node also limited by `selfplay_per_core` and
    /// memory.
    pub selfplay: Limit,
    /// Maximum concurrent jobs. Two trainings on one machine would halve each other's speed.
    pub training: Limit,
    /// Maximum concurrent jobs. Each reads and writes whole files.
    pub export: Limit,
    /// Maximum concurrent jobs. A match uses one core.
    pub evaluation: Limit,
    /// Maximum concurrent jobs.
    pub tournament: Limit,
    /// Maximum concurrent jobs.
    pub cmaes: Limit,
    /// Maximum concurrent jobs.
    pub pipeline: Limit,
    /// Maximum concurrent jobs.
    pub improvement: Limit,
    /// Maximum concurrent jobs.
    pub sync: Limit,
    /// Self-play jobs per core on a node without a GPU, 0.1 to 4. A job is one thread; half of the cores are left to
    /// the other stages.
    pub selfplay_per_core: f64,
    /// Self-play jobs per core on a GH200, whose many cores serve one GPU, 0.1 to 4.
    pub selfplay_per_core_gh200: f64,
    /// Self-play jobs per GPU by model, 1 to 1000: GH200 (in practice limited by its cores), H100 and H200, A100 and
    /// L40, RTX 4090, 4080, 3070, any other.
    pub gpu_jobs: GpuJobs,
    /// Bytes of memory reserved for each self-play job, 64 MiB to 1 TiB. The machine's memory divided by it limits the
    /// number of self-play jobs.
    pub selfplay_memory: u64,
    /// Maximum memory of one job in bytes, 64 MiB to 1 TiB; MemoryMax= of its unit.
    pub job_memory_max: u64,
    /// Maximum number of processes and threads of one job, 8 to 100,000; TasksMax= of its unit. A PyTorch trainer with
    /// its data loaders needs hundreds.
    pub job_tasks_max: u64,
    /// Maximum disk space of one job in bytes, 1 MiB to 1 PiB, summed over its attempts and its private /tmp and
    /// /var/tmp; also the maximum size of one file. The default is far above what a stage writes (a training keeps
    /// checkpoints of a few GiB) and below what fills a disk before anyone notices. A job that exceeds it is stopped
    /// and not retried.
    pub job_bytes: u64,
    /// Maximum number of files and directories of one job, 100 to 100,000,000. A file system of 1 TB typically has
    /// about 60 million inodes. A job that exceeds it is stopped and not retried.
    pub job_files: u64,
    /// Nice value of a job's workload, 0 to 19 as in nice(2). A job uses its core for minutes, while a daemon needs a
    /// millisecond now; where the CPU controller is enabled, cgroup weights have the same effect.
    pub job_nice: u8,
    /// Job types whose workload runs under SCHED_IDLE of sched(7): only when nothing else needs the processor.
    /// Self-play keeps all cores busy for hours, and since kernel 6.7 a process with a better nice value does not
    /// preempt a running one, so every message between daemons would wait for milliseconds. Remove a type on a machine
    /// that you share with other work.
    pub idle_types: Vec<JobType>,
    /// Processors that the workloads of a type may use, as in `training: 0-7`; a type that is absent may use all.
    /// Useful where the data loaders of a trainer and self-play slow each other down. A smaller set applies to running
    /// jobs of that type when its next job starts.
    pub cpus: BTreeMap<JobType, CpuList>,
    /// GPUs per training, CMA-ES, pipeline or improvement job, 0 to 64; 0: all GPUs of the node. Other jobs share one
    /// GPU.
    pub gpus_per_training: u32,
    /// Number of queued and running jobs above which Enqueue rejects further jobs, 10 to 100,000.
    pub queue_hard: u32,
    /// Days after which a finished job is deleted from the queue, 1 to 3650. Its results and its events are kept.
    pub keep_ended_days: u32,
    /// Hours for which the directory of a failed or cancelled job is kept for inspection, 0 to 8760. The directory of a
    /// registered result is deleted after one minute.
    pub keep_failed_hours: u32,
    /// Seconds before the first retry of a failed job, 1 to 3600. The delay doubles with each further retry, up to an
    /// hour.
    pub retry_base_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            selfplay: limit(Some(32), Some(500)),
            training: limit(Some(1), Some(3)),
            export: limit(Some(2), None),
            evaluation: limit(Some(2), None),
            tournament: limit(None, Some(2)),
            cmaes: limit(None, Some(1)),
            pipeline: limit(None, Some(1)),
            improvement: limit(None, Some(1)),
            sync: limit(Some(2), None),
            selfplay_per_core: 0.5,
            selfplay_per_core_gh200: 0.8,
            gpu_jobs: GpuJobs::default(),
            selfplay_memory: 2 << 30,
            job_memory_max: 8 << 30,
            job_tasks_max: 2048,
            job_bytes: 64 << 30,
            job_files: 100_000,
            job_nice: 10,
            idle_types: vec![JobType::Selfplay],
            cpus: BTreeMap::new(),
            gpus_per_training: 1,
            queue_hard: 1000,
            keep_ended_days: 30,
            keep_failed_hours: 24,
            retry_base_seconds: 10,
        }
    }
}

impl Limits {
    /// The limit of a type.
    pub fn of(&self, kind: JobType) -> Limit {
        match kind {
            JobType::Selfplay => self.selfplay,
            JobType::Export => self.export,
            JobType::Training => self.training,
            JobType::Evaluation => self.evaluation,
            JobType::Tournament => self.tournament,
            JobType::Cmaes => self.cmaes,
            JobType::Pipeline => self.pipeline,
            JobType::Improvement => self.improvement,
            JobType::Sync => self.sync,
        }
    }

    /// The disk that one job may use.
    pub fn job_quota(&self) -> Quota {
        Quota { bytes: self.job_bytes, files: self.job_files }
    }

    pub(super) fn check(&self, check: &mut Check) {
        for kind in JobType::ALL {
            let limit = self.of(kind);
            let key = format!("limits.{kind}");
            for (name, value) in [("per_node", limit.per_node), ("cluster", limit.cluster)] {
                if let Some(value) = value {
                    check.range(&format!("{key}.{name}"), value, 0, 100_000);
                }
            }
            if let (Some(node), Some(cluster)) = (limit.per_node, limit.cluster)
                && node > cluster
            {
                check.contradiction(
                    &format!("{key}.per_node"),
                    &[&format!("{key}.cluster")],
                    format!("{node} is greater than {key}.cluster = {cluster}"),
                );
            }
        }
        check.range("limits.selfplay_per_core", self.selfplay_per_core, 0.1, 4.0);
        check.range("limits.selfplay_per_core_gh200", self.selfplay_per_core_gh200, 0.1, 4.0);
        check.range("limits.selfplay_memory", self.selfplay_memory, 64 << 20, 1 << 40);
        for (model, jobs) in self.gpu_jobs.all() {
            check.range(&format!("limits.gpu_jobs.{model}"), jobs, 1, 1000);
        }
        check.range("limits.job_memory_max", self.job_memory_max, 64 << 20, 1 << 40);
        check.range("limits.job_tasks_max", self.job_tasks_max, 8, 100_000);
        check.range("limits.job_bytes", self.job_bytes, 1 << 20, 1 << 50);
        check.range("limits.job_files", self.job_files, 100, 100_000_000);
        check.range("limits.job_nice", self.job_nice, 0, 19);
        check.range("limits.gpus_per_training", self.gpus_per_training, 0, 64);
        check.range("limits.queue_hard", self.queue_hard, 10, 100_000);
        check.range("limits.keep_ended_days", self.keep_ended_days, 1, 3650);
        check.range("limits.keep_failed_hours", self.keep_failed_hours, 0, 8760);
        check.range("limits.retry_base_seconds", self.retry_base_seconds, 1, 3600);
    }
}

/// The event router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Router {
    /// Maximum number of attempts to deliver an event before it becomes a dead letter, 1 to 100.
    pub max_attempts: u32,
    /// Seconds before the second attempt, 1 to 3600. The delay doubles with each further attempt.
    pub retry_base_seconds: u32,
    /// Maximum delay between attempts in seconds, retry_base_seconds to 86,400.
    pub retry_max_seconds: u32,
    /// Size of the event log in bytes above which the oldest handled events are deleted, 1 MiB to 1 TiB.
    pub max_bytes: u64,
    /// Days after which the router's health names a disconnected subscriber for which events are kept, 0 to 3650; 0:
    /// never. The default is longer than a long weekend and shorter than most events are kept.
    pub absent_days: u32,
    /// Days after which a subscriber that is disconnected, or never connected, is retired, so that events are not kept
    /// for it for ever, 0 to 3650; 0: never. A subscriber that comes back later receives only new events.
    pub retire_days: u32,
    /// Size in bytes of the events of one type above which the oldest handled ones are deleted, 1 MiB to 1 TiB.
    pub max_type_bytes: u64,
}

impl Default for Router {
    fn default() -> Self {
        Router {
            max_attempts: 5,
            retry_base_seconds: 60,
            retry_max_seconds: 3600,
            max_bytes: 8 << 30,
            absent_days: 7,
            retire_days: 30,
            max_type_bytes: 2 << 30,
        }
    }
}

impl Router {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("router.max_attempts", self.max_attempts, 1, 100);
        check.range("router.retry_base_seconds", self.retry_base_seconds, 1, 3600);
        check.range("router.retry_max_seconds", self.retry_max_seconds, 1, 86_400);
        check.at_least(
            "router.retry_max_seconds",
            self.retry_max_seconds,
            "router.retry_base_seconds",
            self.retry_base_seconds,
        );
        check.range("router.max_bytes", self.max_bytes, 1 << 20, 1 << 40);
        check.range("router.absent_days", self.absent_days, 0, 3650);
        check.range("router.retire_days", self.retire_days, 0, 3650);
        check.range("router.max_type_bytes", self.max_type_bytes, 1 << 20, 1 << 40);
    }
}
