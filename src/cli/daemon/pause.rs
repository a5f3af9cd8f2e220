//! `ringrift daemon pause`.
use super::select::Select;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, control};
use clap::Args;

/// Pause daemons: they get no ticks and no events until resumed, even after a restart, but still answer calls.
#[derive(Debug, Args)]
pub struct Pause {
    #[command(flatten)]
    select: Select,
    /// Reason, shown with the daemon's state
    #[arg(short, long, default_value = "paused by an operator")]
    reason: String,
}

impl Pause {
    /// Asks the master.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.built(out)?;
        control::pause(world, out, &daemons, Some(&self.reason))
    }
}
