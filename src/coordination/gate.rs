//! Gates that every grant must pass. They fail closed: what cannot be measured is shut, and says why.
//!
//! Memory and disk cannot be shared out, so their gates bar every new task. Processors and GPUs can: their gates bar
//! only *further* tasks of a type on a node, one of each always may run. Otherwise a machine that somebody else keeps
//! busy would stop the loop for good, and one that the loop itself keeps busy would stop it from ending. systemd's
//! weights share the processors out.
use super::threshold::{Level, level};
use crate::contract::config::{Safeguards, Threshold};
use crate::contract::coordinator::GateView;
use crate::contract::host::HostSnapshot;
use crate::contract::workload::{JobType, ResourceClass};

/// What a gate bars when it is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bars {
    /// Every new task.
    All,
    /// A further task of a type that has one on the node already; not those that only move files.
    Further,
    /// The same, for types that use a GPU.
    FurtherOnGpu,
}

/// One gate as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// As it is shown.
    pub view: GateView,
    /// What it bars.
    pub bars: Bars,
    /// Judges the coordinator's own machine only; others have gates of their own.
    pub local: bool,
}

impl Gate {
    fn new(name: &str, bars: Bars, open: bool, why: String) -> Gate {
        let view = GateView { gate: name.into(), open, why, unknown: false };
        Gate { view, bars, local: !matches!(name, "disk" | "inodes" | "emergency") }
    }
    /// Shut for everything, since there is nothing to judge by.
    fn unknown(name: &str, why: String) -> Gate {
        let gate = Gate::new(name, Bars::All, false, why);
        Gate { view: GateView { unknown: true, ..gate.view }, ..gate }
    }
    /// Whether it bars one more task of the type where this many run; `here`: on the coordinator's own node.
    pub fn stops(&self, kind: JobType, running: u32, here: bool) -> bool {
        if self.view.open || (self.local && !here) {
            return false;
        }
        match self.bars {
            Bars::All => true,
            Bars::Further => running > 0 && kind.class() != ResourceClass::Io,
            Bars::FurtherOnGpu => running > 0 && matches!(kind.class(), ResourceClass::Gpu | ResourceClass::Hybrid),
        }
    }
    /// The reason in one line.
    pub fn reason(&self) -> String {
        format!("{}: {}", self.view.gate, self.view.why)
    }
}

/// Levels as they were, so that a value at a threshold does not flutter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    disk: Level,
    inodes: Level,
    memory: Level,
    stall: Level,
    cpu: Level,
    gpu: Level,
    load: Level,
}

/// Judges a look at the machine. `Err`: there is none, or it is too old.
pub fn judge(levels: &mut Levels, look: &Result<HostSnapshot, String>, rules: &Safeguards) -> Vec<Gate> {
    let host = match look {
        Ok(host) => host,
        Err(why) => {
            let shut = |name| Gate::unknown(name, why.clone());
            return ["disk", "memory", "cpu", "load"].into_iter().map(shut).collect();
        }
    };
    let hysteresis = rules.hysteresis;
    let mut gates = vec![
        percent(
            "disk",
            Bars::All,
            "the state directory's disk",
            host.disk_percent,
            &mut levels.disk,
            rules.disk,
            hysteresis,
        ),
        inodes(host, levels, rules),
        percent("memory", Bars::All, "memory", host.memory_percent, &mut levels.memory, rules.memory, hysteresis),
        stall(host, levels, rules),
        percent("cpu", Bars::Further, "CPU", host.cpu_percent, &mut levels.cpu, rules.cpu, hysteresis),
        load(host, levels, rules),
    ];
    gates.push(match (&host.gpu_absent, host.gpus.is_empty()) {
        (why, true) => Gate::new("gpu", Bars::FurtherOnGpu, true, why.clone().unwrap_or_else(|| "no GPU".into())),
        (_, false) => {
            // The fullest one counts; one that does not tell its use makes the whole unknown.
            let uses: Option<Vec<f64>> = host.gpus.iter().map(|g| g.utilization_percent).collect();
            let fullest = uses.map(|list| list.into_iter().fold(0.0, f64::max));
            percent("gpu", Bars::FurtherOnGpu, "the busiest GPU", fullest, &mut levels.gpu, rules.gpu, hysteresis)
        }
    });
    gates
}

