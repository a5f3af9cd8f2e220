//! What a database of ours is.
use std::path::PathBuf;
use std::time::Duration;

/// Which snapshots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// How many are kept; 0: none is taken but before a migration.
    pub snapshots: u32,
    /// The time between two.
    pub every: Duration,
}

impl Keep {
    /// None; for tests, and for looking.
    pub const NONE: Keep = Keep { snapshots: 0, every: Duration::MAX };
}

impl From<&crate::contract::config::Databases> for Keep {
    fn from(config: &crate::contract::config::Databases) -> Keep {
        Keep { snapshots: config.keep_snapshots, every: Duration::from_secs(u64::from(config.snapshot_hours) * 3600) }
    }
}

/// A database of ours.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file.
    pub path: PathBuf,
    /// `migrations[i]` brings version i to i + 1; each runs in its own transaction. One that was released is never
    /// edited.
    pub migrations: &'static [&'static str],
    /// What is in it, for the sentence that says what was lost.
    pub holds: &'static str,
    /// Its snapshots.
    pub keep: Keep,
}

impl Spec {
    /// The version of its schema.
    pub(super) fn known(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
    /// Its name, without folder and ending.
    pub(super) fn name(&self) -> String {
        self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
