//! `ringrift jobs logs`.
use crate::cli::Done;
use crate::cli::journal::Journal;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::contract::ids::JobId;
use crate::contract::workload::JobType;
use clap::Args;

/// Show the journal of a job with journalctl, also after it has finished.
#[derive(Debug, Args)]
pub struct Logs {
    /// Job id
    job: JobId,
    #[command(flatten)]
    journal: Journal,
}

impl Logs {
    /// Becomes journalctl. The type is not asked for: an id is unique, and units that never were have no entries.
    pub fn run(self, _world: &World, out: &Out) -> Done {
        let units: Vec<String> = JobType::ALL.into_iter().map(|kind| kind.unit(&self.job)).collect();
        self.journal.follow(&units, out)
    }
}
