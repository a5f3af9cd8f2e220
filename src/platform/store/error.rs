//! Why a database cannot be opened: each reason a variant, with its exit code and its next step.
use super::broken::not_opened;
use crate::contract::error::{Exit, Failure};
use crate::platform::space;

/// A database could not be opened, migrated or copied.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It was written by a newer version of this program.
    #[error("{path} has schema version {found}, but this program supports up to {known}")]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It belongs to another user.
    #[error("{path} belongs to user {owner}, but this program runs as {user}")]
    WrongOwner {
        /// The file.
        path: String,
        /// Its owner.
        owner: String,
        /// Who we are.
        user: String,
    },
    /// Something else lies in its place.
    #[error("{path} is {what}; must be a regular file")]
    NoFile {
        /// The path.
        path: String,
        /// What lies there.
        what: &'static str,
    },
    /// The file system is full.
    #[error("no space left for {path} ({operation})")]
    NoSpace {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: String,
    },
    /// SQLite's own error.
    #[error("{operation} {path}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: String,
        /// SQLite's words.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system's error.
    #[error("{operation} {path}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
}

impl DatabaseError {
    /// From SQLite's error.
    pub fn sqlite(
        operation: &'static str,
        path: &std::path::Path,
    ) -> impl Fn(rusqlite::Error) -> DatabaseError + use<> {
        let file = path.to_owned();
        move |source| {
            let path = file.display().to_string();
            if space::is_full_sql(&source) {
                return DatabaseError::NoSpace { operation, path };
            }
            not_opened(&file, operation, &source);
            DatabaseError::Sqlite { operation, path, source }
        }
    }

    /// From the file system's error.
    pub fn io(operation: &'static str, path: &std::path::Path) -> impl Fn(std::io::Error) -> DatabaseError + use<> {
        let path = path.display().to_string();
        move |source| match space::is_full_io(&source) {
            true => DatabaseError::NoSpace { operation, path: path.clone() },
            false => DatabaseError::Io { operation, path: path.clone(), source },
        }
    }

    /// The code that a program ends with.
    pub fn exit(&self) -> Exit {
        match self {
            DatabaseError::Newer { .. } => Exit::BadData,
            DatabaseError::WrongOwner { .. } | DatabaseError::NoFile { .. } => Exit::NotPermitted,
            DatabaseError::NoSpace { .. } => Exit::TempFail,
            DatabaseError::Sqlite { .. } | DatabaseError::Io { .. } => Exit::Failure,
        }
    }

    fn hint(&self) -> String {
        match self {
            DatabaseError::Newer { path, .. } => {
                format!("install the newer version, or move {path} away to start with an empty database")
            }
            DatabaseError::WrongOwner { path, user, .. } => format!("change its owner: chown {user}: {path}"),
            DatabaseError::NoFile { path, .. } => {
                format!(
                    "move {path} away and restart; to store databases elsewhere, mount that file system on their \
                        directory"
                )
            }
            DatabaseError::NoSpace { .. } => "free space on that file system; systemd restarts the service".into(),
            DatabaseError::Sqlite { path, .. } | DatabaseError::Io { path, .. } => {
                format!("check the file system, permissions and disk of {path}")
            }
        }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Failure {
        // The sentence itself is the message: it stands in STATUS= too.
        let (exit, hint, message) = (error.exit(), error.hint(), error.to_string());
        let failure = Failure::new(exit, message).hint(hint);
        match error {
            DatabaseError::Sqlite { source, .. } => failure.caused_by(source),
            DatabaseError::Io { source, .. } => failure.caused_by(source),
            _ => failure,
        }
    }
}
