//! What the delivery state of one subscription wants written: absolute values, so that changes merge and may be
//! repeated.
use super::{Key, Micros, Seq};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of one exception to the low-water mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// To be delivered, or delivered and not yet answered.
    Open,
    /// Failed; to be tried again at this time.
    Retry(Micros),
    /// Handled itself, but what follows it with the same key up to the mark is not.
    Passed,
    /// Handled ahead of the mark.
    Done,
}

/// Tries of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tries {
    /// Failures that the handler reported.
    pub attempts: u32,
    /// Times that the subscriber's connection ended while this was its oldest unanswered delivery.
    pub crashes: u32,
    /// Times that it was a dead letter and was delivered again.
    pub redriven: u32,
    /// Every failure with its time, oldest first.
    pub history: Vec<(Micros, String)>,
}

/// One exception, as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub state: RowState,
    /// The key whose later events wait for it.
    pub key: Option<Key>,
    /// Its tries.
    pub tries: Tries,
}

/// A delivery that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The event.
    pub seq: Seq,
    /// Its tries; the last entry of the history says why.
    pub tries: Tries,
    /// When it was given up.
    pub dead_us: Micros,
}

/// Everything of one subscription that is not on disk yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    /// The new mark.
    pub mark: Option<Seq>,
    /// New content of exceptions; nothing: deleted.
    pub rows: BTreeMap<Seq, Option<Row>>,
    /// New dead letters.
    pub letters: Vec<Letter>,
}

impl Change {
    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.mark.is_none() && self.rows.is_empty() && self.letters.is_empty()
    }
    /// Whether losing it would repeat work: anything but a mark that moved over events nobody wanted.
    pub fn urgent(&self) -> bool {
        !self.rows.is_empty() || !self.letters.is_empty()
    }
    /// Adds a later change.
    pub fn merge(&mut self, later: Change) {
        if later.mark.is_some() {
            self.mark = later.mark;
        }
        self.rows.extend(later.rows);
        self.letters.extend(later.letters);
    }
}

/// Longest reason that is kept, in bytes.
const MAX_REASON: usize = 1024;

/// A reason as it is kept.
pub(super) fn shorten(reason: &str) -> String {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}
