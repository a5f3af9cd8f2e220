//! `ringrift config reload`.
use crate::cli::control::Master;
use crate::cli::look::Seen;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, settle, text};
use crate::contract::error::Exit;
use crate::contract::health::{CONFIG_READ, CONFIG_REFUSED, State};
use crate::contract::registry::{DaemonType, built};
use crate::platform::clock::now_us;
use clap::Args;
use serde_json::json;
use std::time::Duration;

/// Longest wait for the daemons; one may be in the middle of a long handler.
const PATIENCE: Duration = Duration::from_secs(30);

/// Check everything, then reload the master and every daemon once, and say which of them have taken it over.
#[derive(Debug, Args)]
pub struct Reload {}

/// What the daemons that run have made of the new configuration.
#[derive(Default)]
struct Outcome {
    taken: Vec<&'static str>,
    refused: Vec<&'static str>,
    silent: Vec<&'static str>,
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
        let all = settle::until(PATIENCE, || look(world, begun).filter(|o| o.silent.is_empty()));
        let outcome = all.or_else(|| look(world, begun)).unwrap_or_default();
        let count = outcome.taken.len() + outcome.refused.len() + outcome.silent.len();
        let value = json!({ "master": true, "daemons": outcome.taken, "refused": outcome.refused, "silent": outcome.silent });
        out.either("reloaded", &value, || {
            let mut page =
                format!("configuration reloaded by the master and {} of {}\n", outcome.taken.len(), text::count(count, "daemon"));
            for (names, what) in [(&outcome.refused, "refused it"), (&outcome.silent, "did not answer yet")] {
                if !names.is_empty() {
                    page += &format!("{} {what}: {}\n", out.paint(Tone::Warn, "!"), names.join(", "));
                }
            }
            page
        })?;
        Ok(if outcome.refused.is_empty() && outcome.silent.is_empty() { Exit::Ok } else { Exit::Failure })
    }
}

/// The hubs show other figures in their snapshots; they are reloaded with the master.
fn is_plain(daemon: DaemonType) -> bool {
    daemon != DaemonType::EventRouter
}

fn look(world: &World, begun: i64) -> Option<Outcome> {
    let seen = Seen::look(world).ok()?;
    let mut outcome = Outcome::default();
    for daemon in built().map(|s| s.daemon).filter(|d| is_plain(*d)) {
        let row = seen.daemon(world, daemon);
        if !matches!(row.state, State::Running | State::Paused | State::Stale) {
            continue;
        }
        let said = world.report(&daemon.kebab()).map(|r| r.snapshot).unwrap_or_default();
        let read = said.get(CONFIG_READ).and_then(serde_json::Value::as_i64).is_some_and(|at| at >= begun);
        let refused = said.get(CONFIG_REFUSED).and_then(serde_json::Value::as_bool).unwrap_or(false);
        match (read, refused) {
            (true, false) => outcome.taken.push(daemon.name()),
            (true, true) => outcome.refused.push(daemon.name()),
            (false, _) => outcome.silent.push(daemon.name()),
        }
    }
    Some(outcome)
}
