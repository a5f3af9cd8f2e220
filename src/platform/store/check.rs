//! SQLite's own check of a database, for a bounded time.
use super::error::is_damaged;
use rusqlite::{Connection, ErrorCode};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Longest check before READY. What it has not seen by then, SQLite reports when it comes by.
pub const CHECK_TIME: Duration = Duration::from_secs(2);

/// What is wrong, if anything was found. With a time the check ends after it and what was not seen counts as sound.
pub fn quick_check(db: &Connection, limit: Option<Duration>) -> rusqlite::Result<Option<String>> {
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
        Ok(ok) if ok == "ok" => Ok(None),
        Ok(why) => Ok(Some(why)),
        Err(e) if is_damaged(&e) => Ok(Some(e.to_string())),
        Err(rusqlite::Error::SqliteFailure(e, _)) if e.code == ErrorCode::OperationInterrupted => {
            let seconds = limit.unwrap_or_default().as_secs();
            tracing::info!("the database is too large to be checked whole before start; the check was ended after {seconds} s");
            Ok(None)
        }
        Err(e) => Err(e),
    }
}
