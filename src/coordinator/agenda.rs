//! What the writer has to wake up for beside calls and terms.
use super::change::Now;
use crate::coordination::retry;

/// When to look again; nothing where nothing waits for a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agenda {
    /// A retry becomes due, microseconds since 1970.
    pub retry_wall: Option<i64>,
    /// Look again whether a gate has opened, monotonic microseconds.
    pub recheck_mono: Option<i64>,
}

impl Agenda {
    /// Whether it is time.
    pub fn is_due(&self, now: Now) -> bool {
        self.recheck_mono.is_some_and(|at| at <= now.mono)
            || self.retry_wall.is_some_and(|at| at <= now.wall || retry::is_damaged(at, now.wall))
    }
    /// Looks again at this time too, monotonic microseconds.
    pub fn recheck(&mut self, at: i64) {
        self.recheck_mono = Some(self.recheck_mono.map_or(at, |before| before.min(at)));
    }
}
