//! `ringrift profile undo`.
use super::apply::{How, carry_out};
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
    #[command(flatten)]
    how: How,
}

impl Undo {
    /// Asks the master and prints what was done.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let (how, master) = (self.how, Master::connect(world, "undoing a profile")?);
        if how.dry_run {
            let plan = master.undo(true)?;
            return out.either("plan", &plan, || render(&plan, Tense::Would, out));
        }
        consent::to_stop(how.yes, || Ok(master.undo(true)?.stop))?;
        carry_out(world, out, how.no_wait, || master.undo(false))
    }
}
