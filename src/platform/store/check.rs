//! SQLite's own check of a database, for a bounded time.
use super::class::is_damaged;
use rusqlite::{Connection, ErrorCode};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Longest check before READY. What it has not seen by then, SQLite reports when it comes by.
pub const CHECK_TIME: Duration = Duration::from_secs(2);
/// Longest check before READY of a database that broke while it was used; systemd waits 30 s for a hub.
pub const LONG_CHECK_TIME: Duration = Duration::from_secs(15);

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Nothing wrong.
    Sound,
    /// Nothing wrong by the time that it had.
    Unfinished,
    /// This.
    Damaged(String),
}

/// Checks a database, with a time for so long at most.
pub fn quick_check(db: &Connection, limit: Option<Duration>) -> rusqlite::Result<Checked> {
    let checked = || db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    let result = match limit {
        None => checked(),
        Some(limit) => {
            let interrupt = db.get_interrupt_handle();
            let (done, wait) = channel::<()>();
            std::thread::scope(|threads| {
                threads.spawn(move || {
                    if wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                        interrupt.interrupt();
                    }
                });
                let result = checked();
                drop(done);
                result
            })
        }
    };
    match result {
        Ok(ok) if ok == "ok" => Ok(Checked::Sound),
        Ok(why) => Ok(Checked::Damaged(why)),
        Err(e) if is_damaged(&e) => Ok(Checked::Damaged(e.to_string())),
        Err(rusqlite::Error::SqliteFailure(e, _)) if e.code == ErrorCode::OperationInterrupted => {
            Ok(Checked::Unfinished)
        }
        Err(e) => Err(e),
    }
}
