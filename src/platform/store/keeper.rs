//! The thread beside a database that takes its daily snapshot, and that sees when somebody else wrote to the file.
//!
//! The owner reads from memory what it has read once: pages overwritten on the disk would come to light at its next
//! start only, hours of acknowledged work later. The file's time tells without reading it; idle databases cost nothing.
use super::broken::found;
use super::check::{Checked, quick_check};
use super::error::DatabaseError;
use super::snapshot::{list, take};
use super::spec::Spec;
use crate::contract::age::has_passed;
use crate::contract::error::chain;
use crate::platform::clock;
use crate::platform::threads;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// After a start others come first.
const FIRST_SNAPSHOT_DELAY: Duration = Duration::from_secs(10);
/// Between two checks whether one is due; the wall clock may jump.
const SNAPSHOT_POLL_INTERVAL: Duration = Duration::from_secs(600);
/// Between two checks at the file's time.
const MTIME_POLL_INTERVAL: Duration = Duration::from_secs(15);
/// Longest check of a file that was written to, mostly by checkpoints of our own. A file that takes longer is checked
/// every [`SNAPSHOT_POLL_INTERVAL`].
const MAX_QUICK_CHECK_TIME: Duration = Duration::from_millis(200);

/// Ends the thread when dropped.
pub struct Keeper {
    stop: Option<Sender<()>>,
    interrupt: InterruptHandle,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts it, with a connection of its own.
    pub fn start(spec: Spec) -> Result<Keeper, DatabaseError> {
        let failed = DatabaseError::sqlite("opening for snapshots", &spec.path);
        let db = Connection::open_with_flags(
            &spec.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(&failed)?;
        db.execute_batch(
            "PRAGMA busy_timeout=5000; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-256;",
        )
        .map_err(&failed)?;
        let interrupt = db.get_interrupt_handle();
        let (stop, stopped) = channel();
        let path = spec.path.clone();
        let work = move || {
            let mut watch = Watch::new(&spec.path);
            let (mut wait, mut look) = (FIRST_SNAPSHOT_DELAY, Instant::now());
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = MTIME_POLL_INTERVAL;
                watch.glance(&db);
                if look > Instant::now() {
                    continue;
                }
                look = Instant::now() + SNAPSHOT_POLL_INTERVAL;
                if is_due(&spec) {
                    match take(&db, &spec) {
                        Ok(snapshot) => {
                            tracing::info!(file = %snapshot.path.display(), "snapshot written and verified")
                        }
                        Err(error) => tracing::warn!("cannot write a snapshot: {}", chain(&error)),
                    }
                }
            }
        };
        let thread = threads::part("snapshots", work);
        let thread = thread.map_err(DatabaseError::io("starting the thread for snapshots of", &path))?;
        Ok(Keeper { stop: Some(stop), interrupt, thread: Some(thread) })
    }
}

/// Sees when the file was written to.
struct Watch {
    path: PathBuf,
    seen: Option<SystemTime>,
    not_before: Instant,
}

impl Watch {
    fn new(path: &Path) -> Watch {
        Watch { path: path.to_owned(), seen: written(path), not_before: Instant::now() }
    }

    /// Checks the file if it was written to since the last time.
    fn glance(&mut self, db: &Connection) {
        let now = written(&self.path);
        if now == self.seen || self.not_before > Instant::now() {
            return;
        }
        self.seen = now;
        // What this connection has read before must be read again.
        let checked =
            db.execute_batch("PRAGMA shrink_memory").and_then(|()| quick_check(db, Some(MAX_QUICK_CHECK_TIME)));
        match checked {
            Ok(Checked::Sound) => {}
            Ok(Checked::Unfinished) => self.not_before = Instant::now() + SNAPSHOT_POLL_INTERVAL,
            Ok(Checked::Damaged(why)) => found(&self.path, &why),
            Err(error) => {
                tracing::warn!(%error, file = %self.path.display(), "the database changed and cannot be checked now")
            }
        }
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|about| about.modified()).ok()
}

/// Whether the newest is too old, or of a time that has not come.
fn is_due(spec: &Spec) -> bool {
    if spec.keep.snapshots == 0 {
        return false;
    }
    let newest = list(&spec.path).first().map(|s| s.taken);
    newest.is_none_or(|taken| has_passed(taken, spec.keep.every.into(), clock::now()))
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.interrupt.interrupt();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread for snapshots panicked");
        }
    }
}