/// Read by the same call as the disk's blocks: when that fails, the disk's gate is shut. A file system without inodes
/// to count has no end of them.
fn inodes(host: &HostSnapshot, levels: &mut Levels, rules: &Safeguards) -> Gate {
    match host.inode_percent {
        None => Gate::new("inodes", Bars::All, true, "the file system does not count inodes".into()),
        some => percent(
            "inodes",
            Bars::All,
            "the state directory's inodes",
            some,
            &mut levels.inodes,
            rules.inodes,
            rules.hysteresis,
        ),
    }
}

/// Shut, for every node, while nobody can say whether there is an emergency flag; there is no such gate otherwise.
pub fn emergency(look: &Result<(), String>) -> Option<Gate> {
    look.as_ref().err().map(|why| Gate::unknown("emergency", why.clone()))
}

fn percent(
    name: &str,
    bars: Bars,
    what: &str,
    value: Option<f64>,
    before: &mut Level,
    threshold: Threshold,
    hysteresis: f64,
) -> Gate {
    let Some(value) = value.filter(|v| v.is_finite()) else {
        // Not known is no: also for the first task of a type.
        return Gate::unknown(name, format!("cannot read the utilisation of {what}"));
    };
    if bars != Bars::All && threshold.critical >= 100.0 {
        return Gate::new(name, bars, true, format!("{value:.1} % used; limit disabled"));
    }
    *before = level(*before, value, threshold, hysteresis);
    let open = *before != Level::Critical;
    let key = format!("safeguards.{name}");
    let why = match *before {
        Level::Normal => format!("{value:.1} % used"),
        Level::Warning => format!("{value:.1} % used ({key}.warning is {} %)", threshold.warning),
        Level::Critical if bars == Bars::All => {
            format!("{value:.1} % used ({key}.critical is {} %)", threshold.critical)
        }
        Level::Critical => {
            format!("{value:.1} % busy ({key}.critical is {} %): at most one job per type", threshold.critical)
        }
    };
    Gate::new(name, bars, open, why)
}

fn stall(host: &HostSnapshot, levels: &mut Levels, rules: &Safeguards) -> Gate {
    let pressure = host.pressure;
    let also = |name: &str, value: Option<f64>| match value {
        Some(value) => format!(", {name} {value:.1} %"),
        None => format!(", {name} unknown"),
    };
    let others = also("cpu", pressure.cpu) + &also("io", pressure.io);
    match pressure.memory.filter(|v| v.is_finite()) {
        // The second witness is missing; the first one, the use of memory, still judges.
        None => Gate::new(
            "stall",
            Bars::All,
            true,
            format!("unknown: the kernel has no /proc/pressure/memory{others}; memory utilisation decides"),
        ),
        Some(value) => {
            levels.stall = level(levels.stall, value, rules.memory_stall, rules.hysteresis);
            let why = match levels.stall {
                Level::Critical => {
                    format!(
                        "tasks stalled on memory {value:.1} % of the time (safeguards.memory_stall.critical is {} %)",
                        rules.memory_stall.critical
                    )
                }
                _ => format!("stalled on memory {value:.1} %{others} of the time"),
            };
            Gate::new("stall", Bars::All, levels.stall != Level::Critical, why)
        }
    }
}

