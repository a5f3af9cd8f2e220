//! `ringrift events`: the event log.
mod dlq;
mod emit;
mod filter;
mod line;
mod replay;
mod retire;
mod show;
mod stats;
mod subscribers;
mod tail;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// The event log.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Show the last events; -f follows new ones
    Tail(tail::Tail),
    /// Publish an event
    Emit(emit::Emit),
    /// Show one event in full
    Show(show::Show),
    /// Print a range of the log
    Replay(replay::Replay),
    /// Show the router's statistics
    Stats(stats::Stats),
    /// List subscriptions with cursor and lag
    Subscribers(subscribers::Subscribers),
    /// Delete subscriptions that will not come back
    Retire(retire::Retire),
    /// Dead letters: events that could not be handled
    #[command(subcommand)]
    Dlq(dlq::Dlq),
}

impl Events {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Events::Tail(verb) => verb.run(world, out),
            Events::Emit(verb) => verb.run(world, out),
            Events::Show(verb) => verb.run(world, out),
            Events::Replay(verb) => verb.run(world, out),
            Events::Stats(verb) => verb.run(world, out),
            Events::Subscribers(verb) => verb.run(world, out),
            Events::Retire(verb) => verb.run(world, out),
            Events::Dlq(verb) => verb.run(world, out),
        }
    }
}
