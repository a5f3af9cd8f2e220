//! Between the writer and the publisher: events wait in the outbox, and all of them are published.
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wakes the publisher, and tells when the outbox is empty.
#[derive(Default)]
pub struct OutboxSignal {
    state: Mutex<Rings>,
    changed: Condvar,
}

#[derive(Default)]
struct Rings {
    rung: bool,
    empty: bool,
    away: bool,
}

impl OutboxSignal {
    /// There is something in the outbox.
    pub fn ring(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.rung, state.empty) = (true, false);
        self.changed.notify_all();
    }
    /// Waits for a ring, or for so long; takes the ring.
    pub fn wait(&self, limit: Option<Duration>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = |s: &mut Rings| !s.rung;
        let mut state = match limit {
            Some(limit) => {
                self.changed.wait_timeout_while(state, limit, quiet).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait_while(state, quiet).unwrap_or_else(PoisonError::into_inner),
        };
        state.rung = false;
    }
    /// Everything is published, unless there was a ring meanwhile.
    pub fn emptied(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.empty, state.away) = (!state.rung, false);
        self.changed.notify_all();
    }
    /// The router does not take events.
    pub fn away(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).away = true;
        self.changed.notify_all();
    }
    /// Waits until everything is published; false when that took longer, or when the router is away for `patience`.
    pub fn drained(&self, patience: Duration, limit: Duration) -> bool {
        let begin = Instant::now();
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let rest = limit.saturating_sub(begin.elapsed()).min(patience);
            let (state, waited) =
                self.changed.wait_timeout_while(state, rest, |s| !s.empty).unwrap_or_else(PoisonError::into_inner);
            if state.empty || state.away || (waited.timed_out() && begin.elapsed() >= limit) {
                return state.empty;
            }
        }
    }
}
