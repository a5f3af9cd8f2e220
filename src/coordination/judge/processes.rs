//! What is wrong with processes and their units: the master, the coordinator, daemons, sockets.
use super::view::{COORDINATOR, MASTER, MAX_OUTBOX, View, WATCH, is_unwell};
use crate::contract::error::Exit;
use crate::contract::health::{HealthStatus, State};
use crate::contract::host::UnitView;
use crate::contract::master::Wish;
use crate::contract::overview::Process;
use crate::contract::problem::{Code, Kind, Problem, Severity, Subject};
use crate::contract::registry::{DaemonType, Hub};
use crate::contract::sockets::SOCKETS;
use crate::contract::time::Wall;

/// A start may take so long, microseconds: the units' TimeoutStartSec=.
const READY_US: i64 = 30_000_000;
/// So many restarts within [`CRASHING_US`] are no accident.
const CRASHES: usize = 3;
const CRASHING_US: i64 = 600_000_000;
/// Without a heartbeat for so many of its intervals the master hangs.
const BEATS: i64 = 3;

/// All of it.
pub fn judge(view: &View<'_>) -> Vec<Problem> {
    let mut found: Vec<Problem> = master(view).into_iter().collect();
    found.extend(view.processes.iter().filter_map(|process| crashing(view, process)));
    found.extend(sockets(view));
    found.extend(watch(view));
    for process in view.processes.iter().filter(|p| p.name != "master") {
        found.extend(judge_one(view, process));
    }
    found
}

/// What a process is as a subject.
pub fn subject(process: &Process) -> Subject {
    Subject::new(if process.category == "hub" { Kind::Hub } else { Kind::Daemon }, process.name.clone())
}

fn master(view: &View<'_>) -> Option<Problem> {
    let (subject, unit) = (Subject::new(Kind::Hub, "master"), view.facts.unit(MASTER));
    let process = view.process("master")?;
    if view.running {
        return beat(view, unit).or_else(|| troubles(view));
    }
    if let Some(found) = unit.and_then(|unit| cannot_start(process, unit, &Wish::default())) {
        return Some(found);
    }
    if view.starting {
        return Some(starting(view, process, unit));
    }
    let title = match process.state {
        State::Failed => format!("The master loop has failed: {}", process.reason),
        _ => "The master loop does not run: no daemon is started and no job begins".to_owned(),
    };
    let problem = Problem::new(Code::MasterDown, subject, title).since(process.since_us);
    Some(problem.next("start the suite", "systemctl start ringrift-master.target").next("its log", log(MASTER)))
}

fn beat(view: &View<'_>, unit: Option<&UnitView>) -> Option<Problem> {
    let started = unit.and_then(|u| u.since_us);
    let last = view.facts.reports.get("master").map(|r| r.time_us).max(started)?;
    let interval = i64::from(view.master.as_ref().map_or(10, |m| m.interval)).max(10);
    let age = (view.facts.now_us - last) / 1_000_000;
    (age > BEATS * interval).then(|| {
        let title = format!("The master loop has not turned for {age} s");
        let problem = Problem::new(Code::MasterStuck, Subject::new(Kind::Hub, "master"), title).since(Some(last));
        problem.next("its log", log(MASTER)).next("start over; no daemon stops", "systemctl restart ringrift-master")
    })
}

/// Topics of the master's that others show better: sockets and hubs as units, notices by themselves.
const ELSEWHERE: [&str; 3] = ["hubs", "sockets", "notices"];

fn troubles(view: &View<'_>) -> Option<Problem> {
    let troubles = &view.master.as_ref()?.troubles;
    let said: Vec<&String> =
        troubles.iter().filter(|(topic, _)| !ELSEWHERE.contains(&topic.as_str())).map(|(_, text)| text).collect();
    let first = said.first()?;
    let rest = said[1..].iter().map(|s| s.as_str()).collect::<Vec<_>>().join("; ");
    let problem =
        Problem::new(Code::MasterDegraded, Subject::new(Kind::Hub, "master"), format!("The master loop: {first}"));
    Some(problem.why(rest).next("its log", log(MASTER)))
}

fn log(unit: &str) -> String {
    format!("journalctl -u {} -n 50", unit.trim_end_matches(".service"))
}

fn sockets(view: &View<'_>) -> Vec<Problem> {
    SOCKETS.iter().filter_map(|s| socket(view, s.unit)).collect()
}

fn socket(view: &View<'_>, name: &str) -> Option<Problem> {
    let subject = Subject::new(Kind::Socket, name);
    // A profile without DATA_PIPELINE has no catalog.
    let needed = view.running && name != Hub::Catalog.socket_unit();
    if let Some(problem) = unusable(view, name, subject.clone(), needed || view.starting) {
        return Some(problem);
    }
    let unit = view.facts.unit(name)?;
    let down = unit.active_state == "failed" || (unit.active_state == "inactive" && needed);
    down.then(|| {
        let title = format!("{name} is down: nobody can connect to its hub");
        let problem = Problem::new(Code::SocketFailed, subject, title).since(unit.since_us);
        problem.next("open it again", format!("systemctl restart {name}"))
    })
}

