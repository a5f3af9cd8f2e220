//! Out of memory as the cgroup itself counts it: systemd 252 on cgroup v1 only sees a signal.
use crate::platform::cgroup::field;
use std::path::{Path, PathBuf};

/// Processes of this process's own cgroup that the kernel killed for want of memory; None if it is unknown.
pub fn oom_kills() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    oom_kills_of(&groups, Path::new("/sys/fs/cgroup"))
}

fn oom_kills_of(groups: &str, root: &Path) -> Option<u64> {
    counters(groups, root).iter().find_map(|file| field(&std::fs::read_to_string(file).ok()?, "oom_kill"))
}

/// Where the counter may be, the memory controller of v1 before the unified tree: on a hybrid system only the former
/// counts.
fn counters(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        // ExecStopPost= may run in a subgroup of its own.
        let path = path.strip_suffix("/.control").unwrap_or(path).trim_start_matches('/');
        if controllers.split(',').any(|c| c == "memory") {
            found.insert(0, root.join("memory").join(path).join("memory.oom_control"));
        } else if controllers.is_empty() {
            found.push(root.join(path).join("memory.events"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let root = tempfile::tempdir().expect("a directory");
        let unit = "system.slice/ringrift-job-selfplay@a-1.service";
        let v2 = root.path().join(unit);
        std::fs::create_dir_all(&v2).expect("made");
        std::fs::write(v2.join("memory.events"), "low 0\noom 1\noom_kill 2\noom_group_kill 0\n").expect("written");
        assert_eq!(oom_kills_of(&format!("0::/{unit}\n"), root.path()), Some(2));
        assert_eq!(oom_kills_of(&format!("0::/{unit}/.control\n"), root.path()), Some(2));
        let v1 = root.path().join("memory").join(unit);
        std::fs::create_dir_all(&v1).expect("made");
        std::fs::write(v1.join("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
            .expect("written");
        assert_eq!(oom_kills_of(&format!("12:cpu,cpuacct:/x\n5:memory:/{unit}\n0::/nowhere\n"), root.path()), Some(1));
        assert_eq!(oom_kills_of("0::/nowhere\n", root.path()), None);
    }
}
