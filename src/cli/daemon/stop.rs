//! `ringrift daemon stop`.
use super::select::Select;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, control};
use clap::Args;

/// Stop daemons; each has 30 seconds to finish. The master does not start them again until asked.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    select: Select,
}

impl Stop {
    /// Asks the master, or systemd when there is no master, and prints what became of each.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.built(out)?;
        control::change(world, out, control::Change::Stop, &daemons)
    }
}
