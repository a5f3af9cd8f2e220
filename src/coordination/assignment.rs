//! Which GPUs of a node a job gets.
use crate::contract::config::Limits;
use crate::contract::workload::{JobType, ResourceClass};

/// The GPUs for one more job, by their numbers: those that the fewest jobs use, the lower numbers first. `used` tells
/// how many jobs use each GPU of the node. Play takes one GPU and shares it, a trainer as many as it is configured for;
/// copying needs none.
pub fn gpus(kind: JobType, limits: &Limits, used: &[u32]) -> Vec<u32> {
    let wanted = match kind.class() {
        ResourceClass::Io => 0,
        ResourceClass::Cpu => 1,
        ResourceClass::Gpu | ResourceClass::Hybrid => match limits.gpus_per_training {
            0 => used.len(),
            some => some as usize,
        },
    };
    let mut order: Vec<usize> = (0..used.len()).collect();
    order.sort_by_key(|at| used[*at]);
    order.truncate(wanted);
    order.sort_unstable();
    order.into_iter().filter_map(|at| u32::try_from(at).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_is_taken() {
        let table: [(JobType, u32, &[u32], &[u32]); 8] = [
            (JobType::Selfplay, 1, &[], &[]),
            (JobType::Selfplay, 1, &[0, 0], &[0]),
            (JobType::Selfplay, 1, &[3, 2, 2], &[1]),
            (JobType::Export, 1, &[0, 0], &[]),
            (JobType::Training, 1, &[5, 1], &[1]),
            (JobType::Training, 2, &[5, 1, 0], &[1, 2]),
            (JobType::Training, 8, &[5, 1], &[0, 1]),
            (JobType::Cmaes, 0, &[0, 9, 0], &[0, 1, 2]),
        ];
        for (kind, gpus_per_training, used, wanted) in table {
            let limits = Limits { gpus_per_training, ..Limits::default() };
            assert_eq!(gpus(kind, &limits, used), wanted, "{kind} {used:?}");
        }
    }
}
