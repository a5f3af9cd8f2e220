//! Events of one key: the first is out, the others wait behind it, those that do not fit in memory wait in the log.
use super::{Delivery, Key, Row, RowState, Seq, Tries};
use std::collections::VecDeque;

/// Events of one key that wait in memory.
const MAX_WAITING: usize = if cfg!(test) { 2 } else { 256 };

/// What waits behind the first event of a key.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) head: Seq,
    queue: VecDeque<Seq>,
    /// From here on the log must be read to know what waits.
    spill: Option<Seq>,
}

impl Lane {
    pub(super) fn behind(head: Seq) -> Lane {
        Lane { head, queue: VecDeque::new(), spill: None }
    }
    pub(super) fn restored(head: Seq, spill: Option<Seq>) -> Lane {
        Lane { head, queue: VecDeque::new(), spill }
    }
    pub(super) fn push(&mut self, seq: Seq) {
        if self.spill.is_some() {
            return;
        }
        if self.queue.len() < MAX_WAITING { self.queue.push_back(seq) } else { self.spill = Some(seq) }
    }
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + usize::from(self.spill.is_some())
    }
    pub(super) fn must_read(&self) -> bool {
        self.queue.is_empty() && self.spill.is_some()
    }
}

/// What a lane wants to know: wanted events of this key in this range, in order, at most `limit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    /// The key.
    pub key: Key,
    /// First place.
    pub from: Seq,
    /// Last place.
    pub to: Seq,
    /// As many as are of use.
    pub limit: usize,
}

impl Delivery {
    /// The first event of each lane that others wait behind.
    pub fn heads(&self) -> impl Iterator<Item = (&Key, Seq)> {
        self.lanes.iter().filter(|(_, lane)| lane.waiting() > 0).map(|(key, lane)| (key, lane.head))
    }

    /// The next lane that must be read from the log.
    pub fn refill(&self) -> Option<Refill> {
        let key = self.parched.first()?.clone();
        let from = self.lanes.get(&key)?.spill?;
        Some(Refill { key, from, to: self.cursor, limit: MAX_WAITING })
    }

    /// What the log has in the range that `refill` named, up to where it was read.
    pub fn refilled(&mut self, refill: &Refill, found: &[Seq], read_to: Seq) {
        self.parched.remove(&refill.key);
        let Some(lane) = self.lanes.get_mut(&refill.key).filter(|lane| lane.spill == Some(refill.from)) else { return };
        // What was looked at since then, or lies behind what was read, is for the next time.
        let read_to = read_to.min(refill.to);
        lane.spill = (self.cursor > read_to).then_some(read_to + 1);
        let fresh = found.iter().copied().filter(|seq| {
            let known = self.done.contains(seq) || self.out.contains_key(seq) || self.early.contains_key(seq);
            !known
        });
        lane.queue.extend(fresh);
        if lane.must_read() {
            self.parched.insert(refill.key.clone());
            return;
        }
        let head = lane.head;
        self.follow(&refill.key);
        self.remove(head);
        self.advance();
    }

    /// The first event of a key is out of the way: the next one becomes ready, or the lane ends.
    pub(super) fn follow(&mut self, key: &Key) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(next) = lane.queue.pop_front() else {
            self.lanes.remove(key);
            self.forget_early();
            return;
        };
        lane.head = next;
        // Behind the mark only a row keeps it from being forgotten.
        let rowed = next <= self.mark;
        self.add(next, Some(key.clone()), rowed, Box::default());
        if rowed {
            self.write_row(next);
        }
    }

    /// It was handled before an earlier one of its key was wanted: a new interest, and a restart that looks again. Its
    /// row stays behind the mark until the lane is past it, since the lane would find it in the log and hand it out
    /// once more.
    pub(super) fn note_early(&mut self, seq: Seq, key: Option<Key>) {
        self.change.rows.insert(seq, Some(Row { state: RowState::Done, key: key.clone(), tries: Tries::default() }));
        self.early.insert(seq, key);
    }

    /// The same for those that are passed over unread, so that their keys are not known: they stay until no lane is
    /// left. There are some after a restart only, ahead of the place where it looks again.
    pub(super) fn note_unread(&mut self, from: Seq, to: Seq) {
        if !self.lanes.is_empty() {
            let passed: Vec<Seq> =
                self.done.range(from..=to).copied().filter(|seq| !self.early.contains_key(seq)).collect();
            passed.into_iter().for_each(|seq| self.note_early(seq, None));
        }
    }

    /// Lanes that have ended need not know what was handled early.
    pub(super) fn forget_early(&mut self) {
        let (lanes, done, out, rows) = (&self.lanes, &self.done, &self.out, &mut self.change.rows);
        self.early.retain(|seq, key| {
            let needed = key.as_ref().map_or(!lanes.is_empty(), |key| lanes.contains_key(key));
            // Ahead of the mark the row says what it said before: handled. One that was delivered again has a row of
            // its own.
            if !needed && !done.contains(seq) && !out.contains_key(seq) {
                rows.insert(*seq, None);
            }
            needed
        });
    }
}
