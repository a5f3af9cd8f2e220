//! `ringrift daemon`: look at daemons, start, stop, pause them, read their logs.
mod list;
mod logs;
mod pause;
mod restart;
mod resume;
mod select;
mod start;
mod status;
mod stop;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// Daemons.
#[derive(Debug, Subcommand)]
pub enum Daemon {
    /// Every daemon and its state, one a line
    List(list::List),
    /// Start daemons
    Start(start::Start),
    /// Stop daemons
    Stop(stop::Stop),
    /// Restart daemons
    Restart(restart::Restart),
    /// Let daemons finish what they do and then rest; kept over restarts
    Pause(pause::Pause),
    /// Let paused daemons go on
    Resume(resume::Resume),
    /// Everything known about daemons
    Status(status::Status),
    /// The journal of daemons
    Logs(logs::Logs),
}

impl Daemon {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Daemon::List(verb) => verb.run(world, out),
            Daemon::Start(verb) => verb.run(world, out),
            Daemon::Stop(verb) => verb.run(world, out),
            Daemon::Restart(verb) => verb.run(world, out),
            Daemon::Pause(verb) => verb.run(world, out),
            Daemon::Resume(verb) => verb.run(world, out),
            Daemon::Status(verb) => verb.run(world, out),
            Daemon::Logs(verb) => verb.run(world, out),
        }
    }
}
