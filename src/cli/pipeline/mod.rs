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
    /// Show the stage of each configuration and its data
    Show(show::Show),
    /// Show the delay between the end of a stage and the start of the next
    Timing(timing::Timing),
    /// Follow the training cycle, one line per stage
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
