//! The thread beside a database that takes its daily snapshot.
use super::snapshot::{list, take};
use super::{DatabaseError, Spec};
use crate::contract::error::chain;
use crate::platform::clock::now_us;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// After a start others come first.
const FIRST: Duration = Duration::from_secs(10);
/// Between two looks whether one is due; the wall clock may jump.
const LOOK: Duration = Duration::from_secs(600);

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
        let db = Connection::open_with_flags(&spec.path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(&failed)?;
        db.execute_batch("PRAGMA busy_timeout=5000; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-256;")
            .map_err(&failed)?;
        let interrupt = db.get_interrupt_handle();
        let (stop, stopped) = channel();
        let path = spec.path.clone();
        let work = move || {
            let mut wait = FIRST;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = LOOK;
                if is_due(&spec) {
                    match take(&db, &spec) {
                        Ok(snapshot) => tracing::info!(file = %snapshot.path.display(), "a snapshot was taken and checked"),
                        Err(error) => tracing::warn!("no snapshot was taken: {}", chain(&error)),
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("snapshots".into()).spawn(work);
        let thread = thread.map_err(DatabaseError::io("starting the thread for snapshots of", &path))?;
        Ok(Keeper { stop: Some(stop), interrupt, thread: Some(thread) })
    }
}

/// Whether the newest is too old, or of a time that has not come.
fn is_due(spec: &Spec) -> bool {
    let every = i64::try_from(spec.keep.every.as_micros()).unwrap_or(i64::MAX);
    let newest = list(&spec.path).first().map(|s| s.taken_us);
    newest.is_none_or(|taken| !(0..every).contains(&(now_us() - taken)))
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
