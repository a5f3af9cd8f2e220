//! The suite's own databases: their snapshots.
use super::check::Check;
use serde::{Deserialize, Serialize};

/// The databases of the hubs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Databases {
    /// Number of verified snapshots kept of each database, 0 to 30; 0: none, except before a schema change. The newest
    /// one replaces a damaged database.
    pub keep_snapshots: u32,
    /// Hours between two snapshots, 1 to 720. What was written since the last snapshot is lost when a database is
    /// damaged.
    pub snapshot_hours: u32,
}

impl Default for Databases {
    fn default() -> Self {
        Databases { keep_snapshots: 3, snapshot_hours: 24 }
    }
}

impl Databases {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("databases.keep_snapshots", self.keep_snapshots, 0, 30);
        check.range("databases.snapshot_hours", self.snapshot_hours, 1, 720);
    }
}
