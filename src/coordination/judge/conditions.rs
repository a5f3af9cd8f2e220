//! What is wrong beside processes: the machine, the configuration, databases, events.
use super::processes::is_coordinator_up;
use super::view::{View, is_unwell};
use crate::contract::facts::Missing;
use crate::contract::notice::{Notice, Subject as About};
use crate::contract::paths;
use crate::contract::problem::{Code, Kind, Problem, Severity, Subject};

/// Fewer bytes than the smallest database's page groups need: nothing can be stored.
const NO_ROOM: u64 = 64 << 10;
/// With less use than this a full file system that somebody met is another one, or has room again.
const NEARLY_FULL: f64 = 98.0;
/// A subscriber with so many events to handle is far behind.
const MAX_LAG: u64 = 10_000;
/// Events that wait for the router: a moment's pause makes fewer.
const MAX_OUTBOX: u64 = 256;
const DISK: &str = "du -xh --max-depth=2 /var/lib/ringrift | sort -h | tail";

/// What the machine has to do with it.
pub fn host(name: &str) -> Subject {
    Subject::new(Kind::Host, name)
}

/// The configuration on disk.
pub fn config_subject() -> Subject {
    Subject::new(Kind::Config, "configuration")
}

/// All of it.
pub fn judge(view: &View<'_>) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    found.extend(disk(view));
    found.extend(inodes(view));
    found.extend(flags_gate(view));
    found.extend(config(view));
    found.extend(view.facts.notices.iter().map(notice));
    found.extend(clock(view));
    found.extend(events(view));
    found.extend(outbox(view));
    found.extend(missing(view));
    found
}

fn disk(view: &View<'_>) -> Option<Problem> {
    let (machine, rules) = (&view.facts.machine, view.facts.config.disk);
    let percent = machine.disk_percent?;
    let refusing = view.router.as_ref().and_then(|r| r.refusing.clone()).filter(|_| is_up(view, "EVENT_ROUTER"));
    let none = machine.disk_free_bytes.is_some_and(|free| free < NO_ROOM);
    if none || refusing.is_some() || (machine.space_refused && percent >= NEARLY_FULL) {
        let free = machine.disk_free_bytes.map_or_else(String::new, |free| format!(" {}", bytes(free)));
        let problem = Problem::new(Code::DiskFull, host("disk"), format!("Disk full: {} has{free} left", paths::STATE));
        return Some(
            problem
                .why("New events are refused; nothing acknowledged is lost.")
                .next("what takes the room", DISK)
                .next("delete what the retention rules let go", "ringrift artefacts prune --dry-run"),
        );
    }
    let gate = shut_gate(view, "disk");
    if percent < rules.critical && gate.is_none() {
        return None;
    }
    let below = (rules.critical - view.facts.config.hysteresis).max(0.0);
    let title = format!("{} is {percent:.0} % full: no new jobs until it is below {below:.0} %", paths::STATE);
    let free = machine.disk_free_bytes.map_or_else(String::new, |free| format!("{} free", bytes(free)));
    let problem = Problem::new(Code::DiskLow, host("disk"), title).why(free).next("what takes the room", DISK);
    Some(problem.next("what the retention rules let go", "ringrift artefacts prune --dry-run"))
}

fn inodes(view: &View<'_>) -> Option<Problem> {
    let percent = view.facts.machine.inode_percent?;
    if percent < view.facts.config.inodes.critical && shut_gate(view, "inodes").is_none() {
        return None;
    }
    let title = format!("{:.0} % of the inodes of {} are in use: no new jobs", percent, paths::STATE);
    let severity = if percent >= 100.0 { Severity::Broken } else { Severity::Degraded };
    let next = "du --inodes -x --max-depth=2 /var/lib/ringrift | sort -n | tail";
    Some(Problem::new(Code::Inodes, host("inodes"), title).severity(severity).next("where the files are", next))
}

fn is_up(view: &View<'_>, process: &str) -> bool {
    view.process(process).is_some_and(|p| p.is_up())
}

