//! What is wrong beside processes: the machine, databases, events; the configuration has a file of its own.
use super::processes::is_coordinator_up;
use super::view::{MAX_OUTBOX, View, is_unwell};
use crate::contract::coordinator::GateView;
use crate::contract::facts::{Missing, PipelineView, ThresholdSource};
use crate::contract::health::State;
use crate::contract::notice::{Notice, Subject as About};
use crate::contract::paths;
use crate::contract::problem::{Code, Kind, Problem, Severity, Subject};

/// Fewer bytes than the smallest database's page groups need: nothing can be stored.
const NO_ROOM: u64 = 64 << 10;
/// With less use than this a full file system that somebody met is another one, or has room again.
const NEARLY_FULL: f64 = 98.0;
/// A subscriber with so many events to handle is far behind.
const MAX_LAG: u64 = 10_000;
/// Every inode is in use, percent.
const ALL: f64 = 100.0;
/// A hub that has just begun may not have reported yet, microseconds.
const FIRST_ACCOUNT_US: i64 = 5_000_000;
/// A disk that is full in less is told, seconds.
const FORECAST: u64 = 86_400;
/// The gate that looks at the emergency flags and measures nothing.
const EMERGENCY: &str = "emergency";
const DISK: &str = "du -xh --max-depth=2 /var/lib/ringrift | sort -h | tail";

/// What the machine has to do with it.
pub fn host(name: &str) -> Subject {
    Subject::new(Kind::Host, name)
}

/// All of it.
pub fn judge(view: &View<'_>) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    found.extend(disk(view));
    found.extend(inodes(view));
    found.extend(gates(view));
    found.extend(view.facts.notices.iter().map(notice));
    found.extend(clock(view));
    found.extend(events(view));
    found.extend(outbox(view));
    found.extend(missing(view));
    found
}

/// Nothing can be stored: no room is left, or the router or somebody else met that.
fn is_disk_full(view: &View<'_>) -> bool {
    let machine = &view.facts.machine;
    let refusing = view.router.as_ref().is_some_and(|r| r.refusing.is_some()) && is_up(view, "EVENT_ROUTER");
    let none = machine.disk_free_bytes.is_some_and(|free| free < NO_ROOM);
    let met = machine.space_refused && machine.disk_percent.is_some_and(|percent| percent >= NEARLY_FULL);
    // Without an inode nothing can be stored either, and that is said as such.
    none || ((refusing || met) && machine.inode_percent.is_none_or(|percent| percent < ALL))
}

