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
    /// The last events, and with -f those that come
    Tail(tail::Tail),
    /// Publish an event
    Emit(emit::Emit),
    /// One event in full
    Show(show::Show),
    /// A stretch of the log
    Replay(replay::Replay),
    /// The router's figures
    Stats(stats::Stats),
    /// Subscriptions: what they want and how far they are
    Subscribers(subscribers::Subscribers),
    /// Forget subscriptions that will not return
    Retire(retire::Retire),
    /// Dead letters: events whose handler failed for good
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
