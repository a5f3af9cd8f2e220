//! Changes go through the master over D-Bus; daemons can also be started and stopped without it, through systemd.
use super::Done;
use super::bar::Bar;
use super::look::Seen;
use super::out::{Out, Text, Tone};
use super::settle::{self, TargetState};
use super::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::master::Plan;
use crate::contract::registry::{DaemonType, Profile, closure, stop_order};
use crate::coordination::plan;
use crate::master::guard;
use crate::platform::commander::{CommandError, Commander, Outcome};
use crate::platform::interrupt;
use serde_json::json;

/// A change of daemons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Start.
    Start,
    /// Stop.
    Stop,
    /// Restart.
    Restart,
}

impl Change {
    fn method(self) -> &'static str {
        match self {
            Change::Start => "StartDaemon",
            Change::Stop => "StopDaemon",
            Change::Restart => "RestartDaemon",
        }
    }
    /// The verb that undoes it.
    fn back(self) -> Option<&'static str> {
        match self {
            Change::Start => Some("stop"),
            Change::Stop => Some("start"),
            Change::Restart => None,
        }
    }
    fn done(self) -> &'static str {
        match self {
            Change::Start => "started",
            Change::Stop => "stopped",
            Change::Restart => "restarted",
        }
    }
}

/// The master on the bus.
pub struct Master(Commander);

/// An error in words that name the next step.
pub fn explain(doing: &str, error: CommandError) -> Failure {
    let message = doing.to_owned();
    match &error {
        CommandError::NoMaster => {
            Failure::new(Exit::NotRunning, format!("{doing} needs the master, which is not running"))
                .hint("systemctl start ringrift-master.target")
        }
        CommandError::NotPermitted(_) => Failure::new(Exit::NotPermitted, message)
            .hint("use sudo, or have an administrator add you to group ringrift-admin: `adduser USER ringrift-admin`")
            .caused_by(error),
        CommandError::Refused { name, .. } => {
            let exit = match name.as_str() {
                "InvalidConfig" => Exit::Config,
                "Unavailable" => Exit::TempFail,
                _ => Exit::Usage,
            };
            let hint = if exit == Exit::Config {
                "`ringrift config check` names file and line"
            } else {
                "`ringrift status` shows the suite"
            };
            Failure::new(exit, message).hint(hint).caused_by(error)
        }
        CommandError::Unreachable(_) => Failure::new(Exit::Unavailable, message)
            .hint("`systemctl status dbus ringrift-master` shows which one hangs")
            .caused_by(error),
    }
}

impl Master {
    /// The master, if there is one; `doing` is for the error.
    pub fn connect(_world: &World, doing: &str) -> Result<Master, Failure> {
        Commander::connect().map(Master).map_err(|e| explain(doing, e))
    }

    /// Applies a profile.
    pub fn apply(&self, profile: Profile) -> Result<Plan, Failure> {
        self.0.apply(profile.name()).map_err(|e| explain(&format!("applying profile {profile}"), e))
    }

    /// What applying a profile would change, by the configuration that the master has.
    pub fn plan(&self, profile: Profile) -> Result<Plan, Failure> {
        self.0.plan(profile.name()).map_err(|e| explain(&format!("planning profile {profile}"), e))
    }

    /// Goes back to what was wanted before the last profile was applied.
    pub fn undo(&self, dry_run: bool) -> Result<Plan, Failure> {
        self.0.undo(dry_run).map_err(|e| explain("undoing a profile", e))
    }

    /// Removes a notice that was read.
    pub fn confirm(&self, notice: &str) -> Result<(), Failure> {
        self.0.confirm(notice).map_err(|e| explain(&format!("confirming {notice}"), e))
    }

    /// Has everything take over the configuration.
    pub fn reload(&self) -> Result<(), Failure> {
        self.0.reload().map_err(|e| explain("reloading the configuration", e))
    }
}

/// Starts, stops or restarts daemons and prints what became of each. Exits with 1 when one of them failed.
pub fn change(world: &World, out: &Out, change: Change, daemons: &[DaemonType]) -> Done {
    let doing = format!("having daemons {}", change.done());
    let commander = Commander::connect().map_err(|e| explain(&doing, e))?;
    let names: Vec<String> = daemons.iter().map(|d| d.name().to_owned()).collect();
    // Before: what changes is told from what was so already.
    let before = change.back().and_then(|_| Seen::look(world).ok());
    interrupt::tell("What was asked for continues without this command, if it was taken; `ringrift status` shows it.");
    let asked = settle::meanwhile(|| commander.change(change.method(), &names), || watch(world, change, daemons));
    let outcomes = match asked {
        Err(CommandError::NoMaster) => alone(world, out, &commander, change, daemons).map_err(|e| match e {
            CommandError::NotPermitted(_) => {
                Failure::new(Exit::NotPermitted, format!("{doing} without a master needs root"))
                    .hint("use sudo, or start the suite: `sudo systemctl start ringrift-master.target`")
                    .caused_by(e)
            }
            other => explain(&doing, other),
        })?,
        answer => answer.map_err(|e| explain(&doing, e))?,
    };
    let was_so = |name: &str| match (&before, DaemonType::parse(name)) {
        (Some(seen), Ok(daemon)) => seen.daemon(daemon).is_up() == (change == Change::Start),
        _ => true,
    };
    let changed: Vec<&str> = outcomes
        .iter()
        .filter(|(name, result, _)| result == "done" && !was_so(name))
        .map(|(name, ..)| name.as_str())
        .collect();
    print(out, change.done(), change.back().map(|verb| (verb, changed)), &outcomes)
}

