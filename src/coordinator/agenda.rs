//! What the writer has to wake up for beside calls and terms.
use super::change::Now;
use crate::contract::time::{Mono, Wall};
use crate::coordination::retry;

/// When to look again; nothing where nothing waits for a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agenda {
    /// A retry becomes due.
    pub retry: Option<Wall>,
    /// Look again whether a gate has opened.
    pub recheck: Option<Mono>,
}

impl Agenda {
    /// Whether it is time.
    pub fn is_due(&self, now: Now) -> bool {
        self.recheck.is_some_and(|at| at <= now.mono)
            || self.retry.is_some_and(|at| at <= now.wall || retry::is_damaged(at, now.wall))
    }
    /// Looks again at this time too.
    pub fn recheck(&mut self, at: Mono) {
        self.recheck = Some(self.recheck.map_or(at, |before| before.min(at)));
    }
}
