//! The delivery state of one subscription: a pure state machine without I/O or clock.
//!
//! Everything up to `mark` is handled, except the exceptions that have a row, and except what follows such a row with
//! the same key up to the mark: events of one key are delivered one after the other, so nothing behind an open one is
//! handled. Only the first event of such a lane needs a row; what waits behind it is found again in the log. Ahead of
//! the mark, handled events have a row `Done` until the mark passes them.
mod change;
mod lane;
mod restore;
#[cfg(test)]
mod tests;

use crate::contract::backoff;
use change::shorten;
pub use change::{Change, Letter, Row, RowState, Tries};
use lane::Lane;
pub use lane::Refill;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Place in the log.
pub type Seq = u64;
/// Microseconds since 1970.
pub type Micros = i64;
/// What orders events: the configuration key.
pub type Key = Arc<str>;

/// Events handled ahead of the mark before the events that hold it back get rows of their own.
const MAX_AHEAD: usize = if cfg!(test) { 3 } else { 256 };

/// How failures are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Reported failures until the delivery is given up.
    pub max_attempts: u32,
    /// Delay before the second try.
    pub base_us: Micros,
    /// Longest delay.
    pub max_us: Micros,
    /// Crashes until the delivery is given up.
    pub max_crashes: u32,
}

impl Rules {
    fn backoff(&self, failures: u32) -> Micros {
        backoff::after(self.base_us, failures, self.max_us)
    }
}

/// What a new event means to the subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Nothing: not wanted, or known already.
    Skip,
    /// It waits for an earlier one of its key.
    Held,
    /// It is to be delivered now, as try number one.
    Deliver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    InFlight { order: u64 },
    Retry { due: Micros },
    Passed,
}

#[derive(Debug)]
struct Entry {
    state: State,
    key: Option<Key>,
    /// It has a row, so that the mark may pass it.
    rowed: bool,
    tries: Box<Tries>,
}

/// The state of one subscription.
#[derive(Debug, Default)]
pub struct Delivery {
    mark: Seq,
    cursor: Seq,
    out: BTreeMap<Seq, Entry>,
    unrowed: BTreeSet<Seq>,
    ready: BTreeSet<Seq>,
    due: BTreeSet<(Micros, Seq)>,
    flying: BTreeMap<u64, Seq>,
    lanes: HashMap<Key, Lane>,
    parched: BTreeSet<Key>,
    done: BTreeSet<Seq>,
    early: BTreeMap<Seq, Option<Key>>,
    handed_out: u64,
    change: Change,
}

impl Delivery {
    /// A new subscription that begins after this place.
    pub fn new(mark: Seq) -> Delivery {
        Delivery { mark, cursor: mark, change: Change { mark: Some(mark), ..Change::default() }, ..Delivery::default() }
    }

    /// All up to here is handled, but for the exceptions.
    pub fn mark(&self) -> Seq {
        self.mark
    }
    /// The last event that was looked at.
    pub fn cursor(&self) -> Seq {
        self.cursor
    }
    /// No event below this place is needed any more.
    pub fn floor(&self) -> Seq {
        self.out.keys().next().copied().unwrap_or(Seq::MAX).min(self.mark + 1)
    }
    /// Deliveries without an answer.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }
    /// Deliveries that wait for another try.
    pub fn retrying(&self) -> usize {
        self.due.len()
    }
    /// Events that were looked at and are not handled.
    pub fn open(&self) -> usize {
        let passed = self.out.values().filter(|e| e.state == State::Passed).count();
        self.out.len() - passed + self.lanes.values().map(Lane::waiting).sum::<usize>()
    }
    /// Events behind the cursor's place that are handled already; there are some after a restart only.
    pub fn ahead(&self) -> usize {
        self.done.range(self.cursor + 1..).count()
    }
    /// When the next retry is due.
    pub fn next_due(&self) -> Option<Micros> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Looks at the next event of the log. The caller asks only while it can hand one more out.
    pub fn offer(&mut self, seq: Seq, wanted: bool, key: Option<&Key>) -> Offer {
        debug_assert!(seq > self.cursor, "events are offered in order");
        self.cursor = seq;
        if let Some(key) = key.filter(|key| self.lanes.contains_key(*key)) {
            if self.done.contains(&seq) {
                self.note_early(seq, Some(key.clone()));
            } else if self.out.get(&seq).is_some_and(|entry| entry.key.is_none()) {
                // A dead letter that was delivered again: handled early as soon as it is handled.
                self.early.insert(seq, Some(key.clone()));
            }
        } else if !wanted {
            self.note_unread(seq, seq);
        }
        let offer = if !wanted || self.done.contains(&seq) || self.out.contains_key(&seq) {
            Offer::Skip
        } else if let Some(lane) = key.and_then(|key| self.lanes.get_mut(key)).filter(|lane| lane.head < seq) {
            lane.push(seq);
            Offer::Held
        } else {
            // One that stands before the lane's first was not wanted when that went out: its turn is past.
            let key = key.filter(|key| !self.lanes.contains_key(*key));
            if let Some(key) = key {
                self.lanes.insert(key.clone(), Lane::behind(seq));
            }
            self.add(seq, key.cloned(), false, Box::default());
            self.hand_out(seq);
            Offer::Deliver
        };
        self.advance();
        offer
    }

