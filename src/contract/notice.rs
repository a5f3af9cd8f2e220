//! Notices: what was lost or is held back, reported until a person has confirmed it. One JSON file each beside the
//! state directories.
use serde::{Deserialize, Serialize};

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Subject {
    /// A database was damaged or gone, and another one is used in its place.
    Database {
        /// Its name without `.db`, as in `events`.
        name: String,
        /// Its path.
        path: String,
        /// What was found.
        reason: String,
        /// Where the damaged file is kept; absent when there was none.
        damaged: Option<String>,
        /// The snapshot that took its place; absent: replaced by a new database.
        restored: Option<String>,
        /// What is missing now, for people.
        lost: String,
    },
    /// A file of the artefact store was damaged or is missing.
    Artefact {
        /// Its SHA-256; not `id`, which is the notice's own.
        sha256: String,
        /// games, samples, model.
        artefact: String,
        /// What was found.
        reason: String,
        /// Where the damaged file is kept; absent when there was none.
        damaged: Option<String>,
    },
    /// Nothing is deleted by its age, because the wall clock cannot be believed.
    Clock {
        /// What was seen.
        reason: String,
    },
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its name, and that of its file without `.json`: `database-events`, `clock-coordination`.
    pub id: String,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// What happened, one sentence.
    pub what: String,
    /// The command that confirms it.
    pub next: String,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
}

impl Notice {
    /// The id of a database's notice.
    pub fn database_id(name: &str) -> String {
        format!("database-{name}")
    }
    /// The id of a clock's notice; `owner` is the database whose rows are kept.
    pub fn clock_id(owner: &str) -> String {
        format!("clock-{owner}")
    }
    /// Whether a name can be a notice's: lower-case letters, digits and `-`.
    pub fn is_id(name: &str) -> bool {
        !name.is_empty()
            && name.len() <= 100
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
}