fn load(host: &HostSnapshot, levels: &mut Levels, rules: &Safeguards) -> Gate {
    let Some(load) = host.load1.filter(|l| l.is_finite()) else {
        return Gate::unknown("load", "cannot read the load average".into());
    };
    let most = rules.load_per_cpu * f64::from(host.cpus.max(1));
    // In percent of what is allowed, so that the same hysteresis applies; strictly above, as the earlier implementation
    // had it.
    let share = load * 100.0 / most;
    let shut = share > 100.0 || (levels.load == Level::Critical && share > 100.0 - rules.hysteresis);
    levels.load = if shut { Level::Critical } else { Level::Normal };
    let why = match shut {
        false => format!("{load:.2} (limit {most:.1})"),
        true => format!(
            "{load:.2} (limit {} × {} processors = {most:.1}): at most one job per type",
            rules.load_per_cpu, host.cpus
        ),
    };
    Gate::new("load", Bars::Further, !shut, why)
}

/// Every reason of the gates that let nothing through.
pub fn shut(gates: &[Gate]) -> Vec<String> {
    gates.iter().filter(|g| !g.view.open && g.bars == Bars::All).map(Gate::reason).collect()
}

/// Every reason of the gates that let one task of a type through: a machine at work, nothing to fix.
pub fn narrowed(gates: &[Gate]) -> Vec<String> {
    gates.iter().filter(|g| !g.view.open && g.bars != Bars::All).map(Gate::reason).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::host::{Gpu, Pressure};
    use proptest::prelude::*;

    fn calm() -> HostSnapshot {
        HostSnapshot {
            cpus: 2,
            cpu_percent: Some(10.0),
            load1: Some(0.5),
            memory_percent: Some(20.0),
            disk_percent: Some(30.0),
            gpu_absent: Some("no NVIDIA driver".into()),
            pressure: Pressure { cpu: Some(1.0), memory: Some(0.0), io: Some(0.0) },
            ..HostSnapshot::default()
        }
    }

    fn stopped(host: HostSnapshot, kind: JobType, running: u32) -> Vec<String> {
        let gates = judge(&mut Levels::default(), &Ok(host), &Safeguards::default());
        gates.into_iter().filter(|g| g.stops(kind, running, true)).map(|g| g.view.gate).collect()
    }

    #[test]
    fn a_calm_machine_lets_everything_through() {
        for kind in JobType::ALL {
            assert_eq!(stopped(calm(), kind, 5), Vec::<String>::new());
        }
    }

    /// A machine that works at its limit is not one that is stuck.
    #[test]
    fn busy_is_told_apart_from_shut() {
        let busy = HostSnapshot { cpu_percent: Some(100.0), load1: Some(9.0), ..calm() };
        let gates = judge(&mut Levels::default(), &Ok(busy.clone()), &Safeguards::default());
        assert_eq!((shut(&gates).len(), narrowed(&gates).len()), (0, 2));
        let full = HostSnapshot { disk_percent: Some(99.0), ..busy };
        let gates = judge(&mut Levels::default(), &Ok(full), &Safeguards::default());
        assert_eq!((shut(&gates).len(), narrowed(&gates).len()), (1, 2));
    }

    #[test]
    fn what_is_full_bars_and_names_its_gate() {
        use JobType::*;
        let table: [(HostSnapshot, JobType, u32, &[&str]); 12] = [
            (HostSnapshot { disk_percent: Some(70.0), ..calm() }, Sync, 0, &["disk"]),
            (HostSnapshot { disk_percent: None, ..calm() }, Sync, 0, &["disk"]),
            (HostSnapshot { memory_percent: Some(80.0), ..calm() }, Export, 0, &["memory"]),
            (HostSnapshot { memory_percent: Some(f64::NAN), ..calm() }, Export, 0, &["memory"]),
            (
                HostSnapshot { pressure: Pressure { memory: Some(20.0), ..Pressure::default() }, ..calm() },
                Selfplay,
                0,
                &["stall"],
            ),
            (HostSnapshot { pressure: Pressure::default(), ..calm() }, Selfplay, 3, &[]),
            (HostSnapshot { cpu_percent: Some(100.0), load1: Some(40.0), ..calm() }, Selfplay, 0, &[]),
            (HostSnapshot { cpu_percent: Some(100.0), load1: Some(40.0), ..calm() }, Selfplay, 1, &["cpu", "load"]),
            (HostSnapshot { cpu_percent: Some(100.0), load1: Some(40.0), ..calm() }, Export, 1, &[]),
            (HostSnapshot { cpu_percent: None, ..calm() }, Selfplay, 0, &["cpu"]),
            (HostSnapshot { load1: Some(3.01), ..calm() }, Training, 1, &["load"]),
            (HostSnapshot { load1: Some(3.0), ..calm() }, Training, 1, &[]),
        ];
        for (host, kind, running, gates) in table {
            assert_eq!(stopped(host.clone(), kind, running), gates, "{kind} {running} {host:?}");
        }
    }

    /// A gate that is shut because nothing could be measured says so; one that measured something does not.
    #[test]
    fn what_is_not_known_is_told_apart_from_what_is_full() {
        let unknown = |look: &Result<HostSnapshot, String>| {
            let gates = judge(&mut Levels::default(), look, &Safeguards::default());
            gates.into_iter().filter(|g| g.view.unknown).map(|g| g.view.gate).collect::<Vec<_>>()
        };
        assert_eq!(unknown(&Ok(HostSnapshot { disk_percent: Some(99.0), ..calm() })), Vec::<String>::new());
        assert_eq!(unknown(&Ok(HostSnapshot { memory_percent: None, load1: None, ..calm() })), ["memory", "load"]);
        assert_eq!(unknown(&Err("too old".into())), ["disk", "memory", "cpu", "load"]);
        assert!(emergency(&Err("closed".into())).is_some_and(|g| g.view.unknown && !g.view.open));
    }

    #[test]
    fn gpus_bar_only_those_that_use_them() {
        let gpu = |use_| Gpu { name: "H100".into(), utilization_percent: use_, ..Gpu::default() };
        let busy = HostSnapshot { gpus: vec![gpu(Some(5.0)), gpu(Some(81.0))], gpu_absent: None, ..calm() };
        assert_eq!(stopped(busy.clone(), JobType::Training, 1), ["gpu"]);
        assert!(
            stopped(busy.clone(), JobType::Training, 0).is_empty() && stopped(busy, JobType::Evaluation, 1).is_empty()
        );
        let silent = HostSnapshot { gpus: vec![gpu(None)], gpu_absent: None, ..calm() };
        assert_eq!(stopped(silent, JobType::Training, 0), ["gpu"], "unknown is no");
    }

    #[test]
    fn no_look_at_all_bars_everything_here_and_the_disk_everywhere() {
        let gates =
            judge(&mut Levels::default(), &Err("the last measurement is 40 s old".into()), &Safeguards::default());
        assert!(gates.iter().any(|g| g.stops(JobType::Sync, 0, false) && g.reason().contains("40 s old")));
        assert_eq!(gates.iter().filter(|g| g.stops(JobType::Sync, 0, true)).count(), 4);
    }

    #[test]
    fn a_gate_opens_only_well_below_its_threshold() {
        let mut levels = Levels::default();
        let mut open = |memory, load| {
            let host = HostSnapshot { memory_percent: Some(memory), load1: Some(load), ..calm() };
            let gates = judge(&mut levels, &Ok(host), &Safeguards::default());
            shut(&gates).is_empty() && narrowed(&gates).is_empty()
        };
        assert!(open(79.0, 3.0) && !open(80.0, 3.0) && !open(78.5, 3.0) && open(77.9, 3.0));
        assert!(!open(10.0, 3.1) && !open(10.0, 2.95) && open(10.0, 2.9));
    }

    proptest! {
        #[test]
        fn critical_memory_or_disk_lets_nothing_through(memory in 0.0f64..100.0, disk in 0.0f64..100.0, kind in 0usize..9, running in 0u32..5) {
            let host = HostSnapshot { memory_percent: Some(memory), disk_percent: Some(disk), ..calm() };
            let stops = !stopped(host, JobType::ALL[kind], running).is_empty();
            prop_assert_eq!(stops, memory >= 80.0 || disk >= 70.0);
        }
    }
}
