//! `ringrift emergency`: stop everything at once, and clear the halt by hand.
mod halt;
mod page;
mod sync;

use super::Done;
use super::hub;
use super::out::{Out, Tone};
use super::world::World;
use crate::contract::coordinator::EmergencyView;
use crate::contract::coordinator::method;
use crate::contract::error::{Exit, Failure};
use crate::contract::paths;
use crate::contract::registry::Hub;
use crate::platform::flags;
use clap::Subcommand;
use page::page;
use serde_json::json;
use std::path::Path;

/// The emergency halt.
#[derive(Debug, Subcommand)]
pub enum Emergency {
    /// Kill every job and start no more; persists across restarts and reboots
    Halt(halt::Halt),
    /// End the halt
    Clear,
    /// Show whether a halt is in effect, since when, by whom and why
    Status,
    /// Report the flag files to the coordinator (run by the path unit's service)
    #[command(hide = true)]
    Sync,
}

impl Emergency {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Emergency::Halt(verb) => verb.run(world, out),
            Emergency::Clear => clear(world, out),
            Emergency::Status => status(world, out),
            Emergency::Sync => sync::run(world),
        }
    }
}

fn clear(world: &World, out: &Out) -> Done {
    // The flag of legacy scripts would halt again; only who made it, or root, can remove it.
    let legacy = Path::new(paths::LEGACY_HALT);
    if legacy.exists() {
        std::fs::remove_file(legacy).map_err(|e| {
            Failure::new(Exit::NotPermitted, format!("removing {}", legacy.display()))
                .hint("run it as root; the file would halt the suite again")
                .caused_by(e)
        })?;
    }
    // One that root made by hand is not the coordinator's to remove; where we may not either, the coordinator says so.
    drop(std::fs::remove_file(world.run.join("EMERGENCY_HALT")));
    let done = hub::reach(world, Hub::Coordinator)?.ask(method::Clear, &json!({}))?;
    // Removing a flag may have cleared it a moment before, and one that is left halts again: what counts is that there
    // is no halt.
    let now = hub::reach(world, Hub::Coordinator)?.ask(method::Safeguards, &json!({}))?;
    if now.emergency.halted {
        return Err(Failure::new(
            Exit::Failure,
            format!("halted again by {}: {}", now.emergency.by, now.emergency.reason),
        )
        .hint("remove that flag, as root if it is not yours, and clear again"));
    }
    out.either("emergency", &json!({ "cleared": true, "by_this_call": done.accepted }), || {
        format!("{} emergency halt cleared: jobs start again\n", out.paint(Tone::Good, "●"))
    })
}

fn status(world: &World, out: &Out) -> Done {
    let view = match hub::ask(world, Hub::Coordinator).and_then(|mut c| c.ask(method::Safeguards, &json!({}))) {
        Ok(safeguards) => safeguards.emergency,
        // The coordinator is away: the flag still tells.
        Err(why) => match flags::text(&world.run.join("EMERGENCY_HALT")).ok().flatten() {
            Some(text) => EmergencyView {
                halted: true,
                reason: text.lines().next().unwrap_or_default().into(),
                ..EmergencyView::default()
            },
            None => return Err(why),
        },
    };
    out.either("emergency", &view, || page(&view, world, out))?;
    Ok(if view.halted { Exit::NotRunning } else { Exit::Ok })
}
