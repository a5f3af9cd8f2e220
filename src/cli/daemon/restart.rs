//! `ringrift daemon restart`.
use super::select::Select;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, control};
use clap::Args;

/// Restart daemons, including failed ones, and reset their restart counters. With --category or --all: daemons that the
/// profile or an operator wants, and daemons that run.
#[derive(Debug, Args)]
pub struct Restart {
    #[command(flatten)]
    select: Select,
}

impl Restart {
    /// Asks the master, or systemd when there is no master, and prints what became of each.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.wanted(world, out)?;
        control::change(world, out, control::Change::Restart, &daemons)
    }
}
