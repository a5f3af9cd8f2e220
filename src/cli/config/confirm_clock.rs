//! `ringrift config confirm-clock`.
use crate::cli::Done;
use crate::cli::database::confirm;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::notice::{Notice, Subject};
use clap::Args;

/// Confirm that the wall clock is right now, which resumes deletions by age.
#[derive(Debug, Args)]
pub struct ConfirmClock {}

impl ConfirmClock {
    /// Confirms every hold.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let held: Vec<Notice> =
            world.notices.read().into_iter().filter(|n| matches!(n.subject, Subject::Clock { .. })).collect();
        if held.is_empty() {
            return Err(Failure::new(Exit::Usage, "nothing to confirm: no deletion is suspended because of the clock")
                .hint("`ringrift status` shows a suspension"));
        }
        confirm(world, out, &held)
    }
}
