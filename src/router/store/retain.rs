//! Retention: what every subscriber has handled goes by age and, when the log is too large, oldest first. In small
//! steps, so that publishers never wait long for it.
use super::fault::{Fault, fault};
use crate::router::delivery::Seq;
use crate::router::kinds::KindId;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of an event beside its text: ids, times, fingerprint, its entry in the index of types.
const ROW_OVERHEAD_BYTES: f64 = 90.0;
/// Events deleted in one step.
const EVENTS_PER_DELETE: i64 = 500;
/// Free pages that are kept for what comes next. What is above goes back to the file system, 256 pages in one step.
const MIN_FREE_PAGES: i64 = 64;

/// What stays whatever its age and place: events of dead letters, and the newest word on how something stands.
const NOT_KEPT_SQL: &str = "seq NOT IN (SELECT seq FROM letters) AND seq NOT IN (SELECT seq FROM latest)";

/// What may go of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The type.
    pub kind: KindId,
    /// No subscriber needs events of it below this place.
    pub floor: Seq,
    /// It is kept until this age.
    pub cutoff_us: i64,
    /// Below this place the type has more than it may take: they go whatever their age. See `place_by_size`.
    pub too_many: Seq,
}

/// A run of retention, carried out step by step.
#[derive(Debug, Default)]
pub struct Plan {
    by_age: VecDeque<Allowance>,
    floors: BTreeMap<KindId, Seq>,
    max_bytes: u64,
    swept_to: Seq,
    deleted: u64,
    /// Vacuuming ends when it does not help any more, on a file that was made without it say.
    free_before: i64,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events deleted.
    pub deleted: u64,
    /// Still larger than allowed, with nothing that may go.
    pub over: bool,
}

impl Plan {
    /// Of what may go; `last` is never deleted, so that places continue from it.
    pub fn new(allowances: Vec<Allowance>, max_bytes: u64, last: Seq) -> Plan {
        let allowances = allowances.into_iter().map(|a| Allowance { floor: a.floor.min(last), ..a });
        let by_age: VecDeque<Allowance> = allowances.collect();
        let floors = by_age.iter().map(|a| (a.kind, a.floor)).collect();
        Plan { by_age, floors, max_bytes, swept_to: 0, deleted: 0, free_before: i64::MAX }
    }

    /// Does one step in its own transaction; the outcome when nothing is left to do.
    pub fn step(&mut self, db: &Connection) -> Result<Option<Outcome>, Fault> {
        if let Some(allowance) = self.by_age.front().copied() {
            let to = place_at(db, allowance.cutoff_us)
                .map_err(fault("reading"))?
                .max(allowance.too_many)
                .min(allowance.floor);
            let deleted = delete_kind(db, allowance.kind, to)?;
            self.deleted += deleted;
            if deleted < EVENTS_PER_DELETE as u64 {
                self.by_age.pop_front();
            }
            return Ok(None);
        }
        let over = used_bytes(db)? > self.max_bytes;
        if over && self.sweep(db)? {
            return Ok(None);
        }
        let free = free_pages(db)?;
        if free > MIN_FREE_PAGES && free < self.free_before {
            self.free_before = free;
            let mut vacuum = db.prepare_cached("PRAGMA incremental_vacuum(256)").map_err(fault("vacuuming"))?;
            let mut rows = vacuum.query([]).map_err(fault("vacuuming"))?;
            while rows.next().map_err(fault("vacuuming"))?.is_some() {}
            return Ok(None);
        }
        Ok(Some(Outcome { deleted: self.deleted, over }))
    }

