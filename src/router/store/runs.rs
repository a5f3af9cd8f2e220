//! Runs: sets of fingerprints on disk that are written once, in order, and then only read, merged and dropped.
//!
//! A fingerprint is as good as random, so a table keyed by it would touch another page for each event, the more the
//! longer the log lives. Runs are written from end to end instead, and every entry is rewritten only as often as there
//! are levels. A run is pages of the table `prints`; an entry's page follows from its first four bytes, so that a
//! look-up reads one page.
use super::fault::{Fault, fault};
use super::filter::Filter;
use super::publish::IdBytes;
use crate::router::canonical::Fingerprint;
use crate::router::delivery::Seq;
use rusqlite::{Connection, OptionalExtension, params};

/// Entries of a page, on average: three pages of ours fit one of SQLite's.
const ENTRIES_PER_PAGE: u64 = if cfg!(test) { 3 } else { 24 };
/// Bytes of an entry: fingerprint, place, id, time of expiry.
const ENTRY_BYTES: usize = 48;
/// Pages deleted in one step.
const PAGES_PER_DELETE: i64 = 256;
/// Expiry of what never expires.
pub const NEVER: i64 = i64::MAX;

/// What is remembered of a first publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What a repeat is recognised by.
    pub print: Fingerprint,
    /// Its place.
    pub seq: Seq,
    /// Its id.
    pub id: IdBytes,
    /// When it may be forgotten.
    pub expires_us: i64,
}

/// A run's number in this database.
pub type RunId = u32;

/// A complete run.
#[derive(Debug)]
pub struct Run {
    /// Its number; later ones are newer.
    pub id: RunId,
    /// How often its entries were merged.
    pub level: u32,
    /// How many there are.
    pub entries: u64,
    /// How many of them expire.
    pub expiring: u64,
    /// When the last of those does.
    pub latest_us: i64,
    pages: u64,
    filter: Filter,
}

impl Entry {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.print);
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.expires_us.to_le_bytes());
    }
    fn read(bytes: &[u8; ENTRY_BYTES]) -> Entry {
        let eight = |at: usize| [0, 1, 2, 3, 4, 5, 6, 7].map(|n| bytes[at + n]);
        let sixteen = |at: usize| std::array::from_fn(|n| bytes[at + n]);
        Entry {
            print: sixteen(0),
            seq: u64::from_le_bytes(eight(16)),
            id: sixteen(24),
            expires_us: i64::from_le_bytes(eight(40)),
        }
    }
}

fn page_of(print: &Fingerprint, pages: u64) -> u64 {
    (u64::from(u32::from_be_bytes([print[0], print[1], print[2], print[3]])) * pages) >> 32
}

fn place(run: RunId, page: u64) -> i64 {
    (u64::from(run) << 32 | page).cast_signed()
}

fn page(db: &Connection, run: RunId, page: u64) -> Result<Vec<Entry>, Fault> {
    let mut found = db.prepare_cached("SELECT entries FROM prints WHERE place = ?").map_err(fault("reading"))?;
    let bytes: Option<Vec<u8>> =
        found.query_row([place(run, page)], |row| row.get(0)).optional().map_err(fault("reading"))?;
    let (entries, rest) = bytes.as_deref().unwrap_or_default().as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return Err(Fault::Fatal { operation: "reading", why: format!("page {page} of run {run} has a broken entry") });
    }
    Ok(entries.iter().map(Entry::read).collect())
}

impl Run {
    /// The entry of a fingerprint.
    pub fn find(&self, db: &Connection, print: &Fingerprint) -> Result<Option<Entry>, Fault> {
        if !self.filter.perhaps(print) {
            return Ok(None);
        }
        Ok(page(db, self.id, page_of(print, self.pages))?.into_iter().find(|entry| entry.print == *print))
    }
}

