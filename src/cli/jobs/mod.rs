//! `ringrift jobs`: what waits, runs and ended.
mod cancel;
mod list;
mod logs;
mod show;
mod submit;

use super::out::Out;
use super::world::World;
use super::{Done, durations, limits, order, queue, tasks};
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
    /// The queue: what waits and why; hold it back for a while
    Queue(queue::Queue),
    /// What waits, in the order in which it gets slots, and why
    Order(order::Order),
    /// Limits by type and the rates of admission
    Limits(limits::Limits),
    /// How long jobs take, when running ones end, when there is room
    Durations(durations::Durations),
    /// Slots that are taken, by whom
    Slots(tasks::Tasks),
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
            Jobs::Queue(verb) => verb.run(world, out),
            Jobs::Order(verb) => verb.run(world, out),
            Jobs::Limits(verb) => verb.run(world, out),
            Jobs::Durations(verb) => verb.run(world, out),
            Jobs::Slots(verb) => verb.run(world, out),
        }
    }
}