/// Shows how far a change is; returns what looks once more.
fn watch<'a>(world: &'a World, change: Change, daemons: &'a [DaemonType]) -> impl FnMut() + 'a {
    let bar = Bar::new("daemons");
    // A restart has no state that says that it is through.
    let shown = change != Change::Restart && bar.is_seen();
    let wish = if change == Change::Stop { TargetState::Down } else { TargetState::Up };
    move || {
        if shown && let Ok(seen) = Seen::look(world) {
            bar.at(daemons.iter().filter(|d| settle::is_met(&seen.daemon(**d), wish)).count(), daemons.len());
        }
    }
}

/// Without a master: through systemd, with a warning.
fn alone(
    world: &World,
    out: &Out,
    commander: &Commander,
    change: Change,
    daemons: &[DaemonType],
) -> Result<Vec<Outcome>, CommandError> {
    if change != Change::Stop && !guard::is_skipped() && !world.config().is_ok_and(|c| c.config.master.skip_check) {
        out.aside(Tone::Warn, "warning:", "[DaemonManager] Master loop is not running for daemon management.");
        out.aside(
            Tone::Warn,
            "warning:",
            "[DaemonManager] For full automation, use: systemctl start ringrift-master.target",
        );
    }
    let ordered = match change {
        Change::Stop => stop_order(daemons),
        Change::Start => closure(daemons).into_iter().filter(|d| d.spec().is_built()).collect(),
        Change::Restart => closure(daemons).into_iter().filter(|d| daemons.contains(d)).collect(),
    };
    let config = world.config().ok().map(|loaded| loaded.config);
    let refused = |d: &DaemonType| if change == Change::Stop { None } else { plan::refused(config.as_ref()?, *d) };
    let mut outcomes: Vec<Outcome> =
        // A dependency that the configuration keeps out was not asked for.
        daemons.iter().filter_map(|d| Some((d.name().to_owned(), "refused".to_owned(), refused(d)?))).collect();
    let units: Vec<String> = ordered.iter().filter(|d| refused(d).is_none()).map(|d| d.unit()).collect();
    let named = |unit: String| DaemonType::of_unit(&unit).map_or(unit, |d| d.name().to_owned());
    let done = commander.units(change.method(), &units)?;
    outcomes.extend(done.into_iter().map(|(unit, result, text)| (named(unit), result, text)));
    Ok(outcomes)
}

fn print(out: &Out, done: &str, back: Option<(&str, Vec<&str>)>, outcomes: &[Outcome]) -> Done {
    let fine = |result: &str| matches!(result, "done" | "skipped");
    let value: Vec<_> =
        outcomes.iter().map(|(name, result, text)| json!({ "daemon": name, "result": result, "text": text })).collect();
    out.either("daemons", &value, || {
        let rows = outcomes.iter().map(|(name, result, text)| {
            let (tone, word) = if fine(result) { (Tone::Good, done) } else { (Tone::Bad, result.as_str()) };
            let text = match (fine(result), text.is_empty()) {
                (false, true) => format!("ringrift daemon logs {name}"),
                _ => text.clone(),
            };
            vec![
                Text::new(tone, format!("{} {name}", if fine(result) { "●" } else { "×" })),
                Text::new(tone, word),
                Text::plain(text),
            ]
        });
        let mut page = out.table(&[], rows.collect());
        if let Some((back, changed)) = back.filter(|(_, changed)| !changed.is_empty()) {
            page += &out.paint(Tone::Dim, &format!("back: ringrift daemon {back} {}\n", changed.join(" ")));
        }
        page
    })?;
    Ok(if outcomes.iter().all(|(_, result, _)| fine(result)) { Exit::Ok } else { Exit::Failure })
}

/// Pauses daemons for a reason, or without one lets them continue. Needs the master: it keeps the pause over restarts.
pub fn pause(_world: &World, out: &Out, daemons: &[DaemonType], reason: Option<&str>) -> Done {
    let doing = if reason.is_some() { "pausing daemons" } else { "resuming daemons" };
    let commander = Commander::connect().map_err(|e| explain(doing, e))?;
    let mut outcomes = Vec::new();
    for daemon in daemons {
        let answer = match reason {
            Some(reason) => commander.pause(daemon.name(), reason),
            None => commander.resume(daemon.name()),
        };
        answer.map_err(|e| explain(doing, e))?;
        outcomes.push((daemon.name().to_owned(), "done".to_owned(), reason.unwrap_or_default().to_owned()));
    }
    let names = outcomes.iter().map(|(name, ..)| name.as_str()).collect();
    let back = reason.is_some().then_some(("resume", names));
    print(out, if reason.is_some() { "paused" } else { "resumed" }, back, &outcomes)
}
