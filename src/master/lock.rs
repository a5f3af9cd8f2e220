//! The single instance: an exclusive lock on the pid file. The number in it is for people; only the lock counts.
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A guard's look holds the lock for microseconds; this often and so long apart a start tries again.
const MAX_LOCK_ATTEMPTS: u32 = 20;
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(25);

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another master runs.
    #[error("another master runs{}; `ringrift master status` shows it", .pid.map(|p| format!(" with pid {p}")).unwrap_or_default())]
    Held {
        /// Its pid, if the file tells.
        pid: Option<u32>,
    },
    /// The file cannot be used.
    #[error("{operation} {path}")]
    Io {
        /// Gerund.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// The held lock. Dropping it empties and removes the file, then lets go.
#[derive(Debug)]
pub struct MasterLock {
    path: PathBuf,
    file: Flock<File>,
}

fn open(path: &Path) -> Result<File, LockError> {
    // 0640: whoever may read the file could lock it, and so keep the master from starting.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path)
        .map_err(|source| LockError::Io { operation: "opening", path: path.into(), source })
}

/// The pid in the file.
pub fn read_pid(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

impl MasterLock {
    /// Takes the lock and writes the pid; a stale file of a dead master is simply taken over.
    pub fn take(path: &Path) -> Result<MasterLock, LockError> {
        for attempt in 0..MAX_LOCK_ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(LOCK_RETRY_DELAY);
            }
            let file = open(path)?;
            let Ok(file) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
            if !is_at(&file, path) {
                // The last master removed the file between our open and our lock.
                continue;
            }
            let mut lock = MasterLock { path: path.into(), file };
            let text = format!("{}\n", std::process::id());
            lock.write(&text).map_err(|source| LockError::Io { operation: "writing", path: path.into(), source })?;
            return Ok(lock);
        }
        Err(LockError::Held { pid: read_pid(path) })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for MasterLock {
    fn drop(&mut self) {
        // Removing needs the directory; where that is not ours, an empty file says the same.
        let emptied = self.write("");
        if let Err(error) = std::fs::remove_file(&self.path).or(emptied) {
            tracing::warn!("cannot remove {} ({error}); the next master reuses it", self.path.display());
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Whether somebody holds the lock; nothing when the file is absent or not ours to read.
pub fn is_held(path: &Path) -> Option<bool> {
    let mut file = File::open(path).ok()?;
    let mut text = String::new();
    // An empty file: no master, and no need to touch the lock.
    if file.read_to_string(&mut text).is_ok() && text.trim().is_empty() {
        return Some(false);
    }
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_released_on_drop) => Some(false),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_with_the_pid_and_a_stale_file_is_taken_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master_loop.pid");
        std::fs::write(&path, "999999\n").expect("a stale file");
        assert_eq!(is_held(&path), Some(false), "a pid without a lock is no master");
        let first = MasterLock::take(&path).expect("the first");
        assert_eq!(read_pid(&path), Some(std::process::id()));
        assert_eq!(is_held(&path), Some(true));
        let error = MasterLock::take(&path).expect_err("the second");
        assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
        drop(first);
        assert!(!path.exists());
        assert_eq!(is_held(&path), None);
        drop(MasterLock::take(&path).expect("again"));
    }
}