/// Why a gate of the coordinator is shut, if it is.
fn shut_gate(view: &View<'_>, name: &str) -> Option<String> {
    let gates = view.coordinator.as_ref().filter(|_| is_coordinator_up(view)).map(|c| &c.conditions.gates)?;
    gates.iter().find(|g| g.gate == name && !g.open).map(|g| g.why.clone())
}

fn flags_gate(view: &View<'_>) -> Option<Problem> {
    let why = shut_gate(view, "emergency")?;
    let problem = Problem::new(Code::Gate, host("emergency flags"), format!("No job starts: {why}"));
    Some(problem.next("show the safeguards", "ringrift safeguards"))
}

fn config(view: &View<'_>) -> Option<Problem> {
    let config = &view.facts.config;
    if !config.errors.is_empty() {
        return Some(invalid(view));
    }
    let reader = |p: &&crate::contract::overview::Process| {
        let report = view.facts.reports.get(&folder(&p.name))?;
        Some((p.name.clone(), report.config.clone()?))
    };
    let readers: Vec<_> = view.processes.iter().filter(|p| p.is_up()).filter_map(|p| reader(&p)).collect();
    if let Some((name, taken)) = readers.iter().find(|(_, taken)| taken.refused) {
        let problem =
            Problem::new(Code::ConfigRefused, config_subject(), format!("{name} refused the configuration and keeps the one before"));
        return Some(
            problem.since(Some(taken.read_us)).next("name the errors", "ringrift config check").next("then", "ringrift config reload"),
        );
    }
    let behind: Vec<&String> = readers.iter().filter(|(_, t)| config.changed_us.is_some_and(|at| t.read_us < at)).map(|(n, _)| n).collect();
    if !behind.is_empty() {
        let title = format!("The configuration was changed and {} not read it yet", have(behind.len(), readers.len()));
        let problem = Problem::new(Code::ConfigNotLoaded, config_subject(), title).since(config.changed_us);
        return Some(problem.next("take it over", "ringrift config reload"));
    }
    let (name, taken) = readers.iter().find(|(_, taken)| !taken.at_next_start.is_empty())?;
    let title = format!("{name} takes {} over when it restarts", taken.at_next_start.join(", "));
    let restart = match name.as_str() {
        "master" | "coordinator" => format!("systemctl restart ringrift-{name}"),
        daemon => format!("ringrift daemon restart {daemon}"),
    };
    Some(Problem::new(Code::ConfigNotLoaded, config_subject(), title).since(Some(taken.read_us)).next("restart it", restart))
}

/// `1 process of 20 has`, `all 20 processes have`.
fn have(count: usize, of: usize) -> String {
    match (count, of) {
        (n, of) if n == of && n > 1 => format!("all {n} processes have"),
        (1, of) => format!("1 of {of} processes has"),
        (n, of) => format!("{n} of {of} processes have"),
    }
}

