//! `ringrift jobs`: queued, running and finished jobs.
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
    /// List queued and running jobs; --all includes finished ones
    List(list::List),
    /// Show one job in full
    Show(show::Show),
    /// Show the journal of a job
    Logs(logs::Logs),
    /// Submit one job by hand
    Submit(submit::Submit),
    /// Cancel jobs; running ones are stopped
    Cancel(cancel::Cancel),
    /// Show queued jobs and why they are queued; pause and resume the queue
    Queue(queue::Queue),
    /// Show queued jobs in the order in which they get slots
    Order(order::Order),
    /// Show limits by type and rate limits
    Limits(limits::Limits),
    /// Show durations, expected ends and when slots become free
    Durations(durations::Durations),
    /// Show used slots and who holds them
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
