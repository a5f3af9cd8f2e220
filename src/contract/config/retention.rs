//! How much of what the loop makes is kept.
use super::check::Check;
use serde::{Deserialize, Serialize};

/// What is kept of each configuration. The champion, what it was made from, and what a job that waits or runs reads are
/// kept beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// False: nothing in the artefact store is ever deleted.
    pub enabled: bool,
    /// Number of newest games kept, from `daemons.auto_export.window_games` to 1,000,000,000.
    pub games: u64,
    /// Number of newest sample files kept, 1 to 10,000.
    pub samples: u32,
    /// Number of newest models kept, 1 to 100,000.
    pub models: u32,
    /// Number of newest files kept of each other kind (matches, plots), 1 to 1,000,000.
    pub others: u32,
    /// Number of newest champions kept, 1 to 10,000. A rollback can return to these.
    pub champions: u32,
    /// Generations of ancestors kept for each kept champion, 0 to 10. 1: its samples and the model it was trained from;
    /// 2: also their games.
    pub ancestors: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { enabled: true, games: 5120, samples: 3, models: 10, others: 200, champions: 3, ancestors: 1 }
    }
}

impl Retention {
    pub(super) fn check(&self, check: &mut Check, window_games: u64) {
        check.range("retention.games", self.games, 1, 1_000_000_000);
        check.at_least("retention.games", self.games, "daemons.auto_export.window_games", window_games);
        check.range("retention.samples", self.samples, 1, 10_000);
        check.range("retention.models", self.models, 1, 100_000);
        check.range("retention.others", self.others, 1, 1_000_000);
        check.range("retention.champions", self.champions, 1, 10_000);
        check.range("retention.ancestors", self.ancestors, 0, 10);
    }
}
