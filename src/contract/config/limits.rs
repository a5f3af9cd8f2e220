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
    /// Jobs at once, 0 to 100,000; null: no such limit. On a node also bounded by `selfplay_per_core` and memory.
    pub selfplay: Limit,
    /// Jobs at once: two trainings on one machine would halve each other.
    pub training: Limit,
    /// Jobs at once: each reads and writes whole files.
    pub export: Limit,
    /// Jobs at once: a match takes a core.
    pub evaluation: Limit,
    /// Jobs at once.
    pub tournament: Limit,
    /// Jobs at once.
    pub cmaes: Limit,
    /// Jobs at once.
    pub pipeline: Limit,
    /// Jobs at once.
    pub improvement: Limit,
    /// Jobs at once.
    pub sync: Limit,
    /// Self-play jobs per core on a node without a GPU, 0.1 to 4: a job is one thread, half the cores are left to the other stages.
    pub selfplay_per_core: f64,
    /// The same on a GH200, whose many cores are there for one GPU, 0.1 to 4.
    pub selfplay_per_core_gh200: f64,
    /// Self-play jobs per GPU by its model, 1 to 1000.
    pub gpu_jobs: GpuJobs,
    /// Bytes of memory that a self-play job is counted with, 64 MiB to 1 TiB: the machine's divided by it bounds their number.
    pub selfplay_memory: u64,
    /// Bytes of memory one job may use, 64 MiB to 1 TiB; MemoryMax of its unit.
    pub job_memory_max: u64,
    /// Processes and threads one job may have, 8 to 100,000; TasksMax of its unit. A PyTorch trainer with its loaders needs hundreds.
    pub job_tasks_max: u64,
    /// Bytes of disk that the files of one job may take, over all its attempts and its own /tmp and /var/tmp, 1 MiB to 1 PiB; also the
    /// largest size of one file. Far above what a stage writes (a training keeps checkpoints of at most some GiB), and below what would
    /// fill a disk before anybody looks. A job beyond it is ended and not tried again.
    pub job_bytes: u64,
    /// Files and folders of one job, 100 to 100,000,000, likewise: an ordinary file system of 1 TB has some 60 million.
    pub job_files: u64,
    /// How much a job's workload yields the processor to daemons and hand-overs, 0 to 19 as in nice(2). A job saturates its core for
    /// minutes, a daemon needs a millisecond now; cgroup weights do the same where the CPU controller is there.
    pub job_nice: u8,
    /// Types of jobs whose workload gets the processor time that nothing else wants, SCHED_IDLE of sched(7). Self-play fills the cores
    /// for hours, and from kernel 6.7 on a busy process is not interrupted for a nicer one: each step of a hand-over waits
    /// milliseconds for it. Take a type out on a machine that other people's work shares.
    pub idle_types: Vec<JobType>,
    /// Processors that a type's workloads may use, as in `training: 0-7`; a type that is absent may use all. Worth it where trainers'
    /// loaders and self-play get into each other's way. A narrower list reaches running jobs with the next start of one.
    pub cpus: BTreeMap<JobType, CpuList>,
    /// GPUs that a training, CMA-ES, pipeline or improvement job gets, 0 to 64; 0: all of the node's. Other jobs share one.
    pub gpus_per_training: u32,
    /// Items waiting or running above which Enqueue refuses, 10 to 100,000.
    pub queue_hard: u32,
    /// Days after which an item that ended is forgotten by the queue, 1 to 3650. What it produced is not touched, nor are its events.
    pub keep_ended_days: u32,
    /// Hours that the folder of a job that failed or was cancelled is kept, for a look at it, 0 to 8760. Folders of registered results go
    /// after a minute.
    pub keep_failed_hours: u32,
    /// Seconds before a failed job is tried again, doubled for each further try up to an hour, 1 to 3600.
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
                    format!("{node} is more than {key}.cluster = {cluster}"),
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
    /// Tries of one delivery before it is a dead letter, 1 to 100.
    pub max_attempts: u32,
    /// Seconds before the second try, doubled for each further one, 1 to 3600.
    pub retry_base_seconds: u32,
    /// Longest delay between tries in seconds, 1 to 86,400.
    pub retry_max_seconds: u32,
    /// Bytes of the log above which the oldest handled events go first, 1 MiB to 1 TiB.
    pub max_bytes: u64,
    /// Days after which a subscriber that came before and is away, and for which events are kept, is shown in the router's health,
    /// 0 to 3650; 0: never. A week is longer than a long weekend and shorter than most events are kept.
    pub absent_days: u32,
    /// Days after which a subscriber that is away, or never came, is retired, so that no events are kept for it for ever, 0 to 3650;
    /// 0: never. Most events are kept so long at least. One that comes back later begins with what is new.
    pub retire_days: u32,
    /// Bytes of one type's events above which its oldest handled ones go first, 1 MiB to 1 TiB.
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
        check.at_least("router.retry_max_seconds", self.retry_max_seconds, "router.retry_base_seconds", self.retry_base_seconds);
        check.range("router.max_bytes", self.max_bytes, 1 << 20, 1 << 40);
        check.range("router.absent_days", self.absent_days, 0, 3650);
        check.range("router.retire_days", self.retire_days, 0, 3650);
        check.range("router.max_type_bytes", self.max_type_bytes, 1 << 20, 1 << 40);
    }
}
