//! `ringrift master`: whether the master runs and is healthy.
mod ensure;
mod is_running;
mod status;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// The master.
#[derive(Debug, Subcommand)]
pub enum Master {
    /// Exit with 0 if the master runs, else with 3
    IsRunning(is_running::IsRunning),
    /// Fail or warn if the master does not run
    Ensure(ensure::Ensure),
    /// Show the master's health: iteration, last heartbeat, drift
    Status(status::Status),
}

impl Master {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Master::IsRunning(verb) => verb.run(world, out),
            Master::Ensure(verb) => verb.run(world, out),
            Master::Status(verb) => verb.run(world, out),
        }
    }
}
