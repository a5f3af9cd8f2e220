//! `ringrift profile undo`.
use super::apply::carry_out;
use super::plan::{Tense, render};
use crate::cli::control::Master;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, consent};
use clap::Args;

/// Go back to what ran before the last `profile apply`: that profile, with the daemons that were started or stopped by
/// hand. Undone twice, the profile is applied again.
#[derive(Debug, Args)]
pub struct Undo {
    /// Only print what would change
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not wait until the daemons have started and stopped
    #[arg(long)]
    no_wait: bool,
    /// Do not ask before several daemons are stopped
    #[arg(short, long)]
    yes: bool,
}

impl Undo {
    /// Asks the master and prints what was done.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let master = Master::connect(world, "undoing a profile")?;
        if self.dry_run {
            let plan = master.undo(true)?;
            return out.either("plan", &plan, || render(&plan, Tense::Would, out));
        }
        consent::to_stop(self.yes, || Ok(master.undo(true)?.stop))?;
        carry_out(world, out, self.no_wait, || master.undo(false))
    }
}
