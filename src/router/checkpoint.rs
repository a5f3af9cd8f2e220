//! Checkpoints, by a thread and connection of their own, so that no publish waits for one.
//!
//! The thread copies what is in the WAL while the writer continues appending; the WAL starts over when a copy caught up
//! with it. Under steady load that would never happen, so past a bound the writer copies the small rest itself.
use crate::platform::store;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Pages in the WAL from which on the thread is woken; 32 MiB. The more there are, the more often a page was written
/// that is copied once, and the less often a publish has to share the disk with a copy.
pub const WAKE_PAGES: u32 = 8_000;
/// Pages in the WAL from which on the writer copies the rest after the thread has copied; 78 MiB.
const LIMIT_PAGES: u32 = 20_000;

/// The writer's end.
pub struct Trigger {
    wake: SyncSender<()>,
    pages: Arc<AtomicU32>,
    copied: Arc<AtomicBool>,
}

/// The thread's end.
pub struct Checkpointer {
    db: Connection,
    woken: Receiver<()>,
    copied: Arc<AtomicBool>,
}

/// Both ends, for the writer's connection to the database at a path.
pub fn new(path: &Path, writer: &mut Connection) -> rusqlite::Result<(Trigger, Checkpointer)> {
    let db = store::connect(path)?;
    db.execute_batch("PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-256;")?;
    let (wake, woken) = sync_channel(1);
    let copied = Arc::new(AtomicBool::new(false));
    let pages = Arc::new(AtomicU32::new(0));
    let counted = pages.clone();
    writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
        counted.store(pages.cast_unsigned(), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok((Trigger { wake, pages, copied: copied.clone() }, Checkpointer { db, woken, copied }))
}

impl Trigger {
    /// Looks at the WAL after each commit.
    pub fn after_commit(&self, db: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages >= LIMIT_PAGES && self.copied.swap(false, Ordering::Relaxed) {
            checkpoint(db);
        } else if pages >= WAKE_PAGES {
            match self.wake.try_send(()) {
                Ok(()) | Err(TrySendError::Full(())) => {}
                Err(TrySendError::Disconnected(())) => {
                    tracing::error!("the checkpoint thread has exited; the WAL grows")
                }
            }
        }
    }
}

impl Trigger {
    /// There is no room: what is in the WAL can go to its place, and the WAL start over.
    pub fn full(&self) {
        // Woken already, or gone and said so.
        let _ = self.wake.try_send(());
    }
}

impl Checkpointer {
    /// Works until the writer is gone; then copies the rest.
    pub fn run(self) {
        while self.woken.recv().is_ok() {
            if checkpoint(&self.db) {
                self.copied.store(true, Ordering::Relaxed);
            }
        }
        checkpoint(&self.db);
    }
}

fn checkpoint(db: &Connection) -> bool {
    match db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(0)) {
        Ok(_) => true,
        Err(error) => {
            store::sort("a checkpoint of the event log", &error);
            // A full disk, most likely: the WAL keeps everything until the next try.
            tracing::warn!(%error, "a checkpoint of the event log failed");
            false
        }
    }
}
