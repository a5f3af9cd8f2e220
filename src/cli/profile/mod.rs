//! `ringrift profile`: which daemons this node runs.
mod apply;
mod diff;
mod list;
mod plan;
mod show;
mod undo;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// Profiles.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// List profiles; the applied one is marked
    List(list::List),
    /// Show the members of a profile and their states
    Show(show::Show),
    /// Show what applying a profile would start and stop
    Diff(diff::Diff),
    /// Apply a profile: start its members, stop all other daemons
    Apply(apply::Apply),
    /// Go back to what ran before the last apply
    Undo(undo::Undo),
}

impl Profile {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Profile::List(verb) => verb.run(world, out),
            Profile::Show(verb) => verb.run(world, out),
            Profile::Diff(verb) => verb.run(world, out),
            Profile::Apply(verb) => verb.run(world, out),
            Profile::Undo(verb) => verb.run(world, out),
        }
    }
}
