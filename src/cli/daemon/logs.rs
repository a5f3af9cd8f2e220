//! `ringrift daemon logs`: journalctl with the right units.
use super::select::Select;
use crate::cli::Done;
use crate::cli::out::Out;
use crate::cli::world::World;
use clap::Args;

/// Show the journal of daemons with journalctl.
#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    select: Select,
    #[command(flatten)]
    journal: crate::cli::journal::Journal,
}

impl Logs {
    /// Becomes journalctl.
    pub fn run(self, _world: &World, out: &Out) -> Done {
        let units: Vec<String> = self.select.built(out)?.into_iter().map(|d| d.unit()).collect();
        self.journal.follow(&units, out)
    }
}