/// What is wrong with a unit that is no service: somebody masked it, or its file is missing or cannot be used.
fn unusable(view: &View<'_>, name: &str, subject: Subject, needed: bool) -> Option<Problem> {
    let state = view.facts.unit(name).map_or("not-found", |u| u.load_state.as_str());
    match state {
        "loaded" | "merged" | "stub" => None,
        "masked" => {
            let problem = Problem::new(Code::UnitMasked, subject, format!("{name} cannot start: it is masked"));
            Some(
                problem
                    .next("allow it again", format!("systemctl unmask {name}"))
                    .next("then", format!("systemctl start {name}")),
            )
        }
        // What was never installed is missed by those that want it only.
        "not-found" | "" if !needed => None,
        state => {
            let title = match state {
                "not-found" | "" => format!("{name} cannot start: there is no unit file of this name"),
                other => format!("{name} cannot start: systemd cannot use its unit file ({other})"),
            };
            let problem =
                Problem::new(Code::UnitMissing, subject, title).why("Installing the package again restores it.");
            Some(problem.next("what systemd says", format!("systemctl status {name}")))
        }
    }
}

fn watch(view: &View<'_>) -> Option<Problem> {
    let subject = Subject::new(Kind::Hub, WATCH);
    if let Some(problem) = unusable(view, WATCH, subject.clone(), view.running) {
        return Some(problem);
    }
    let down = view.running && view.facts.unit(WATCH).is_none_or(|u| !u.is_active());
    down.then(|| {
        let problem = Problem::new(Code::WatchDown, subject, "The watch over the emergency flags does not run");
        problem
            .why("ringrift-emergency.path would halt as soon as a flag file appears. The coordinator looks once a second.")
            .next("start it", format!("systemctl restart {WATCH}"))
    })
}

fn wish(view: &View<'_>, process: &Process) -> Wish {
    DaemonType::parse(&process.name).map(|daemon| view.wish(daemon)).unwrap_or_default()
}

/// Whether it matters how it is: a hub, what is wanted, and what has failed; what is disabled was not asked to run.
fn is_asked(view: &View<'_>, process: &Process, wish: &Wish) -> bool {
    let counts = process.category == "hub" || view.expects(process) || process.state == State::Failed;
    counts && (wish.disabled.is_none() || wish.desired)
}

/// Whether a process that matters ended at its start because of its configuration.
pub fn refused_at_start(view: &View<'_>, process: &Process) -> bool {
    let unit = process.unit.as_deref().and_then(|name| view.facts.unit(name));
    let refused =
        unit.is_some_and(|u| u.load_state != "masked" && u.active_state == "failed" && u.exited_with(Exit::Config));
    refused && is_asked(view, process, &wish(view, process))
}

fn judge_one(view: &View<'_>, process: &Process) -> Option<Problem> {
    let hub = process.category == "hub";
    let wish = wish(view, process);
    if !is_asked(view, process, &wish) {
        return None;
    }
    let unit = view.facts.unit(process.unit.as_deref()?);
    // Also while the whole suite is down: what has failed stays failed, and says why it is down.
    if let Some(problem) = unit.and_then(|unit| cannot_start(process, unit, &wish)) {
        return Some(problem);
    }
    match process.state {
        State::CannotStart => Some(no_unit(process)),
        State::Initializing if unit.is_some_and(is_restarting) => Some(restarting(view, process, unit)),
        State::Initializing | State::Blocked => Some(starting(view, process, unit)),
        State::Stopped | State::NeverRan | State::ShuttingDown if !view.running => None,
        State::Stopped | State::NeverRan => Some(down(process, &wish, hub)),
        State::Paused => Some(paused(process)),
        State::Stale => Some(silent(process)),
        State::Running if is_unwell(&process.health) => unwell(view, process),
        _ => None,
    }
}

/// The code for a process that does not run.
fn code(process: &Process, other: Code) -> Code {
    match process.name.as_str() {
        "EVENT_ROUTER" => Code::RouterDown,
        "coordinator" => Code::CoordinatorDown,
        _ => other,
    }
}

fn with_steps(problem: Problem, process: &Process) -> Problem {
    let unit = process.unit.as_deref().unwrap_or_default();
    match process.name.as_str() {
        "coordinator" | "EVENT_ROUTER" => {
            problem.next("start it", format!("systemctl restart {unit}")).next("its log", log(unit))
        }
        "master" => problem.next("its log", log(MASTER)),
        name => problem
            .next("start it", format!("ringrift daemon start {name}"))
            .next("its log", format!("ringrift daemon logs {name}")),
    }
}

