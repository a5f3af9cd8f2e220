//! Random kills of everything that the suite consists of and stands on, with limits as shipped: it is whole again
//! without a person.
use crate::machine::Machine;
use crate::suite::{daemons, running, start};
use crate::survival::failed;
use std::time::{Duration, Instant};

on_both!(random_kills_leave_a_whole_suite);

/// Whole again so long after the last kill.
const WHOLE: Duration = Duration::from_secs(120);
/// The D-Bus daemon is killed at most this often in so long: its socket has a start limit that no program of ours can
/// fix.
const BUS: (usize, Duration) = (4, Duration::from_secs(10));

/// What is killed, out of a hundred kills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Prey {
    Daemon,
    Hub,
    Master,
    Job,
    Polkit,
    Journal,
    Bus,
}

const SHARES: [(Prey, u64); 7] = [
    (Prey::Daemon, 48),
    (Prey::Hub, 14),
    (Prey::Master, 8),
    (Prey::Job, 18),
    (Prey::Polkit, 4),
    (Prey::Journal, 3),
    (Prey::Bus, 5),
];

/// Random numbers that a seed repeats (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }
    fn prey(&mut self) -> Prey {
        let mut at = self.below(100);
        for (prey, share) in SHARES {
            match at.checked_sub(share) {
                Some(rest) => at = rest,
                None => return prey,
            }
        }
        Prey::Daemon
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The main processes of the units that run, by a glob; their unit names with them.
fn units(m: &Machine, glob: &str) -> Vec<String> {
    m.run(&format!("systemctl list-units --plain --no-legend --state=active '{glob}' | cut -d' ' -f1"))
        .out
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Units among which the victim is drawn.
fn herd(m: &Machine, prey: Prey) -> Vec<String> {
    let name = |unit: &str| vec![unit.to_owned()];
    let is_hub = |u: &String| {
        ["ringrift-event-router.service", "ringrift-coordinator.service", "ringrift-data-pipeline.service"]
            .contains(&u.as_str())
    };
    match prey {
        Prey::Daemon => units(m, "ringrift-*.service")
            .into_iter()
            .filter(|u| !u.contains('@') && !is_hub(u) && u != "ringrift-master.service")
            .collect(),
        Prey::Hub => units(m, "ringrift-*.service").into_iter().filter(is_hub).collect(),
        Prey::Job => units(m, "ringrift-job-*@*.service"),
        Prey::Master => name("ringrift-master.service"),
        Prey::Polkit => name("polkit.service"),
        Prey::Journal => name("systemd-journald.service"),
        Prey::Bus => name("dbus.service"),
    }
}

/// Daemons, hubs and master run, the hubs answer, jobs are started, nothing is failed.
fn whole(m: &Machine) -> Result<(), String> {
    running(m, daemons())?;
    for unit in ["ringrift-master.service", "ringrift-coordinator.service", "ringrift-event-router.service"] {
        let state = m.show(unit, "ActiveState");
        if state != "active" {
            return Err(format!("{unit} is {state}"));
        }
    }
    for command in ["ringrift events emit external.probe n=1", "ringrift jobs queue", "ringrift models list"] {
        let ran = m.run(command);
        if ran.code != 0 {
            return Err(format!("{command}: {}", ran.err));
        }
    }
    match failed(m) {
        none if none.is_empty() => Ok(()),
        some => Err(format!("failed: {some}")),
    }
}

fn random_kills_leave_a_whole_suite(m: &Machine) {
    let (kills, seconds) = (number("TORTURE_KILLS", 60), number("TORTURE_SECONDS", 90));
    let seed = number("TORTURE_SEED", 20_261_129);
    start(m);
    let mut dice = Dice(seed.max(1));
    let mut count: std::collections::BTreeMap<String, u32> = Default::default();
    let mut bus: Vec<Instant> = Vec::new();
    let begun = Instant::now();
    for n in 0..kills {
        let prey = match dice.prey() {
            Prey::Bus if bus.iter().filter(|at| at.elapsed() < BUS.1).count() >= BUS.0 => Prey::Daemon,
            prey => prey,
        };
        let herd = herd(m, prey);
        if let Some(unit) = usize::try_from(dice.below(herd.len() as u64)).ok().and_then(|at| herd.get(at)) {
            if prey == Prey::Bus {
                bus.push(Instant::now());
            }
            let killed = m.run(&format!(
                "pid=$(systemctl show --value -p MainPID '{unit}'); [ \"$pid\" -gt 1 ] && bash -c \"kill -9 $pid\""
            ));
            if killed.code == 0 {
                *count.entry(format!("{prey:?}")).or_default() += 1;
            }
        }
        // Paced, so that the kills fill the time that was asked for; nothing is waited for.
        let due = Duration::from_millis(seconds * 1000 * (n + 1) / kills);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    let last = Instant::now();
    println!("{:?}: seed {seed}, killed in {:?}: {count:?}", m.suite, begun.elapsed());
    m.wait_for("the suite to be whole again", WHOLE, || whole(m));
    println!("{:?}: whole {:?} after the last kill", m.suite, last.elapsed());
}