fn disk(view: &View<'_>) -> Option<Problem> {
    let (machine, (rules, _)) = (&view.facts.machine, view.thresholds());
    let Some(percent) = machine.disk_percent else {
        let problem =
            Problem::new(Code::Unknown, host("disk"), format!("The room of {} cannot be measured", paths::STATE));
        let untold = view.running && !is_told_by_gate(view, &problem.subject);
        return untold.then(|| problem.next("look at it", "df /var/lib/ringrift"));
    };
    if is_disk_full(view) {
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
    if percent < rules.disk.critical && gate.is_none() {
        return forecast(view);
    }
    let below = (rules.disk.critical - rules.hysteresis).max(0.0);
    let title = format!("{} is {percent:.0} % full: no new jobs until it is below {below:.0} %", paths::STATE);
    let free = machine.disk_free_bytes.map_or_else(String::new, |free| format!("{} free", bytes(free)));
    let problem =
        Problem::new(Code::DiskLow, host("disk"), title).why(free).why(assumed(view)).next("what takes the room", DISK);
    Some(problem.next("what the retention rules let go", "ringrift artefacts prune --dry-run"))
}

/// The disk has room, and not for long.
fn forecast(view: &View<'_>) -> Option<Problem> {
    let coordinator = view.coordinator.as_ref().filter(|_| is_coordinator_up(view))?;
    let left = coordinator.conditions.machine.as_ref()?.disk_full_in_seconds.filter(|left| *left < FORECAST)?;
    let when = if left < 7200 { format!("{} min", left / 60) } else { format!("{} h", left / 3600) };
    let title = format!("{} is full in {when} at the last hour's growth", paths::STATE);
    let free = view.facts.machine.disk_free_bytes.map_or_else(String::new, |free| format!("{} free", bytes(free)));
    let problem = Problem::new(Code::DiskForecast, host("disk"), title).why(free).next("what takes the room", DISK);
    Some(problem.next("what the retention rules let go", "ringrift artefacts prune --dry-run"))
}

/// Where the thresholds are from, unless the files say the same.
fn assumed(view: &View<'_>) -> &'static str {
    let config = &view.facts.config;
    match view.thresholds().1 {
        ThresholdSource::Coordinator if config.errors.is_empty() && config.hidden.is_none() => "",
        ThresholdSource::Coordinator => "The threshold is the one that the coordinator has in effect",
        ThresholdSource::Files => "",
        ThresholdSource::Remembered => "The threshold is that of the last valid configuration",
        ThresholdSource::Defaults => "The threshold is the built-in default, because the configuration cannot be used",
    }
}

fn inodes(view: &View<'_>) -> Option<Problem> {
    let percent = view.facts.machine.inode_percent?;
    let full = percent >= ALL;
    if !full && percent < view.thresholds().0.inodes.critical && shut_gate(view, "inodes").is_none() {
        return None;
    }
    let title = match full {
        true => format!("No inode is left in the file system of {}", paths::STATE),
        false => format!("{percent:.0} % of the inodes of {} are in use: no new jobs", paths::STATE),
    };
    let severity = if full { Severity::Broken } else { Severity::Degraded };
    let next = "du --inodes -x --max-depth=2 /var/lib/ringrift | sort -n | tail";
    let problem = Problem::new(Code::Inodes, host("inodes"), title).severity(severity);
    let problem = if full {
        problem.why("No file can be made: new events are refused; nothing acknowledged is lost")
    } else {
        problem
    };
    Some(problem.why(assumed(view)).next("where the files are", next))
}

fn is_up(view: &View<'_>, process: &str) -> bool {
    view.process(process).is_some_and(|p| p.is_up())
}

/// The coordinator's gates, while it runs.
fn gate_views<'a>(view: &'a View<'_>) -> &'a [GateView] {
    view.coordinator.as_ref().filter(|_| is_coordinator_up(view)).map_or(&[], |c| &c.conditions.gates)
}

/// Why a gate of the coordinator is shut by what it measured, if it is.
fn shut_gate(view: &View<'_>, name: &str) -> Option<String> {
    gate_views(view).iter().find(|g| g.gate == name && !g.open && !g.unknown).map(|g| g.why.clone())
}

/// What a gate judges, as a subject.
pub fn gate_subject(gate: &GateView) -> Subject {
    if gate.gate == EMERGENCY { emergency_flags() } else { host(&gate.gate) }
}

fn emergency_flags() -> Subject {
    host("emergency flags")
}

/// The machine as the coordinator measures it, when it cannot.
pub fn unmeasured() -> Subject {
    host("machine")
}

/// Gates that are shut because they have nothing to judge by.
fn unknown_gates<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a GateView> {
    gate_views(view).iter().filter(|g| g.unknown && !g.open)
}

/// Without a look at its machine the coordinator shuts every gate that it measures, for one and the same reason.
fn gates(view: &View<'_>) -> Vec<Problem> {
    let blind = view.coordinator.as_ref().is_some_and(|c| c.conditions.machine.is_none());
    let mut found: Vec<Problem> = Vec::new();
    for gate in unknown_gates(view) {
        let subject = if blind && gate.gate != EMERGENCY { unmeasured() } else { gate_subject(gate) };
        if found.iter().all(|problem| problem.subject != subject) {
            let problem = Problem::told(Code::Gate, subject, "No job starts", &gate.why);
            found.push(problem.next("show the safeguards", "ringrift safeguards"));
        }
    }
    found
}

/// What is unknown to whoever looks and to a gate is one fault, and the gate says what it does.
fn is_told_by_gate(view: &View<'_>, subject: &Subject) -> bool {
    unknown_gates(view).any(|gate| gate_subject(gate) == *subject)
}

/// The folder of a process's status file.
pub fn folder(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

fn notice(notice: &Notice) -> Problem {
    let (code, kind) = match notice.subject {
        About::Database { .. } => (Code::DatabaseLost, Kind::Database),
        About::Artefact { .. } => (Code::ArtefactLost, Kind::Database),
        About::Clock { .. } => (Code::ClockHold, Kind::Host),
    };
    let problem =
        Problem::new(code, Subject::new(kind, notice.id.clone()), notice.what.clone()).since(Some(notice.since_us));
    problem.next("say that you have read it", notice.next.clone())
}

fn clock(view: &View<'_>) -> Option<Problem> {
    let jump = view.master.as_ref()?.clock_jump?;
    let seconds = jump.by_us.secs();
    let way = if seconds < 0 { "back" } else { "forward" };
    let problem =
        Problem::new(Code::Clock, host("clock"), format!("The wall clock jumped {way} by {} s", seconds.abs()));
    Some(problem.since(Some(jump.at_us.us())).next("is it synchronised", "timedatectl"))
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
            problem
                .next("event and reason", "ringrift events dlq list")
                .next("offer them again", "ringrift events dlq redrive --all"),
        );
    }
    if router.lag > MAX_LAG {
        let title = format!("A subscriber has {} events still to handle", router.lag);
        found.push(
            Problem::new(Code::SubscriberLag, subject("lag"), title).next("whose", "ringrift events subscribers"),
        );
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
        let problem = Problem::told(Code::Unknown, host(&m.source), &format!("{} cannot be read", m.source), &m.why);
        problem.since(m.since_us).next("look at it", "ls -l /run/ringrift")
    };
    let mut found: Vec<Problem> = facts.torn.iter().map(unknown).collect();
    if let Some(why) = &facts.gpu_lost {
        let problem = Problem::new(Code::GpuLost, host("gpu"), format!("The GPU cannot be used: {why}"));
        found.push(problem.next("what the driver says", "nvidia-smi"));
    }
    if let Some(why) = facts.flag.as_ref().err().filter(|_| !is_told_by_gate(view, &emergency_flags())) {
        let title = "Whether there is an emergency flag cannot be seen";
        found.push(
            Problem::told(Code::Unknown, emergency_flags(), title, why).next("look at it", "ls -ld /run/ringrift"),
        );
    }
    found.extend(
        ["master", "EVENT_ROUTER", "coordinator", "DATA_PIPELINE"]
            .into_iter()
            .filter_map(|name| no_account(view, name)),
    );
    found
}

/// A hub that runs and whose account is missing or says nothing that is understood here.
fn no_account(view: &View<'_>, name: &str) -> Option<Problem> {
    let process = view.process(name)?;
    let read = match name {
        "master" => view.master.is_some(),
        "EVENT_ROUTER" => view.router.is_some(),
        "coordinator" => view.coordinator.is_some(),
        _ => view.pipeline.is_some(),
    };
    let torn = view.facts.torn.iter().any(|m| m.process.as_deref() == Some(folder(name).as_str()));
    // What says that it does not work, hangs, or has only just begun is told as such.
    let young = view.age_us(process.since_us).is_some_and(|age| age < FIRST_ACCOUNT_US);
    if !process.is_up() || torn || is_unwell(&process.health) || process.state == State::Stale || young {
        return None;
    }
    let log = format!("journalctl -u ringrift-{} -n 50", folder(name));
    if let Some(PipelineView::Error(why)) = view.pipeline.as_ref().filter(|_| name == "DATA_PIPELINE") {
        let problem = Problem::told(Code::Unknown, host("stages"), "Where the configurations stand is unknown", why);
        return Some(problem.next("its log", log));
    }
    (!read).then(|| {
        let what = if view.facts.reports.contains_key(&folder(name)) {
            "what it reports is not understood"
        } else {
            "it reports nothing"
        };
        let problem = Problem::new(Code::Unknown, host(name), format!("How {name} is doing is unknown: {what}"));
        problem.next("its log", log)
    })
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
