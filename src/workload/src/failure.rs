//! Why a command ended without success, and the exit code that says whether to try again.

use std::fmt;
use std::io;

/// A failed command. Its text says what was being done, with which file or field, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is wrong and stays wrong: exit 65.
    #[error("{0}")]
    BadData(String),
    /// The command line is wrong: exit 2.
    #[error("{0}")]
    Usage(String),
    /// Told to stop before the end: exit 75.
    #[error("{0}")]
    Interrupted(String),
    /// Something around us failed (disk, permissions): exit 1.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// Wrong input.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::BadData(message.into())
    }

    /// An operation that failed for a reason outside of the input.
    pub fn internal(operation: &str, cause: impl fmt::Display) -> Self {
        Self::Failed(format!("{operation}: {cause}"))
    }

    /// A failed file operation, with its path.
    pub fn io(operation: &str, path: &std::path::Path, cause: &io::Error) -> Self {
        Self::Failed(format!(
            "{operation} {}: {cause}; check that the folder exists, is writable and not full",
            path.display()
        ))
    }

    /// The input is wrong and stays wrong.
    pub fn is_bad_data(&self) -> bool {
        matches!(self, Self::BadData(_))
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BadData(_) => 65,
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 75,
            Self::Failed(_) => 1,
        }
    }
}
