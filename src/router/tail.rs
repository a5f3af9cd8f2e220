//! The newest events in memory, so that subscribers that keep up never read the disk. Bounded by bytes.
use super::delivery::{Key, Seq};
use super::kinds::KindId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of events that are kept.
const MAX_BYTES: usize = 4 << 20;
/// What a row costs beside its text.
const ROW_OVERHEAD_BYTES: usize = 96;

/// One event as deliveries need it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place.
    pub seq: Seq,
    /// Its type.
    pub kind: KindId,
    /// What orders it.
    pub key: Option<Key>,
    /// Its envelope's JSON without braces and origin_seq.
    pub body: Box<[u8]>,
}

/// The end of the log.
#[derive(Debug, Default)]
pub struct Tail {
    rows: VecDeque<Arc<Row>>,
    bytes: usize,
}

impl Tail {
    /// Adds the next event; the oldest go when there is no room.
    pub fn push(&mut self, row: Arc<Row>) {
        if self.rows.back().is_some_and(|last| last.seq + 1 != row.seq) {
            // Places are looked up by distance from the first.
            self.rows.clear();
            self.bytes = 0;
        }
        self.bytes += row.body.len() + ROW_OVERHEAD_BYTES;
        self.rows.push_back(row);
        while self.bytes > MAX_BYTES
            && let Some(old) = self.rows.pop_front()
        {
            self.bytes -= old.body.len() + ROW_OVERHEAD_BYTES;
        }
    }

    /// The event at a place, if it is here.
    pub fn get(&self, seq: Seq) -> Option<&Arc<Row>> {
        let first = self.rows.front()?.seq;
        self.rows.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: Seq, size: usize) -> Arc<Row> {
        Arc::new(Row { seq, kind: 1, key: None, body: "x".repeat(size).into_bytes().into() })
    }

    #[test]
    fn it_forgets_the_oldest_and_finds_by_place() {
        let mut tail = Tail::default();
        for seq in 10..110 {
            tail.push(row(seq, 100_000));
        }
        assert!(tail.get(10).is_none() && tail.get(9).is_none() && tail.get(110).is_none());
        assert_eq!(tail.get(109).map(|r| r.seq), Some(109));
        let kept = (10..110).filter(|s| tail.get(*s).is_some()).count();
        assert_eq!(kept, MAX_BYTES / (100_000 + ROW_OVERHEAD_BYTES));
        tail.push(row(200, 1));
        assert!(tail.get(109).is_none(), "a gap empties it");
    }
}
