//! Figures of control groups: a field of a file, and the processor time of the self-play jobs, from their slice's
//! cgroup.
use crate::contract::workload::JobType;
use std::path::{Path, PathBuf};

/// The file that counts, for a process of the suite's with this `/proc/self/cgroup`. The second hierarchy counts
/// whether or not it has the controllers.
fn counter(own: &str, root: &Path) -> Option<PathBuf> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let (above, _) = own.split_once("ringrift.slice/")?;
    let hybrid = root.join("unified");
    let hierarchy = if hybrid.is_dir() { hybrid } else { root.to_owned() };
    let jobs = hierarchy.join(above).join("ringrift.slice/ringrift-jobs.slice");
    Some(jobs.join(JobType::Selfplay.slice()).join("cpu.stat"))
}

/// A field of a file that has one on each line, as in `oom_kill 2`.
pub fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.trim().parse().ok()
}

/// Microseconds that self-play jobs have used since their slice was made; unknown without one.
pub fn selfplay_us() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    field(&std::fs::read_to_string(counter(&own, Path::new("/sys/fs/cgroup"))?).ok()?, "usage_usec")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_is_found_beside_the_own_cgroup_and_nowhere_else() {
        let root = tempfile::tempdir().expect("a directory");
        let own =
            "8:pids:/x\n0::/box.slice/ringrift.slice/ringrift-daemons.slice/ringrift-resource-optimizer.service\n";
        let jobs = "box.slice/ringrift.slice/ringrift-jobs.slice/ringrift-jobs-selfplay.slice/cpu.stat";
        assert_eq!(counter(own, root.path()), Some(root.path().join(jobs)));
        std::fs::create_dir(root.path().join("unified")).expect("made");
        assert_eq!(counter(own, root.path()), Some(root.path().join("unified").join(jobs)));
        assert_eq!(counter("0::/user.slice/shell\n", root.path()), None);
        assert_eq!(counter("3:cpu:/ringrift.slice/x\n", root.path()), None);
        let stat = "usage_usec 14370121\nuser_usec 1\n";
        assert_eq!(
            (field(stat, "usage_usec"), field("", "usage_usec"), field(stat, "usage")),
            (Some(14_370_121), None, None)
        );
    }
}
