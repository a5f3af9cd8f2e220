//! Names of the files of a database.
use std::path::{Path, PathBuf};

/// A path with something appended to its name.
pub fn with_tail(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    PathBuf::from(name)
}

/// What SQLite keeps beside a database.
pub const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];
