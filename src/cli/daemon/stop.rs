//! `ringrift daemon stop`.
use super::select::Select;
use crate::cli::look::Seen;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, consent, control};
use clap::Args;

/// Stop daemons; each has 30 seconds to finish. The master does not start them again until asked.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    select: Select,
    /// Do not ask before a category or all are stopped
    #[arg(short, long)]
    yes: bool,
}

impl Stop {
    /// Asks the master, or systemd when there is no master, and prints what became of each.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.built(out)?;
        if !self.select.is_by_name() {
            consent::to_stop(self.yes, || {
                let seen = Seen::look(world)?;
                Ok(daemons.iter().filter(|d| seen.daemon(**d).is_up()).map(|d| d.name().to_owned()).collect())
            })?;
        }
        control::change(world, out, control::Change::Stop, &daemons)
    }
}