/// Failed for good: masked, refused, or given up.
fn cannot_start(process: &Process, unit: &UnitView, wish: &Wish) -> Option<Problem> {
    let (name, subject) = (&process.name, subject(process));
    if unit.load_state == "masked" {
        let start = match process.category.as_str() {
            "hub" => format!("systemctl start {}", unit.name),
            _ => format!("ringrift daemon start {name}"),
        };
        let problem = Problem::new(Code::UnitMasked, subject, format!("{name} cannot start: its unit is masked"));
        return Some(problem.next("allow it again", format!("systemctl unmask {}", unit.name)).next("then", start));
    }
    if unit.active_state != "failed" {
        return None;
    }
    let since = |problem: Problem| problem.since(process.since_us);
    if unit.exited_with(Exit::Config) {
        let problem =
            Problem::new(Code::ConfigRefused, subject, format!("{name} refused its configuration and did not start"));
        return Some(
            since(problem)
                .next("name the errors", "ringrift config check")
                .next("then", "systemctl start ringrift-master.target"),
        );
    }
    if unit.exited_with(Exit::BadData) || unit.exited_with(Exit::NotPermitted) {
        let problem = Problem::new(Code::DataUnusable, subject, format!("{name} cannot use its data"))
            .why(process.reason.clone());
        return Some(since(problem).next("its log", log(&unit.name)));
    }
    let code = if name == "master" { Code::MasterDown } else { code(process, Code::DaemonFailed) };
    let mut problem = since(Problem::new(code, subject, format!("{name} has failed: {}", process.reason)));
    if let Some(next) = wish.next_try_us.map(Wall::us) {
        let now = process.since_us.unwrap_or(next);
        problem = problem.why(retry_text(next, now));
    }
    Some(if name == "master" {
        problem.next("start the suite", "systemctl start ringrift-master.target").next("its log", log(MASTER))
    } else {
        with_steps(problem, process)
    })
}

fn retry_text(next_us: i64, failed_us: i64) -> String {
    format!(
        "The master tries it again by itself: next try in {} s after the failure",
        ((next_us - failed_us) / 1_000_000).max(0)
    )
}

fn no_unit(process: &Process) -> Problem {
    let unit = process.unit.as_deref().unwrap_or_default();
    let problem =
        Problem::new(Code::UnitMissing, subject(process), format!("{} cannot start: {}", process.name, process.reason));
    problem.next("what systemd says", format!("systemctl status {unit}"))
}

/// It was started again after a failure and is not ready yet.
fn is_restarting(unit: &UnitView) -> bool {
    unit.is_backing_off() || unit.restarts.is_some_and(|n| n > 0)
}

fn restarting(view: &View<'_>, process: &Process, unit: Option<&UnitView>) -> Problem {
    let restarts = unit.and_then(|u| u.restarts).unwrap_or(0);
    let waits = unit.is_some_and(UnitView::is_backing_off);
    let nth = restarts + u32::from(waits);
    // systemd's own count is there before the master has seen the restart.
    let recent = view.age_us(process.since_us).is_none_or(|age| age < CRASHING_US);
    let often = view.restarts(process.unit.as_deref().unwrap_or_default(), CRASHING_US) >= CRASHES;
    let (code, title) = match often || (restarts as usize >= CRASHES && recent) {
        true => (Code::DaemonCrashing, format!("{} fails again and again: restart {nth} is under way", process.name)),
        false => (Code::DaemonBackoff, format!("{} failed and is restarted (restart {nth})", process.name)),
    };
    let why = unit.and_then(|u| u.result.clone()).filter(|r| r != "success").map(|r| format!("systemd's result: {r}"));
    let problem = Problem::new(code, subject(process), title).since(process.since_us).why(why.unwrap_or_default());
    problem.next("its log", log_of(process))
}

/// It runs now and was restarted again and again: it will fail once more. Its present state is told beside this.
fn crashing(view: &View<'_>, process: &Process) -> Option<Problem> {
    let times = view.restarts(process.unit.as_deref()?, CRASHING_US);
    (times >= CRASHES && process.is_up() && is_asked(view, process, &wish(view, process))).then(|| {
        let minutes = CRASHING_US / 60_000_000;
        let title = format!("{} fails again and again: {times} restarts within {minutes} min", process.name);
        let problem = Problem::new(Code::DaemonCrashing, subject(process), title).since(process.since_us);
        problem.why("It runs at this moment.").next("its log", log_of(process))
    })
}

fn log_of(process: &Process) -> String {
    match process.category.as_str() {
        "hub" => log(process.unit.as_deref().unwrap_or_default()),
        _ => format!("ringrift daemon logs {}", process.name),
    }
}

