//! `ringrift safeguards`: gates, breakers, and closing a breaker by hand.
mod reset;
mod status;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::{Args, Subcommand};

/// Gates and breakers: what they bar and why.
#[derive(Debug, Args)]
pub struct Safeguards {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Gates, breakers and back-pressure (the same as no verb)
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
