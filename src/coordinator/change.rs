//! What a change to the database sees.
use super::state::State;
use rusqlite::Connection;

/// The two clocks, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since 1970; may jump. For people, and for times that must survive a restart.
    pub wall: i64,
    /// Since some moment before the process's start; never jumps. For terms.
    pub mono: i64,
}

/// The database inside a savepoint, the time, and what is known beside the database.
pub struct Change<'a> {
    /// The database.
    pub db: &'a Connection,
    /// When.
    pub now: Now,
    /// Dispatchers, terms, progress, configuration.
    pub state: &'a mut State,
}

/// The largest serialised size of what one call may store, bytes, so that every event and reply about it fits a frame.
pub const MAX_STORED: usize = crate::contract::wire::MAX_FRAME / 4;
