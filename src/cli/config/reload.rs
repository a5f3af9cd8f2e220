//! `ringrift config reload`.
use crate::cli::control::Master;
use crate::cli::look::Seen;
use crate::cli::out::{Out, Tone};
use crate::cli::units::{DROP_INS, drop_in_differences, drop_ins};
use crate::cli::world::World;
use crate::cli::{Done, settle};
use crate::contract::error::Exit;
use crate::contract::health::{State, StatusFile};
use crate::contract::registry::{DaemonType, built};
use crate::platform::clock::now_us;
use clap::Args;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Longest wait for the daemons; one may be in the middle of a long handler.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Check the configuration, then reload every process of the suite once and report which of them applied it.
///
/// Values that need a restart of a process or a new unit file are listed with the command to run.
#[derive(Debug, Args)]
pub struct Reload {}

/// What the processes that run have made of the new configuration.
#[derive(Default)]
struct Outcome {
    taken: Vec<&'static str>,
    refused: Vec<&'static str>,
    silent: Vec<&'static str>,
    /// Who takes which keys over at his next start only.
    waiting: Vec<(Process, Vec<String>)>,
}

/// A process that reads the configuration.
#[derive(Clone, Copy)]
enum Process {
    Master,
    Coordinator,
    Daemon(DaemonType),
}

impl Process {
    fn all() -> impl Iterator<Item = Process> {
        [Process::Master, Process::Coordinator].into_iter().chain(built().map(|s| Process::Daemon(s.daemon)))
    }
    fn name(self) -> &'static str {
        match self {
            Process::Master => "master",
            Process::Coordinator => "coordinator",
            Process::Daemon(daemon) => daemon.name(),
        }
    }
    fn report(self, world: &World) -> Option<StatusFile> {
        match self {
            Process::Daemon(daemon) => world.report(&daemon.kebab()),
            hub => world.report(hub.name()),
        }
    }
    /// How it starts over.
    fn restart(self) -> String {
        match self {
            Process::Master | Process::Coordinator => format!("systemctl restart ringrift-{}", self.name()),
            Process::Daemon(daemon) => format!("ringrift daemon restart {}", daemon.name()),
        }
    }
}

impl Reload {
    /// Reloads, unless something is wrong.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let loaded = world.config()?;
        for warning in &loaded.warnings {
            out.aside(Tone::Warn, "warning:", &warning.to_string());
        }
        let begun = now_us();
        Master::connect(world, "reloading the configuration")?.reload()?;
        let all = settle::until(RELOAD_TIMEOUT, || look(world, begun).filter(|o| o.silent.is_empty()));
        let outcome = all.or_else(|| look(world, begun)).unwrap_or_default();
        let units = drop_in_differences(Path::new(DROP_INS), &drop_ins(world)?);
        let value = json!({
            "taken": outcome.taken, "refused": outcome.refused, "silent": outcome.silent, "drop_ins": units.len(),
            "at_next_start": outcome.waiting.iter().map(|(who, keys)| json!({ "process": who.name(), "keys": keys })).collect::<Vec<_>>(),
        });
        out.either("reloaded", &value, || page(out, &outcome, units.is_empty()))?;
        Ok(if outcome.refused.is_empty() && outcome.silent.is_empty() { Exit::Ok } else { Exit::Failure })
    }
}

fn page(out: &Out, outcome: &Outcome, units_agree: bool) -> String {
    let count = outcome.taken.len() + outcome.refused.len() + outcome.silent.len();
    let mut page = format!("configuration reloaded by {} of {} processes\n", outcome.taken.len(), count);
    let mark = out.paint(Tone::Warn, "!");
    for (names, what) in [(&outcome.refused, "rejected it"), (&outcome.silent, "did not answer yet")] {
        if !names.is_empty() {
            page += &format!("{mark} {what}: {}\n", names.join(", "));
        }
    }
    for (who, keys) in &outcome.waiting {
        page += &format!("{mark} {} takes effect when {} restarts: {}\n", keys.join(", "), who.name(), who.restart());
    }
    if !units_agree {
        page += &format!(
            "{mark} the units' drop-ins do not match `runtime`: ringrift units generate --drop-ins --dest {DROP_INS}\n"
        );
        page += "  && systemctl daemon-reload\n";
    }
    page
}

fn look(world: &World, begun: i64) -> Option<Outcome> {
    let seen = Seen::look(world).ok()?;
    let mut outcome = Outcome::default();
    for process in Process::all() {
        if !matches!(seen.state(process.name()), Some(State::Running | State::Paused | State::Stale)) {
            continue;
        }
        let said = process.report(world).and_then(|r| r.config).unwrap_or_default();
        match (said.read_us >= begun, said.refused) {
            (true, false) => outcome.taken.push(process.name()),
            (true, true) => outcome.refused.push(process.name()),
            (false, _) => outcome.silent.push(process.name()),
        }
        if !said.at_next_start.is_empty() {
            outcome.waiting.push((process, said.at_next_start));
        }
    }
    Some(outcome)
}
