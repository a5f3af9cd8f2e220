//! `ringrift config`: check, show, reload, confirm the clock.
mod check;
mod commands;
mod confirm_clock;
mod reload;
mod show;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check every file and variable; errors have file, line, column and key
    Check(check::Check),
    /// Show every key with its value and origin
    Show(show::Show),
    /// Check the configuration, then reload all running processes
    Reload(reload::Reload),
    /// Confirm that the wall clock is right after it was set or the suite was down for days
    ConfirmClock(confirm_clock::ConfirmClock),
}

impl Config {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Config::Check(verb) => verb.run(world, out),
            Config::Show(verb) => verb.run(world, out),
            Config::Reload(verb) => verb.run(world, out),
            Config::ConfirmClock(verb) => verb.run(world, out),
        }
    }
}
