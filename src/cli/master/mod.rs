//! `ringrift master`: is the master loop there, and is it well.
mod ensure;
mod is_running;
mod status;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// The master loop.
#[derive(Debug, Subcommand)]
pub enum Master {
    /// Exit with 0 when the master runs, with 3 when it does not
    IsRunning(is_running::IsRunning),
    /// Fail, or only warn, when an operation needs the master and it does not run
    Ensure(ensure::Ensure),
    /// The loop's health: iteration, age of the last beat, drift
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
