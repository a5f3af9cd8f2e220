//! What a daemon's state is, from what systemd, its own report, the control file and the profile say. Pure.
use crate::contract::health::{Health, HealthStatus, Idle, State, StatusFile};
use crate::contract::host::{UnitView, is_active};
use crate::contract::master::Control;
use crate::contract::registry::{DaemonSpec, Stage};
use crate::contract::time::{Span, Wall};

/// The configuration's exit code; systemd does not restart on it.
const EXIT_CONFIG: i32 = 78;
/// A database of a newer version, and one of another user; systemd does not restart on them either.
const EXIT_DATA: i32 = 65;
const EXIT_OWNER: i32 = 77;
/// A daemon that shall run may be on its way for so long before it counts as held up.
const START_GRACE: Span = Span::of_secs(10);
/// systemd's own codes for a process that it could not set up; 203: the program cannot be executed.
const EXIT_SETUP: std::ops::RangeInclusive<i32> = 200..=243;
const EXIT_EXEC: i32 = 203;

/// What is known about a daemon at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Its entry; for an alias the caller resolves first.
    pub spec: &'a DaemonSpec,
    /// Its unit; nothing when systemd does not know the name.
    pub unit: Option<&'a UnitView>,
    /// What it last said about itself.
    pub report: Option<&'a StatusFile>,
    /// It has said something, which cannot be read.
    pub torn: bool,
    /// Its control file.
    pub control: Option<&'a Control>,
    /// The applied profile wants it running.
    pub desired: bool,
    /// Why the master holds its start back, if it does.
    pub held: Option<&'a str>,
    /// When it was first seen waiting, microseconds since 1970.
    pub blocked_since: Option<Wall>,
    /// Now, microseconds since 1970.
    pub now: Wall,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The state, as users see it.
    pub state: State,
    /// Why, for people; empty when there is nothing to say.
    pub reason: String,
    /// Its health; unknown unless a fresh report says otherwise.
    pub health: Health,
    /// Why it has no work, by a report of this run.
    pub idle: Option<Idle>,
}

/// Decides.
pub fn assess(facts: &Facts<'_>) -> Assessment {
    let (state, reason) = state(facts);
    Assessment { state, reason, health: health(facts, state), idle: idle(facts, state) }
}

fn state(f: &Facts<'_>) -> (State, String) {
    match f.spec.stage {
        Stage::Planned => return (State::Planned, "planned, not built yet".into()),
        Stage::Alias { of, .. } => return (State::Planned, format!("alias of {}", of.name())),
        Stage::Built => {}
    }
    let Some(unit) = f.unit else { return (State::CannotStart, no_file(f)) };
    match unit.load_state.as_str() {
        "loaded" | "merged" | "stub" => {}
        "not-found" | "" => return (State::CannotStart, no_file(f)),
        "masked" => return (State::CannotStart, format!("masked; undo it with `systemctl unmask {}`", unit.name)),
        other => {
            return (State::CannotStart, format!("unusable unit file ({other}); see `systemctl status {}`", unit.name));
        }
    }
    match unit.active_state.as_str() {
        "failed" => failed(unit),
        "activating" if unit.is_backing_off() => (State::Initializing, backing_off(unit)),
        "activating" | "inactive" | "maintenance" if unit.start_queued => (State::Blocked, blocked(f, unit)),
        "activating" => (State::Initializing, unit.status_text.clone().unwrap_or_default()),
        "deactivating" => (State::ShuttingDown, unit.status_text.clone().unwrap_or_default()),
        state if is_active(state) => running(f, unit),
        _ => inactive(f, unit),
    }
}

fn no_file(f: &Facts<'_>) -> String {
    format!("no unit file {}; reinstall the package", f.spec.daemon.unit())
}

fn failed(unit: &UnitView) -> (State, String) {
    let result = unit.result.as_deref().unwrap_or("unknown");
    // A process that drained well before its unit failed says nothing about the failure.
    let said = unit.status_text.as_deref().filter(|t| !t.starts_with("STOPPED (healthy)"));
    let said = said.map(|t| format!(": {t}")).unwrap_or_default();
    match unit.exit_status.filter(|_| result == "exit-code") {
        Some(EXIT_CONFIG) => {
            (State::CannotStart, format!("invalid configuration{said}; `ringrift config check` names the key"))
        }
        Some(EXIT_DATA) => {
            (State::CannotStart, format!("its data was written by a newer version{said}; install that version"))
        }
        Some(EXIT_OWNER) => (
            State::CannotStart,
            format!("its files belong to another user{said}; `ringrift daemon logs` shows the command to run"),
        ),
        Some(EXIT_EXEC) => (State::CannotStart, format!("its program cannot be executed{said}; reinstall the package")),
        Some(code) if EXIT_SETUP.contains(&code) => (
            State::CannotStart,
            format!("systemd could not set it up (exit {code}){said}; see `systemctl status {}`", unit.name),
        ),
        code => {
            let code = code
                .map_or_else(String::new, |c| if c == 0 { " of a control process".into() } else { format!(" {c}") });
            let restarts = Some(unit.restarts_made()).filter(|n| *n > 0).map(|n| format!(" after {n} restarts"));
            (State::Failed, format!("{result}{code}{}{said}", restarts.unwrap_or_default()))
        }
    }
}

