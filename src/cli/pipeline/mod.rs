//! `ringrift pipeline`: where the training cycle stands and how quickly its stages follow each other.
mod show;
mod timing;
mod watch;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// The training cycle.
#[derive(Debug, Subcommand)]
pub enum Pipeline {
    /// Where each configuration stands, and what it has
    Show(show::Show),
    /// How long the next stage takes to start after a stage's end
    Timing(timing::Timing),
    /// The loop as it turns, one line a stage
    Watch(watch::Watch),
}

impl Pipeline {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Pipeline::Show(show) => show.run(world, out),
            Pipeline::Timing(timing) => timing.run(world, out),
            Pipeline::Watch(watch) => watch.run(world, out),
        }
    }
}
