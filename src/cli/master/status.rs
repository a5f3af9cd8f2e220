//! `ringrift master status`: how well the master is; `check_health` of the earlier implementation.
use crate::cli::Done;
use crate::cli::control::explain;
use crate::cli::look::MASTER;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::contract::error::Exit;
use crate::contract::master::MasterHealth;
use crate::platform::commander::{CommandError, Commander};
use clap::Args;
use serde_json::json;

/// Show the loop's health. Exits with 3 when it does not run, with 1 when it is not healthy.
#[derive(Debug, Args)]
pub struct Status {}

impl Status {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let commander = Commander::connect().map_err(|e| explain("asking the master", e))?;
        match commander.health() {
            Ok(health) => {
                let drift = commander.drift().unwrap_or_default();
                let value = json!({ "running": true, "health": health, "drift": drift });
                out.either("master", &value, || page(&health, &drift, out))?;
                Ok(if health.healthy { Exit::Ok } else { Exit::Failure })
            }
            Err(CommandError::NoMaster) => {
                let unit = world.unit(MASTER).ok().flatten();
                let state = unit.as_ref().map_or("not installed", |u| u.active_state.as_str());
                let value = json!({ "running": false, "unit": MASTER, "active_state": state });
                out.either("master", &value, || {
                    format!(
                        "{} Master loop is NOT running ({MASTER} is {state})\n  → systemctl start \
                            ringrift-master.target\n",
                        out.paint(Tone::Dim, "○")
                    )
                })?;
                Ok(Exit::NotRunning)
            }
            Err(error) => Err(explain("asking the master for its health", error)),
        }
    }
}

fn page(health: &MasterHealth, drift: &serde_json::Map<String, serde_json::Value>, out: &Out) -> String {
    let (tone, word) = if health.healthy { (Tone::Good, "healthy") } else { (Tone::Warn, "not healthy") };
    let mut page =
        format!("{} {} {}\n", out.paint(tone, "●"), out.paint(Tone::Bold, "master loop:"), out.paint(tone, word));
    page += &format!(
        "  Loop iteration: {}\n  Last beat: {:.1} seconds ago\n  Profile: {}\n",
        health.loop_iteration, health.age_seconds, health.profile
    );
    for problem in &health.problems {
        page += &format!("  {} {problem}\n", out.paint(Tone::Bad, "!"));
    }
    let details = drift.get("details").and_then(|d| d.as_array()).cloned().unwrap_or_default();
    for detail in details.iter().filter_map(|d| d.as_str()) {
        page += &format!("  {} {detail}\n", out.paint(Tone::Warn, "drift:"));
    }
    page
}