fn backing_off(unit: &UnitView) -> String {
    let result = unit.result.as_deref().unwrap_or("failure");
    format!("waiting for restart {} after {result}", unit.restarts.unwrap_or(0).saturating_add(1))
}

fn blocked(f: &Facts<'_>, unit: &UnitView) -> String {
    let whom = if unit.waiting_for.is_empty() { "systemd's queue".to_owned() } else { unit.waiting_for.join(", ") };
    match f.blocked_since {
        Some(since) => format!("waiting for {whom} for {} s", (f.now - since).max(Span::ZERO).secs()),
        None => format!("waiting for {whom}"),
    }
}

fn running(f: &Facts<'_>, unit: &UnitView) -> (State, String) {
    if let Some(control) = f.control.filter(|c| c.paused) {
        let who = if control.who.is_empty() { String::new() } else { format!(" (by {})", control.who) };
        return (State::Paused, format!("{}{who}", control.reason));
    }
    if let Some(age) = stale(f, unit) {
        let why = match f.report {
            Some(report) => format!("last report {age} s ago (valid for {} s)", report.valid_for),
            None => format!("no report since its start {age} s ago"),
        };
        return (State::Stale, why);
    }
    match f.report.filter(|r| is_of_this_run(r, unit)) {
        Some(report) if report.state == State::Paused => (State::Paused, report.health.message.clone()),
        _ => (State::Running, String::new()),
    }
}

fn inactive(f: &Facts<'_>, unit: &UnitView) -> (State, String) {
    let ran = unit.since_us.is_some();
    match (f.desired, f.held) {
        (true, Some(why)) => (State::Blocked, why.to_owned()),
        // The master has only just begun.
        (true, None) if !ran && f.blocked_since.is_some_and(|since| f.now - since < START_GRACE) => {
            (State::Initializing, "will be started".into())
        }
        (true, None) if !ran => (State::Blocked, "in the applied profile, not started yet".into()),
        (false, _) if !ran => (State::NeverRan, String::new()),
        (true, None) => (State::Stopped, "in the applied profile, but not running".into()),
        (false, _) => (State::Stopped, String::new()),
    }
}

/// A process that runs has reported after so many seconds.
const FIRST_REPORT: i64 = 30;
/// A process reports just before it is ready, so its first report is a little older than the unit's change to active.
const READY_LAG: Span = Span::of_secs(2);

/// A report from before this start says nothing about this run.
fn is_of_this_run(report: &StatusFile, unit: &UnitView) -> bool {
    unit.since_us.is_none_or(|since| Wall::of_us(report.time_us) >= Wall::of_us(since) - READY_LAG)
}

/// Seconds since the last word of this run, if that is longer than its report is valid; without any report, since its
/// start.
fn stale(f: &Facts<'_>, unit: &UnitView) -> Option<i64> {
    let Some(report) = f.report else {
        let age = (f.now - Wall::of_us(unit.since_us?)).secs();
        return (age > FIRST_REPORT && !f.torn).then_some(age);
    };
    let last = report.time_us.max(unit.since_us.unwrap_or(report.time_us));
    let age = (f.now - Wall::of_us(last)).secs();
    (age > i64::from(report.valid_for)).then_some(age)
}

fn health(f: &Facts<'_>, state: State) -> Health {
    let unknown =
        |why: &str| Health { status: HealthStatus::Unknown, message: why.into(), details: Default::default() };
    match (state, f.report, f.unit) {
        (State::Running | State::Paused, Some(report), Some(unit)) if is_of_this_run(report, unit) => {
            report.health.clone()
        }
        (State::Running | State::Paused, _, _) => unknown("no report yet"),
        (State::Stale, _, _) => unknown("last report too old"),
        (State::Failed, _, _) => Health::unhealthy("failed"),
        (State::CannotStart, _, _) => Health::unhealthy("cannot start"),
        _ => unknown("not running"),
    }
}

fn idle(f: &Facts<'_>, state: State) -> Option<Idle> {
    let (report, unit) = (f.report?, f.unit?);
    (matches!(state, State::Running | State::Paused) && is_of_this_run(report, unit)).then(|| report.idle.clone())?
}

#[cfg(test)]
mod tests;
