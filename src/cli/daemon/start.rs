//! `ringrift daemon start`.
use super::select::Select;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, control};
use clap::Args;

/// Start daemons and their dependencies. Without a master, systemd starts them directly.
#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    select: Select,
}

impl Start {
    /// Asks the master, or systemd when there is no master, and prints what became of each.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.built(out)?;
        control::change(world, out, control::Change::Start, &daemons)
    }
}
