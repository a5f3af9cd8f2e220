//! `ringrift profile diff`.
use super::plan::{Tense, find, render};
use crate::cli::Done;
use crate::cli::look::Seen;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::contract::error::Failure;
use crate::contract::master::Plan;
use crate::contract::registry::Profile;
use crate::coordination::plan::plan;
use clap::Args;

/// Show what applying a profile would start and stop. Changes nothing and needs no master.
#[derive(Debug, Args)]
pub struct Diff {
    /// The profile
    profile: String,
}

/// The plan, from the units as they are and the configuration as it is.
pub fn plan_now(world: &World, profile: Profile) -> Result<Plan, Failure> {
    let config = world.config()?.config;
    Ok(plan(profile, &config, &Seen::look(world)?.units))
}

impl Diff {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let plan = plan_now(world, find(&self.profile)?)?;
        out.either("plan", &plan, || render(&plan, Tense::Would, out))
    }
}
