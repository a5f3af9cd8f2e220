//! A full file system, recognised in one place. Whoever meets one touches a file in memory, and DISK_SPACE_MANAGER
//! looks at once: an event would not do, since the router may be out of space itself.
use crate::contract::paths;
use rusqlite::ErrorCode;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The file in the directory [`paths::SPACE`].
pub const MARK: &str = "full";
/// Between two touches of one process.
const MIN_TOUCH_INTERVAL: Duration = Duration::from_secs(1);
/// A mark that is older says nothing about now.
const MAX_MARK_AGE: Duration = Duration::from_secs(60);

/// Whether an error of the system means that a file system has no room or no inodes left.
pub fn is_full_io(error: &io::Error) -> bool {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    if full {
        touch(Path::new(paths::SPACE));
    }
    full
}

/// Whether an error of SQLite means that.
pub fn is_full_sql(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE};
    let rusqlite::Error::SqliteFailure(code, _) = error else { return false };
    // Growing the shared-memory file or the log file fails with an I/O error of its own on a full disk.
    let full =
        code.code == ErrorCode::DiskFull || matches!(code.extended_code, SQLITE_IOERR_SHMSIZE | SQLITE_IOERR_TRUNCATE);
    if full {
        touch(Path::new(paths::SPACE));
    }
    full
}

/// Whether somebody met a full file system within the last minute.
pub fn was_full() -> bool {
    was_full_in(Path::new(paths::SPACE))
}

fn was_full_in(folder: &Path) -> bool {
    let touched = std::fs::metadata(folder.join(MARK)).and_then(|about| about.modified());
    touched.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < MAX_MARK_AGE))
}

fn touch(folder: &Path) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if last.is_some_and(|at| at.elapsed() < MIN_TOUCH_INTERVAL) {
        return;
    }
    *last = Some(Instant::now());
    // Programs outside of the suite's units have no such directory; then the next tick sees it.
    let _ = std::fs::write(folder.join(MARK), std::process::id().to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_used_up_quota_are_recognised_and_nothing_else() {
        for errno in [nix::libc::ENOSPC, nix::libc::EDQUOT] {
            assert!(is_full_io(&io::Error::from_raw_os_error(errno)));
        }
        assert!(!is_full_io(&io::Error::from_raw_os_error(nix::libc::EIO)));
        let sql = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        assert!(
            is_full_sql(&sql(rusqlite::ffi::SQLITE_FULL)) && is_full_sql(&sql(rusqlite::ffi::SQLITE_IOERR_SHMSIZE))
        );
        assert!(!is_full_sql(&sql(rusqlite::ffi::SQLITE_IOERR)));
    }

    #[test]
    fn the_mark_is_seen_for_a_minute() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(!was_full_in(dir.path()));
        std::fs::write(dir.path().join(MARK), "1").expect("touched");
        assert!(was_full_in(dir.path()));
    }
}