fn starting(view: &View<'_>, process: &Process, unit: Option<&UnitView>) -> Problem {
    let asked = DaemonType::parse(&process.name).ok().and_then(|d| view.wish(d).down_since_us).map(Wall::us);
    // A unit that never ran has no time of its own: it waits since the suite was started.
    let since = asked
        .or(process.since_us.filter(|_| unit.is_some_and(|u| u.active_state == "activating")))
        .or_else(|| view.begun_us());
    let age = view.age_us(since).unwrap_or(0);
    let waits = unit.is_some_and(|u| !u.waiting_for.is_empty()) || process.state == State::Blocked;
    let reason = if waits { process.reason.clone() } else { String::new() };
    let name = &process.name;
    let (other, title) = match age < READY_US {
        true => (Code::DaemonStarting, format!("{name} is starting")),
        false => {
            (Code::DaemonStuckStarting, format!("{name} has been starting for {} s and is not ready", age / 1_000_000))
        }
    };
    let severity = other.entry().severity;
    let problem =
        Problem::new(code(process, other), subject(process), title).severity(severity).since(since).why(reason);
    problem.next("its log", log_of(process))
}

fn down(process: &Process, wish: &Wish, hub: bool) -> Problem {
    let severity = if process.critical { Severity::Broken } else { Severity::Degraded };
    let name = &process.name;
    let follows = if process.critical { ": the loop cannot go on without it" } else { "" };
    if let Some(held) = &process.held {
        let title = format!("{name} is stopped by {}{follows}", held.by);
        let problem = Problem::new(Code::DaemonHeld, subject(process), title).severity(severity).since(held.since_us);
        return problem.next("start it", format!("ringrift daemon start {name}"));
    }
    if wish.stopped_outside {
        let problem =
            Problem::new(Code::DaemonHeld, subject(process), format!("{name} was stopped, but not through the master"));
        let problem =
            problem.severity(severity).since(process.since_us).why("It is left alone until somebody starts it.");
        return problem.next("start it", format!("ringrift daemon start {name}"));
    }
    let why = wish.held.clone().unwrap_or_default();
    let title = if hub { format!("The {name} does not run") } else { format!("{name} does not run") };
    let problem = Problem::new(code(process, Code::DaemonDown), subject(process), title)
        .since(wish.down_since_us.map(Wall::us).or(process.since_us));
    with_steps(problem.why(why), process)
}

fn paused(process: &Process) -> Problem {
    let severity = if process.critical { Severity::Broken } else { Severity::Degraded };
    let by = process.held.as_ref().map_or_else(String::new, |h| format!(" by {}", h.by));
    let reason = process.reason.trim_end_matches(&format!(" ({})", by.trim_start())).to_owned();
    let said = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let problem = Problem::new(Code::DaemonHeld, subject(process), format!("{} is paused{by}{said}", process.name));
    let problem = problem.severity(severity).since(process.held.as_ref().and_then(|h| h.since_us));
    problem.next("let it go on", format!("ringrift daemon resume {}", process.name))
}

fn silent(process: &Process) -> Problem {
    let problem = Problem::new(Code::DaemonSilent, subject(process), format!("{} no longer reports", process.name))
        .why(process.reason.clone());
    let restart = match process.category.as_str() {
        "hub" => format!("systemctl restart {}", process.unit.as_deref().unwrap_or_default()),
        _ => format!("ringrift daemon restart {}", process.name),
    };
    problem.next("its log", log_of(process)).next("start over", restart)
}

/// What the hubs' own accounts say better has codes of its own.
fn unwell(view: &View<'_>, process: &Process) -> Option<Problem> {
    let unhealthy = process.health.status == HealthStatus::Unhealthy;
    let told_elsewhere = match process.name.as_str() {
        "EVENT_ROUTER" => view.router.as_ref().is_some_and(|r| !r.troubles.is_empty()),
        "coordinator" => view.coordinator.as_ref().is_some_and(|c| c.outbox_refused > 0 || c.outbox > MAX_OUTBOX),
        _ => false,
    };
    if told_elsewhere && !unhealthy {
        return None;
    }
    let severity = if unhealthy { Severity::Broken } else { Severity::Degraded };
    let how = if unhealthy { "does not work" } else { "is degraded" };
    let problem = match process.health.message.as_str() {
        "" => {
            Problem::new(Code::DaemonDegraded, subject(process), format!("{} {how} and does not say why", process.name))
        }
        // What is missing comes first in the message, and is the news.
        said => Problem::told(Code::DaemonDegraded, subject(process), &format!("{} {how}", process.name), said),
    };
    Some(problem.severity(severity).next("its log", log_of(process)))
}

/// The coordinator's unit.
pub fn is_coordinator_up(view: &View<'_>) -> bool {
    view.facts.unit(COORDINATOR).is_some_and(UnitView::is_active)
}
