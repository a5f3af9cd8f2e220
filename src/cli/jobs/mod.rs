//! `ringrift jobs`: what waits, runs and ended.
mod cancel;
mod list;
mod logs;
mod show;
mod submit;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// Jobs.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// What waits and runs, and with --all what ended
    List(list::List),
    /// One job in full
    Show(show::Show),
    /// The journal of a job
    Logs(logs::Logs),
    /// Run one job by hand
    Submit(submit::Submit),
    /// Withdraw a job; a running one is stopped
    Cancel(cancel::Cancel),
}

impl Jobs {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Jobs::List(verb) => verb.run(world, out),
            Jobs::Show(verb) => verb.run(world, out),
            Jobs::Logs(verb) => verb.run(world, out),
            Jobs::Submit(verb) => verb.run(world, out),
            Jobs::Cancel(verb) => verb.run(world, out),
        }
    }
}
