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
    /// List daemons and their states
    List(list::List),
    /// Start daemons
    Start(start::Start),
    /// Stop daemons
    Stop(stop::Stop),
    /// Restart daemons
    Restart(restart::Restart),
    /// Pause daemons after their current work; survives restarts
    Pause(pause::Pause),
    /// Resume paused daemons
    Resume(resume::Resume),
    /// Show daemons in detail
    Status(status::Status),
    /// Show the journal of daemons
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
