//! `ringrift safeguards`: resource limits, circuit breakers, and closing a breaker by hand.
mod reset;
mod status;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::{Args, Subcommand};

/// Show resource limits and circuit breakers, what they block and why.
#[derive(Debug, Args)]
pub struct Safeguards {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show limits, breakers and back-pressure (the default)
    Status,
    /// Close breakers by hand
    Reset(reset::Reset),
}

impl Safeguards {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self.verb {
            None | Some(Verb::Status) => status::run(world, out),
            Some(Verb::Reset(verb)) => verb.run(world, out),
        }
    }
}
