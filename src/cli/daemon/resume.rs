//! `ringrift daemon resume`.
use super::select::Select;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, control};
use clap::Args;

/// Resume paused daemons. They first handle the events that arrived in the meantime.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    select: Select,
}

impl Resume {
    /// Asks the master.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.built(out)?;
        control::pause(world, out, &daemons, None)
    }
}