    /// Deletes among the next few of the oldest events; false at the end of what may go.
    fn sweep(&mut self, db: &Connection) -> Result<bool, Fault> {
        let highest = self.floors.values().copied().max().unwrap_or(0);
        let mut next = db
            .prepare_cached(&format!(
                "SELECT seq, kind FROM events WHERE seq > ? AND seq < ? AND {NOT_KEPT_SQL} ORDER BY seq LIMIT ?"
            ))
            .map_err(fault("reading"))?;
        let found: Vec<(i64, KindId)> = next
            .query_map(params![self.swept_to.cast_signed(), highest.cast_signed(), EVENTS_PER_DELETE], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .and_then(Iterator::collect)
            .map_err(fault("reading"))?;
        let Some((last, _)) = found.last() else { return Ok(false) };
        self.swept_to = last.cast_unsigned();
        let step = db.unchecked_transaction().map_err(fault("deleting from"))?;
        let mut delete = db.prepare_cached("DELETE FROM events WHERE seq = ?").map_err(fault("deleting from"))?;
        for (seq, kind) in found {
            if self.floors.get(&kind).is_some_and(|floor| seq.cast_unsigned() < *floor) {
                self.deleted += delete.execute([seq]).map_err(fault("deleting from"))? as u64;
            }
        }
        step.commit().map_err(fault("deleting from"))?;
        Ok(true)
    }
}

fn free_pages(db: &Connection) -> Result<i64, Fault> {
    db.query_row("PRAGMA freelist_count", [], |row| row.get(0)).map_err(fault("measuring"))
}

fn delete_kind(db: &Connection, kind: KindId, to: Seq) -> Result<u64, Fault> {
    db.prepare_cached(&format!(
        "DELETE FROM events WHERE seq IN
         (SELECT seq FROM events WHERE kind = ? AND seq < ? AND {NOT_KEPT_SQL} ORDER BY seq LIMIT ?)"
    ))
    .and_then(|mut s| s.execute(params![kind, to.cast_signed(), EVENTS_PER_DELETE]))
    .map(|n| n as u64)
    .map_err(fault("deleting from"))
}

/// The place below which a type's events are more than this many bytes, as far as the size of its last hundred tells.
/// It counts, so it is for a connection that keeps no publish waiting.
pub fn place_by_size(db: &Connection, kind: KindId, max_bytes: u64) -> rusqlite::Result<Seq> {
    let mut size = db.prepare_cached(
        "SELECT avg(length(body)) FROM (SELECT body FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 100)",
    )?;
    let Some(average) = size.query_row([kind], |row| row.get::<_, Option<f64>>(0))? else { return Ok(0) };
    let allowed = (max_bytes as f64 / (average + ROW_OVERHEAD_BYTES)) as i64;
    let mut first = db.prepare_cached("SELECT seq FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?")?;
    let first: Option<i64> = first.query_row([i64::from(kind), (allowed - 1).max(0)], |row| row.get(0)).optional()?;
    Ok(first.map_or(0, i64::cast_unsigned))
}

/// The first place stored at this time or later, by bisection: places and times grow together.
pub fn place_at(db: &Connection, time_us: i64) -> rusqlite::Result<Seq> {
    let last: Option<i64> = db.query_row("SELECT max(seq) FROM events", [], |row| row.get(0))?;
    let mut next = db.prepare_cached("SELECT seq, stored_us FROM events WHERE seq >= ? ORDER BY seq LIMIT 1")?;
    let (mut low, mut high) = (0i64, last.map_or(0, |last| last + 1));
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((seq, stored)) if stored < time_us => low = seq + 1,
            _ => high = middle,
        }
    }
    Ok(low.cast_unsigned())
}

/// Bytes of pages that hold something.
pub fn used_bytes(db: &Connection) -> Result<u64, Fault> {
    db.query_row(
        "SELECT (SELECT * FROM pragma_page_count()) - (SELECT * FROM pragma_freelist_count()), (SELECT * FROM \
            pragma_page_size())",
        [],
        |row| Ok(row.get::<_, i64>(0)?.cast_unsigned() * row.get::<_, i64>(1)?.cast_unsigned()),
    )
    .map_err(fault("measuring"))
}