    /// Nothing that is wanted lies up to here.
    pub fn skip_to(&mut self, seq: Seq) {
        if seq > self.cursor {
            self.note_unread(self.cursor + 1, seq);
            self.cursor = seq;
            self.advance();
        }
    }

    /// The earliest events that can be delivered again or after waiting, at most this many.
    pub fn ready(&mut self, now: Micros, limit: usize) -> Vec<Seq> {
        while let Some((due, seq)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, seq));
            if let Some(entry) = self.out.get_mut(&seq) {
                entry.state = State::Ready;
            }
            self.ready.insert(seq);
        }
        self.ready.iter().copied().take(limit).collect()
    }

    /// Hands out one that was ready; returns the number of this try.
    pub fn hand_out(&mut self, seq: Seq) -> u32 {
        let Some(entry) = self.out.get_mut(&seq).filter(|e| e.state == State::Ready) else { return 0 };
        self.ready.remove(&seq);
        self.handed_out += 1;
        entry.state = State::InFlight { order: self.handed_out };
        self.flying.insert(self.handed_out, seq);
        entry.tries.attempts + entry.tries.crashes + 1
    }

    /// It is handled. False when it was not open: an ack that came before, or of an event that was never delivered.
    pub fn ack(&mut self, seq: Seq) -> bool {
        if self.out.get(&seq).is_none_or(|e| e.state == State::Passed) {
            return false;
        }
        self.resolve(seq);
        true
    }

    /// The handler failed. Returns whether it was given up; nothing when it was not in flight.
    pub fn nack(
        &mut self,
        seq: Seq,
        reason: &str,
        delay_us: Option<Micros>,
        dead: bool,
        rules: &Rules,
        now: Micros,
    ) -> Option<bool> {
        let entry = self.out.get_mut(&seq)?;
        let State::InFlight { order } = entry.state else { return None };
        entry.tries.attempts += 1;
        entry.tries.history.push((now, shorten(reason)));
        if dead || entry.tries.attempts >= rules.max_attempts {
            self.give_up(seq, now);
            return Some(true);
        }
        let due = now.saturating_add(delay_us.unwrap_or_else(|| rules.backoff(entry.tries.attempts)).max(0));
        entry.state = State::Retry { due };
        self.flying.remove(&order);
        self.due.insert((due, seq));
        self.give_row(seq);
        self.advance();
        Some(false)
    }

    /// The subscriber is gone: what it had is delivered again. If it did not leave in order, the oldest unanswered
    /// delivery is suspected of having killed it. Returns the event that was given up for that.
    pub fn disconnect(&mut self, crashed: bool, rules: &Rules, now: Micros) -> Option<Seq> {
        let suspect = self.flying.values().next().copied().filter(|_| crashed);
        for seq in std::mem::take(&mut self.flying).into_values() {
            if let Some(entry) = self.out.get_mut(&seq) {
                entry.state = State::Ready;
            }
            self.ready.insert(seq);
        }
        let seq = suspect?;
        let entry = self.out.get_mut(&seq)?;
        entry.tries.crashes += 1;
        let tries = entry.tries.crashes;
        let times = rules.max_crashes;
        let why = format!("the subscriber disconnected while handling this event (time {tries} of {times})");
        entry.tries.history.push((now, why));
        if tries >= rules.max_crashes {
            self.give_up(seq, now);
            return Some(seq);
        }
        self.give_row(seq);
        self.advance();
        None
    }

    /// Delivers a dead letter again, from its first try on; it waits for no event of its key. False if it is open.
    pub fn redrive(&mut self, seq: Seq, redriven: u32, history: Vec<(Micros, String)>) -> bool {
        let tries = Box::new(Tries { attempts: 0, crashes: 0, redriven, history });
        match self.out.get_mut(&seq) {
            // Its lane has not gone on yet: it leads it once more.
            Some(entry) if entry.state == State::Passed => {
                entry.state = State::Ready;
                entry.tries = tries;
                if let Some(key) = &entry.key {
                    self.parched.remove(key);
                }
                self.ready.insert(seq);
            }
            Some(_) => return false,
            None => {
                self.done.remove(&seq);
                self.add(seq, None, true, tries);
            }
        }
        self.give_row(seq);
        self.advance();
        true
    }

    /// The event is not in the log any more: there is nothing to hand out.
    pub fn gone(&mut self, seq: Seq) {
        self.ack(seq);
    }

    /// What is to be written since the last call.
    pub fn take_change(&mut self) -> Change {
        std::mem::take(&mut self.change)
    }
    /// The same, but only if something urgent is in it or the mark has moved so far.
    pub fn take_change_after(&mut self, written: Seq, distance: u64) -> Option<Change> {
        (self.change.urgent() || self.mark >= written.saturating_add(distance)).then(|| self.take_change())
    }

    fn add(&mut self, seq: Seq, key: Option<Key>, rowed: bool, tries: Box<Tries>) {
        self.out.insert(seq, Entry { state: State::Ready, key, rowed, tries });
        self.ready.insert(seq);
        if !rowed {
            self.unrowed.insert(seq);
        }
    }

    fn give_up(&mut self, seq: Seq, now: Micros) {
        if let Some(entry) = self.out.get_mut(&seq) {
            let tries = std::mem::take(&mut *entry.tries);
            self.change.letters.push(Letter { seq, tries, dead_us: now });
            self.resolve(seq);
        }
    }

    /// Takes an event out and lets the next one of its key go.
    fn resolve(&mut self, seq: Seq) {
        self.retire_state(seq);
        let key = self.out.get(&seq).and_then(|e| e.key.clone());
        if let Some(key) = key {
            if self.lanes.get(&key).is_some_and(Lane::must_read) {
                // What follows is not known yet. The place stays, handled, until it is.
                if let Some(entry) = self.out.get_mut(&seq) {
                    entry.state = State::Passed;
                }
                self.parched.insert(key);
                self.give_row(seq);
                self.advance();
                return;
            }
            self.follow(&key);
        }
        self.remove(seq);
        self.advance();
    }

    /// Takes an event out of the sets that its state put it in.
    fn retire_state(&mut self, seq: Seq) {
        match self.out.get(&seq).map(|e| e.state) {
            Some(State::Ready) => drop(self.ready.remove(&seq)),
            Some(State::InFlight { order }) => drop(self.flying.remove(&order)),
            Some(State::Retry { due }) => drop(self.due.remove(&(due, seq))),
            Some(State::Passed) | None => {}
        }
    }

    fn remove(&mut self, seq: Seq) {
        let Some(entry) = self.out.remove(&seq) else { return };
        self.unrowed.remove(&seq);
        if seq > self.mark {
            self.done.insert(seq);
            let key = self.early.get(&seq).cloned().flatten();
            self.change.rows.insert(seq, Some(Row { state: RowState::Done, key, tries: Tries::default() }));
        } else if let Some(key) = self.early.get(&seq).cloned() {
            self.note_early(seq, key);
        } else if entry.rowed {
            self.change.rows.insert(seq, None);
        }
    }

    fn give_row(&mut self, seq: Seq) {
        if let Some(entry) = self.out.get_mut(&seq) {
            entry.rowed = true;
        }
        self.unrowed.remove(&seq);
        self.write_row(seq);
    }

    fn write_row(&mut self, seq: Seq) {
        if let Some(entry) = self.out.get(&seq) {
            let state = match entry.state {
                State::Ready | State::InFlight { .. } => RowState::Open,
                State::Retry { due } => RowState::Retry(due),
                State::Passed => RowState::Passed,
            };
            self.change.rows.insert(seq, Some(Row { state, key: entry.key.clone(), tries: (*entry.tries).clone() }));
        }
    }

    /// Moves the mark as far as it may go.
    fn advance(&mut self) {
        loop {
            let mark = self.unrowed.first().map_or(self.cursor, |first| first - 1);
            if mark > self.mark {
                self.mark = mark;
                self.change.mark = Some(mark);
                let ahead = self.done.split_off(&(mark + 1));
                for seq in std::mem::replace(&mut self.done, ahead) {
                    if !self.early.contains_key(&seq) {
                        self.change.rows.insert(seq, None);
                    }
                }
            }
            match self.unrowed.first().copied().filter(|_| self.done.len() > MAX_AHEAD) {
                Some(first) => self.give_row(first),
                None => return,
            }
        }
    }
}
