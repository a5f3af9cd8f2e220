//! Looking at the machine: processors and memory by sysinfo, file system by statvfs, pressure from /proc.
use super::cgroup;
use super::nvml::Gpus;
use super::space;
use crate::contract::host::{HostSnapshot, Pressure};
use crate::contract::ids::NodeId;
use crate::contract::ports::{Host, Node};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// This machine.
pub struct Machine {
    node: NodeId,
    disk: PathBuf,
    look: RefCell<Sample>,
    gpus: Gpus,
}

struct Sample {
    system: Option<System>,
    taken: Instant,
    cpu_percent: Option<f64>,
    selfplay: Option<u64>,
    selfplay_cpu_percent: Option<f64>,
}

/// The node's id: the configured one, else the host name's first label with what ids do not allow replaced by `-`.
pub fn node_id(configured: &str) -> NodeId {
    let name = if configured.is_empty() { System::host_name().unwrap_or_default() } else { configured.to_owned() };
    let label = if configured.is_empty() { name.split('.').next().unwrap_or_default() } else { &name };
    let clean: String =
        label.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).take(64).collect();
    NodeId::new(clean).unwrap_or_else(|_| NodeId::new("localhost").expect("a node id"))
}

impl Machine {
    /// The machine under a node id; `disk` is a path on the file system whose room matters.
    pub fn new(node: NodeId, disk: impl AsRef<Path>) -> Machine {
        let what = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage());
        let system = System::new_with_specifics(what)
            .map_err(|error| tracing::warn!(%error, "reading processors and memory"))
            .ok();
        let look =
            Sample { system, taken: Instant::now(), cpu_percent: None, selfplay: None, selfplay_cpu_percent: None };
        Machine { node, disk: disk.as_ref().to_owned(), look: RefCell::new(look), gpus: Gpus::default() }
    }
}

impl Node for Machine {
    fn node(&self) -> NodeId {
        self.node.clone()
    }
}

impl Host for Machine {
    fn snapshot(&self) -> HostSnapshot {
        let mut look = self.look.borrow_mut();
        // A use is a difference of two readings; readings that are too close say nothing, the last value stands then.
        let old_enough = look.taken.elapsed() >= sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;
        let (mut memory_percent, mut memory_bytes, mut fresh) = (None, 0, None);
        if let Some(system) = &mut look.system {
            system.refresh_memory();
            memory_bytes = system.total_memory();
            memory_percent = percent(memory_bytes.saturating_sub(system.available_memory()), memory_bytes);
            if old_enough {
                system.refresh_cpu_usage();
                fresh = Some(f64::from(system.global_cpu_usage()));
            }
        }
        let cpus = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        if fresh.is_some() {
            let jobs = cgroup::selfplay_us();
            look.selfplay_cpu_percent = share(look.selfplay, jobs, look.taken.elapsed(), cpus);
            look.selfplay = jobs;
            look.cpu_percent = fresh;
            look.taken = Instant::now();
        }
        let disk = nix::sys::statvfs::statvfs(&self.disk).ok();
        let used = disk.as_ref().map(|d| d.blocks().saturating_sub(d.blocks_free()));
        let (gpus, gpu_absent) = self.gpus.look();
        HostSnapshot {
            cpus,
            cpu_percent: look.cpu_percent,
            selfplay_cpu_percent: look.selfplay_cpu_percent,
            load1: System::load_average().ok().map(|l| l.one),
            memory_percent,
            memory_bytes,
            // As df shows it: what is reserved for root counts neither as used nor as free.
            disk_percent: disk.as_ref().zip(used).and_then(|(d, used)| percent(used, used + d.blocks_available())),
            // What is reserved for root counts neither way, as with blocks.
            inode_percent: disk.as_ref().and_then(|d| {
                let used = d.files().saturating_sub(d.files_free());
                percent(used, used + d.files_available()).filter(|_| d.files() > 0)
            }),
            space_refused: space::was_full(),
            disk_free_bytes: disk.as_ref().map(|d| d.blocks_available() * d.fragment_size()),
            disk_full_in_seconds: None,
            gpus,
            gpu_absent,
            pressure: Pressure { cpu: pressure("cpu"), memory: pressure("memory"), io: pressure("io") },
        }
    }
}

/// Of the processors' time between two readings, percent. A count that fell started over: its slice was made again.
fn share(before: Option<u64>, now: Option<u64>, elapsed: Duration, cpus: u32) -> Option<f64> {
    let used = now?.checked_sub(before?)?;
    let all = elapsed.as_micros() as f64 * f64::from(cpus);
    (all > 0.0).then(|| (used as f64 * 100.0 / all).clamp(0.0, 100.0))
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

fn pressure(resource: &str) -> Option<f64> {
    some_avg10(&std::fs::read_to_string(format!("/proc/pressure/{resource}")).ok()?)
}

fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find(|l| l.starts_with("some "))?;
    line.split_whitespace().find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_read_and_what_is_absent_stays_absent() {
        assert_eq!(
            some_avg10("some avg10=1.25 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0 avg300=0 total=0\n"),
            Some(1.25)
        );
        assert_eq!(some_avg10(""), None);
        assert_eq!(percent(1, 0), None);
        let second = Duration::from_secs(1);
        assert_eq!(share(Some(500_000), Some(1_000_000), second, 2), Some(25.0));
        assert_eq!(share(Some(500_000), Some(1), second, 2), None, "another slice's count");
        assert_eq!(share(None, Some(1), second, 2), None);
    }

    #[test]
    fn this_machine_has_processors_memory_and_a_disk() {
        let machine = Machine::new(node_id(""), "/");
        let first = machine.snapshot();
        assert!(first.cpus >= 1 && first.memory_bytes > 0, "{first:?}");
        assert!(first.memory_percent.is_some_and(|p| (0.0..=100.0).contains(&p)), "{first:?}");
        assert!(first.disk_percent.is_some_and(|p| (0.0..=100.0).contains(&p)), "{first:?}");
        assert_eq!(first.gpus.is_empty(), first.gpu_absent.is_some(), "no GPU has a reason: {first:?}");
        assert_eq!(node_id("gpu box/1").as_str(), "gpu-box-1");
    }
}