/// All runs that are complete, oldest first. Others, that a merge was cut off in, are marked to be dropped.
pub fn load(db: &Connection) -> Result<Vec<Run>, Fault> {
    let read = fault("loading the fingerprints of");
    db.execute("UPDATE runs SET state = 2 WHERE state = 0", []).map_err(&read)?;
    let mut all = db
        .prepare("SELECT id, level, entries, expiring, latest_us, pages, filter FROM runs WHERE state = 1 ORDER BY id")
        .map_err(&read)?;
    let rows = all.query_map([], |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        Ok((row.get(0)?, row.get(1)?, number(2)?, number(3)?, row.get(4)?, number(5)?, row.get::<_, Vec<u8>>(6)?))
    });
    let mut runs = Vec::new();
    for row in rows.map_err(&read)? {
        let (id, level, entries, expiring, latest_us, pages, filter) = row.map_err(&read)?;
        let broken = || Fault::Fatal { operation: "reading", why: format!("run {id} has a broken filter") };
        runs.push(Run {
            id,
            level,
            entries,
            expiring,
            latest_us,
            pages,
            filter: Filter::stored(filter).ok_or_else(broken)?,
        });
    }
    Ok(runs)
}

/// Deletes some pages of a run that is not used any more; true when there was something to delete.
pub fn drop_some(db: &Connection) -> Result<bool, Fault> {
    let delete = fault("deleting from");
    let dead: Option<RunId> = db
        .prepare_cached("SELECT id FROM runs WHERE state = 2 LIMIT 1")
        .and_then(|mut s| s.query_row([], |row| row.get(0)).optional())
        .map_err(&delete)?;
    let Some(run) = dead else { return Ok(false) };
    let deleted = db
        .prepare_cached(
            "DELETE FROM prints WHERE place IN (SELECT place FROM prints WHERE place BETWEEN ? AND ? LIMIT ?)",
        )
        .and_then(|mut s| s.execute(params![place(run, 0), place(run, u64::from(u32::MAX)), PAGES_PER_DELETE]))
        .map_err(&delete)?;
    if (deleted as i64) < PAGES_PER_DELETE {
        db.prepare_cached("DELETE FROM runs WHERE id = ?").and_then(|mut s| s.execute([run])).map_err(&delete)?;
    }
    Ok(true)
}

/// A run that is being written.
#[derive(Debug)]
pub struct Writing {
    run: Run,
    next: u64,
    bytes: Vec<u8>,
}

impl Writing {
    /// Begins a run of at most this many entries.
    pub fn begin(db: &Connection, level: u32, most: u64) -> Result<Writing, Fault> {
        let pages = most.div_ceil(ENTRIES_PER_PAGE).max(1);
        db.prepare_cached(
            "INSERT INTO runs(id, state, level, entries, expiring, latest_us, pages, filter) \
            VALUES((SELECT coalesce(max(id), 0) + 1 FROM runs), 0, ?, 0, 0, 0, ?, x'')",
        )
        .and_then(|mut s| s.execute(params![level, pages.cast_signed()]))
        .map_err(fault("writing to"))?;
        let id = RunId::try_from(db.last_insert_rowid())
            .map_err(|_| Fault::Other { operation: "writing to", why: "no numbers left for runs".into() })?;
        let filter = Filter::new(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(Writing {
            run: Run { id, level, entries: 0, expiring: 0, latest_us: 0, pages, filter },
            next: 0,
            bytes: Vec::new(),
        })
    }

    /// The page that comes next; nothing when all are written.
    fn due(&self) -> Option<u64> {
        (self.next < self.run.pages).then_some(self.next)
    }

    /// Writes the next page.
    fn page(&mut self, db: &Connection, entries: &[Entry]) -> Result<(), Fault> {
        self.bytes.clear();
        for entry in entries {
            entry.write(&mut self.bytes);
            self.run.filter.add(&entry.print);
            self.run.entries += 1;
            if entry.expires_us != NEVER {
                self.run.expiring += 1;
                self.run.latest_us = self.run.latest_us.max(entry.expires_us);
            }
        }
        if !entries.is_empty() {
            db.prepare_cached("INSERT INTO prints(place, entries) VALUES(?, ?)")
                .and_then(|mut s| s.execute(params![place(self.run.id, self.next), self.bytes]))
                .map_err(fault("writing to"))?;
        }
        self.next += 1;
        Ok(())
    }

    /// Writes entries that are in order, all at once.
    pub fn all(mut self, db: &Connection, entries: &[Entry]) -> Result<Run, Fault> {
        let mut rest = entries;
        while let Some(due) = self.due() {
            let size = rest.iter().take_while(|entry| page_of(&entry.print, self.run.pages) <= due).count();
            self.page(db, &rest[..size])?;
            rest = &rest[size..];
        }
        self.end(db)
    }

    fn end(self, db: &Connection) -> Result<Run, Fault> {
        let run = self.run;
        db.prepare_cached(
            "UPDATE runs SET state = 1, entries = ?, expiring = ?, latest_us = ?, filter = ? WHERE id = ?",
        )
        .and_then(|mut s| {
            s.execute(params![
                run.entries.cast_signed(),
                run.expiring.cast_signed(),
                run.latest_us,
                run.filter.bytes(),
                run.id
            ])
        })
        .map_err(fault("writing to"))?;
        Ok(run)
    }
}

/// Several runs on their way to become one.
#[derive(Debug)]
pub struct Merge {
    inputs: Vec<Input>,
    output: Writing,
}

#[derive(Debug)]
struct Input {
    id: RunId,
    pages: u64,
    next: u64,
    entries: std::collections::VecDeque<Entry>,
}

impl Merge {
    /// Begins.
    pub fn begin(db: &Connection, inputs: &[&Run], level: u32) -> Result<Merge, Fault> {
        let output = Writing::begin(db, level, inputs.iter().map(|run| run.entries).sum())?;
        let inputs = inputs
            .iter()
            .map(|run| Input { id: run.id, pages: run.pages, next: 0, entries: Default::default() })
            .collect();
        Ok(Merge { inputs, output })
    }