fn folder(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

fn invalid(view: &View<'_>) -> Problem {
    let config = &view.facts.config;
    let count = match config.errors.len() {
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    };
    let place = config.first_file.clone().unwrap_or_else(|| "the configuration".into());
    let title = format!("The configuration on disk is invalid: {place} has {count}");
    let mut why: String = config.errors.iter().take(3).map(|e| format!("{e}. ")).collect();
    if view.running {
        why += "What runs keeps what it read before and would not start again.";
    }
    let problem = Problem::new(Code::ConfigInvalid, config_subject(), title).since(config.changed_us).why(why.trim_end());
    let problem = problem.next("every error with its place", "ringrift config check");
    match view.running {
        true => problem.next("then", "ringrift config reload"),
        false => problem.next("then", "systemctl start ringrift-master.target"),
    }
}

fn notice(notice: &Notice) -> Problem {
    let (code, kind) = match notice.subject {
        About::Database { .. } => (Code::DatabaseLost, Kind::Database),
        About::Artefact { .. } => (Code::ArtefactLost, Kind::Database),
        About::Clock { .. } => (Code::ClockHold, Kind::Host),
    };
    let problem = Problem::new(code, Subject::new(kind, notice.id.clone()), notice.what.clone()).since(Some(notice.since_us));
    problem.next("say that you have read it", notice.next.clone())
}

fn clock(view: &View<'_>) -> Option<Problem> {
    let jump = view.master.as_ref()?.clock_jump?;
    let seconds = jump.by_us / 1_000_000;
    let way = if seconds < 0 { "back" } else { "forward" };
    let problem = Problem::new(Code::Clock, host("clock"), format!("The wall clock jumped {way} by {} s", seconds.abs()));
    Some(problem.since(Some(jump.at_us)).next("is it synchronised", "timedatectl"))
}

fn events(view: &View<'_>) -> Vec<Problem> {
    let Some(router) = view.router.as_ref().filter(|_| is_up(view, "EVENT_ROUTER")) else { return Vec::new() };
    let subject = |name: &str| Subject::new(Kind::Events, name);
    let mut found = Vec::new();
    for (topic, text) in &router.troubles {
        let code = match topic.as_str() {
            "standing" => Code::LaneStands,
            "absent" => Code::SubscriberLag,
            _ => Code::EventLog,
        };
        let problem = Problem::new(code, subject(topic), capital(text));
        found.push(problem.next("whose, and how far", "ringrift events subscribers"));
    }
    if router.dead_letters > 0 {
        let title = match router.dead_letters {
            1 => "1 event was given up by its subscriber: it is a dead letter".to_owned(),
            n => format!("{n} events were given up by their subscribers: dead letters"),
        };
        let problem = Problem::new(Code::DeadLetters, subject("dead letters"), title);
        found.push(
            problem.next("event and reason", "ringrift events dlq list").next("offer them again", "ringrift events dlq redrive --all"),
        );
    }
    if router.lag > MAX_LAG {
        let title = format!("A subscriber has {} events still to handle", router.lag);
        found.push(Problem::new(Code::SubscriberLag, subject("lag"), title).next("whose", "ringrift events subscribers"));
    }
    found
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn outbox(view: &View<'_>) -> Option<Problem> {
    let status = view.coordinator.as_ref().filter(|_| is_coordinator_up(view))?;
    let title = match (status.outbox_refused, status.outbox) {
        (0, n) if n > MAX_OUTBOX => format!("{n} events of the coordinator wait for the event router"),
        (0, _) => return None,
        (n, _) => format!("The event router refused {n} of the coordinator's events for good"),
    };
    let log = "journalctl -u ringrift-coordinator -p warning -n 50";
    Some(Problem::new(Code::Outbox, Subject::new(Kind::Events, "outbox"), title).next("why", log))
}

/// What could not be looked at is said: it is unknown and not well.
fn missing(view: &View<'_>) -> Vec<Problem> {
    let facts = view.facts;
    let unknown = |m: &Missing| {
        let problem = Problem::new(Code::Unknown, host(&m.source), format!("{} cannot be read: {}", m.source, m.why));
        problem.since(m.since_us).next("look at it", "ls -l /run/ringrift/*/status.json")
    };
    let mut found: Vec<Problem> = facts.torn.iter().map(unknown).collect();
    if let Some(why) = &facts.gpu_lost {
        let problem = Problem::new(Code::GpuLost, host("gpu"), format!("The GPU cannot be used: {why}"));
        found.push(problem.next("what the driver says", "nvidia-smi"));
    }
    let silent = |name: &str| is_up(view, name) && facts.reports.get(&folder(name)).is_some_and(|r| r.snapshot.is_null());
    for name in ["EVENT_ROUTER", "coordinator"].into_iter().filter(|name| silent(name)) {
        let unwell = view.process(name).is_some_and(|p| is_unwell(&p.health));
        if !unwell {
            let log = format!("journalctl -u ringrift-{} -n 50", folder(name));
            found.push(Problem::new(Code::Unknown, host(name), format!("{name} reports no figures")).next("its log", log));
        }
    }
    found
}

/// Bytes with a unit, as in 12.3 MB.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        10_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
