//! `ringrift profile apply`.
use crate::cli::control::Master;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, profile};
use clap::Args;

/// Apply a profile: the master starts what it has and stops what it has not, and keeps it over reboots.
#[derive(Debug, Args)]
pub struct Apply {
    /// The profile
    profile: String,
    /// Only say what would happen
    #[arg(short = 'n', long)]
    dry_run: bool,
}

impl Apply {
    /// Applies it and prints what was done.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let wanted = profile::find(&self.profile)?;
        if self.dry_run {
            let plan = profile::diff::plan_now(world, wanted)?;
            return out.either("plan", &plan, || profile::render(&plan, out));
        }
        let plan = Master::connect(world, "applying a profile")?.apply(wanted)?;
        out.either("applied", &plan, || profile::render(&plan, out))
    }
}
