//! `ringrift config reload`.
use crate::cli::Done;
use crate::cli::control::Master;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::contract::error::Exit;
use clap::Args;

/// Check everything, then reload the master once; systemd hands the reload on to every daemon.
#[derive(Debug, Args)]
pub struct Reload {}

impl Reload {
    /// Reloads, unless something is wrong.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let loaded = world.config()?;
        for warning in &loaded.warnings {
            out.aside(Tone::Warn, "warning:", &warning.to_string());
        }
        Master::connect(world, "reloading the configuration")?.reload()?;
        out.either("reloaded", &true, || {
            format!("{}\n", out.paint(Tone::Good, "the configuration is being taken over; `ringrift status` shows it"))
        })?;
        Ok(Exit::Ok)
    }
}
