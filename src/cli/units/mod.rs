//! `ringrift units`: write the unit files, compare them with what is installed, let systemd verify them.
mod check;
mod generate;
mod verify;

pub(crate) use check::{DROP_INS, drop_in_differences};
pub(crate) use generate::drop_ins;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

/// Unit files.
#[derive(Debug, Subcommand)]
pub enum Units {
    /// Write the unit files
    Generate(generate::Generate),
    /// Compare unit files with those of this build
    Check(check::Check),
    /// Verify the unit files and their exposure with systemd-analyze
    Verify(verify::Verify),
}

impl Units {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Units::Generate(verb) => verb.run(world, out),
            Units::Check(verb) => verb.run(world, out),
            Units::Verify(verb) => verb.run(world, out),
        }
    }
}
