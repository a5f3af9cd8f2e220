//! How many self-play jobs a machine can run: by the model of its GPUs, by cores, by memory; the smallest counts.
use super::limits::{self, Cores};
use crate::contract::config::Limits;

/// A machine as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Logical processors; absent: unknown.
    pub cores: Option<u32>,
    /// Memory in all, bytes; 0: unknown.
    pub memory_bytes: u64,
    /// Model names of the GPUs, one each.
    pub gpus: Vec<String>,
}

/// How many, and what bounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Self-play jobs at once, at least 1: unknown is neither nothing nor everything.
    pub jobs: u32,
    /// The bound in words.
    pub why: String,
}

/// Jobs that a GPU of this model takes. The name is NVML's, as in "NVIDIA GeForce RTX 4090".
pub fn gpu_jobs(limits: &Limits, model: &str) -> u32 {
    let table = &limits.gpu_jobs;
    let name = model.to_uppercase().replace(' ', "");
    let known = [
        // A GH200 is an H100 by name as well, so the longer one is looked for first.
        ("GH200", table.gh200),
        ("H200", table.h100),
        ("H100", table.h100),
        ("A100", table.a100),
        ("L40", table.a100),
        ("4090", table.rtx_4090),
        ("4080", table.rtx_4080),
        ("3070", table.rtx_3070),
    ];
    known.into_iter().find(|(part, _)| name.contains(part)).map_or(table.other, |(_, jobs)| jobs)
}

/// Whether a GH200 is among GPUs of these models.
pub fn is_gh200(models: &[String]) -> bool {
    models.iter().any(|name| name.to_uppercase().contains("GH200"))
}

/// The machine's bound. Half the cores are left to the other stages; a GH200's many cores are there for its one GPU.
pub fn selfplay_jobs(limits: &Limits, machine: &Machine) -> Bound {
    let Some(cores) = machine.cores else { return Bound { jobs: 1, why: "the hardware is unknown".into() } };
    let cores = Cores { count: cores, gh200: is_gh200(&machine.gpus) };
    let by_cores = format!("{} cores × {}", cores.count, cores.share(limits));
    let mut bounds = vec![(limits::hardware(limits, Some(cores)), by_cores)];
    if !machine.gpus.is_empty() {
        let jobs = machine.gpus.iter().map(|model| gpu_jobs(limits, model)).fold(0u32, u32::saturating_add);
        bounds.push((jobs, machine.gpus.join(", ")));
    }
    if machine.memory_bytes > 0 {
        let jobs = u32::try_from(machine.memory_bytes / limits.selfplay_memory).unwrap_or(u32::MAX);
        bounds.push((
            jobs,
            format!("{} MiB of memory, {} MiB per job", machine.memory_bytes >> 20, limits.selfplay_memory >> 20),
        ));
    }
    let (jobs, why) = bounds.into_iter().min_by_key(|(jobs, _)| *jobs).unwrap_or((1, String::new()));
    Bound { jobs: jobs.max(1), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    fn of(cores: u32, memory: u64, gpus: &[&str]) -> u32 {
        let gpus = gpus.iter().map(|g| (*g).to_owned()).collect();
        selfplay_jobs(&Limits::default(), &Machine { cores: Some(cores), memory_bytes: memory * GIB, gpus }).jobs
    }

    #[test]
    fn the_models_of_the_table() {
        let limits = Limits::default();
        let table = [
            ("NVIDIA GH200 480GB", 48),
            ("NVIDIA H100 80GB HBM3", 24),
            ("NVIDIA H200", 24),
            ("NVIDIA A100-SXM4-40GB", 16),
            ("NVIDIA L40S", 16),
            ("NVIDIA GeForce RTX 4090", 10),
            ("NVIDIA GeForce RTX 4080 SUPER", 8),
            ("NVIDIA GeForce RTX 3070", 4),
            ("NVIDIA T4", 4),
        ];
        for (model, jobs) in table {
            assert_eq!(gpu_jobs(&limits, model), jobs, "{model}");
        }
    }

    #[test]
    fn the_smallest_bound_counts() {
        assert_eq!(of(256, 512, &["NVIDIA H100 80GB HBM3"]), 24);
        assert_eq!(of(256, 512, &["NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"]), 48);
        assert_eq!(of(32, 64, &["NVIDIA H100 80GB HBM3"]), 16, "cores");
        assert_eq!(of(72, 480, &["NVIDIA GH200 480GB"]), 48, "72 cores × .8 would be 58");
        assert_eq!(of(56, 480, &["NVIDIA GH200 480GB"]), 45, "limited by cores");
        assert_eq!(of(64, 4, &[]), 2, "memory");
        assert_eq!((of(1, 1, &[]), of(2, 8, &[]), of(3, 8, &[])), (1, 1, 2));
        assert_eq!(
            selfplay_jobs(&Limits::default(), &Machine::default()).jobs,
            1,
            "unknown is neither nothing nor everything"
        );
    }

    proptest! {
        #[test]
        fn more_hardware_never_allows_less(cores in 1u32..512, memory in 0u64..2048, gpus in 0usize..8) {
            let models = vec!["NVIDIA A100-SXM4-40GB"; gpus];
            let jobs = of(cores, memory, &models);
            prop_assert!(jobs >= 1 && of(cores + 1, memory, &models) >= jobs);
            prop_assert!(memory == 0 || of(cores, memory + 1, &models) >= jobs);
        }
    }
}