    /// The runs that it makes superfluous.
    pub fn inputs(&self) -> Vec<RunId> {
        self.inputs.iter().map(|input| input.id).collect()
    }

    /// Writes pages of about this many entries; what has expired by now is left out. True: all is written.
    pub fn step(&mut self, db: &Connection, budget: u64, now_us: i64) -> Result<bool, Fault> {
        for _ in 0..budget.div_ceil(ENTRIES_PER_PAGE) {
            let Some(due) = self.output.due() else { return Ok(true) };
            let mut entries = Vec::with_capacity(2 * ENTRIES_PER_PAGE as usize);
            for input in &mut self.inputs {
                input.take(db, self.output.run.pages, due, &mut entries)?;
            }
            // Of several of one fingerprint the latest counts.
            entries.sort_unstable_by_key(|entry| (entry.print, std::cmp::Reverse(entry.seq)));
            entries.dedup_by_key(|entry| entry.print);
            entries.retain(|entry| entry.expires_us >= now_us);
            self.output.page(db, &entries)?;
        }
        Ok(self.output.due().is_none())
    }

    /// Puts the new run into the place of the old ones.
    pub fn end(self, db: &Connection) -> Result<Run, Fault> {
        let mut dead = db.prepare_cached("UPDATE runs SET state = 2 WHERE id = ?").map_err(fault("writing to"))?;
        for input in &self.inputs {
            dead.execute([input.id]).map_err(fault("writing to"))?;
        }
        self.output.end(db)
    }
}

impl Input {
    /// Takes what belongs to a page of the output.
    fn take(&mut self, db: &Connection, pages: u64, due: u64, out: &mut Vec<Entry>) -> Result<(), Fault> {
        loop {
            while self.entries.front().is_some_and(|entry| page_of(&entry.print, pages) <= due) {
                out.extend(self.entries.pop_front());
            }
            if !self.entries.is_empty() || self.next >= self.pages {
                return Ok(());
            }
            // Pages of the input that begin behind the output's page are for later.
            if (self.next << 32) / self.pages > (((due + 1) << 32) - 1) / pages {
                return Ok(());
            }
            self.entries = page(db, self.id, self.next)?.into();
            self.next += 1;
        }
    }
}
