//! What was published before, by fingerprint: the newest entries in memory, all others in runs on disk.
//!
//! An entry is durable with its event, whose row holds the fingerprint; so memory is filled again from the log after a
//! restart, and nothing is written twice at publish. When memory is full it becomes a run; when there are too many runs
//! of a level they are merged, in steps that ride along with publishes. Everything that is done in a transaction is
//! undone with it: `kept` or `undone` ends it.
use super::fault::{Fault, fault};
use super::publish::IdBytes;
use super::runs::{self, Entry, Merge, NEVER, Run, RunId, Writing};
use crate::contract::events::Dedup;
use crate::router::canonical::Fingerprint;
use crate::router::delivery::Seq;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Entries in memory from which on they become a run.
const MAX_UNSORTED: usize = if cfg!(test) { 8 } else { 16_384 };
/// Places since the last run from which on there is a new one, however small, so that a restart reads little.
const MAX_RUN_DISTANCE: u64 = 262_144;
/// Runs of one level that are merged into one of the next.
const FAN_IN: usize = if cfg!(test) { 3 } else { 8 };
/// Entries merged for each entry that is added; more than there are levels, so that merging keeps up.
const MERGES_PER_ENTRY: u64 = 8;
/// Entries merged in one step at least.
const MIN_MERGE_STEP: u64 = if cfg!(test) { 4 } else { 256 };

/// A fingerprint's first bytes are as good a hash as any.
#[derive(Debug, Default, Clone, Copy)]
struct PrefixHasher(u64);

impl Hasher for PrefixHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        let mut eight = [0; 8];
        let n = bytes.len().min(8);
        eight[..n].copy_from_slice(&bytes[..n]);
        self.0 = u64::from_le_bytes(eight);
    }
    fn write_usize(&mut self, _: usize) {}
}

type RecentEntries = HashMap<Fingerprint, Origin, BuildHasherDefault<PrefixHasher>>;

/// The first event with a fingerprint: its place, its id, and when it was stored.
type Origin = (Seq, IdBytes, i64);

/// The memory of first publishes.
#[derive(Debug, Default)]
pub struct Seen {
    fresh: RecentEntries,
    /// What `fresh` held before this transaction.
    before: Vec<(Fingerprint, Option<Origin>)>,
    runs: Vec<Run>,
    merge: Option<Merge>,
    /// The runs to merge next, and the level of what becomes of them.
    wanted: Option<(Vec<RunId>, u32)>,
    /// A merge was cut off; what it wrote is of no use.
    cut_off: bool,
    /// Up to here every entry is in a run.
    covered: Seq,
    /// What this transaction made; it counts once it is committed.
    made: Vec<Made>,
    garbage: bool,
    /// Entries added since the last step of a merge.
    added: u64,
}

#[derive(Debug)]
enum Made {
    Flushed(Option<Run>, Seq),
    Merged(Run, Vec<RunId>),
}

impl Seen {
    /// As the database has it.
    pub fn load(db: &Connection) -> Result<Seen, Fault> {
        let read = fault("loading the fingerprints of");
        import(db)?;
        let mut seen = Seen { runs: runs::load(db)?, garbage: true, ..Seen::default() };
        let covered: Option<i64> =
            db.query_row("SELECT covered FROM seen", [], |row| row.get(0)).optional().map_err(&read)?;
        seen.covered = covered.map_or(0, i64::cast_unsigned);
        let mut rest = db
            .prepare("SELECT print, seq, id, expires_us FROM events WHERE seq > ? AND print IS NOT NULL")
            .map_err(&read)?;
        let rows = rest.query_map([seen.covered.cast_signed()], |row| {
            Ok((
                row.get(0)?,
                (row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?, row.get::<_, Option<i64>>(3)?.unwrap_or(NEVER)),
            ))
        });
        seen.fresh = rows.and_then(Iterator::collect).map_err(&read)?;
        seen.plan(i64::MIN);
        drop(rest);
        Ok(seen)
    }

    /// The first publish that this one repeats, by the rule of its type.
    pub fn repeat(
        &self,
        db: &Connection,
        print: &Fingerprint,
        rule: Dedup,
        now_us: i64,
    ) -> Result<Option<(Seq, IdBytes)>, Fault> {
        let mut found = self.fresh.get(print).copied();
        for run in &self.runs {
            if let Some(entry) = run.find(db, print)?
                && found.is_none_or(|(seq, _, _)| seq < entry.seq)
            {
                found = Some((entry.seq, entry.id, entry.expires_us));
            }
        }
        let Some((seq, id, expires_us)) = found else { return Ok(None) };
        let within = match rule {
            Dedup::UniqueForever => true,
            // A clock that was set back must not make the window endless.
            Dedup::Window(seconds) => (1..=i64::from(seconds) * 1_000_000).contains(&expires_us.saturating_sub(now_us)),
            Dedup::EveryOne => false,
        };
        Ok(within.then_some((seq, id)))
    }

    /// Remembers a first publish; its event's row has the same.
    pub fn add(&mut self, print: Fingerprint, seq: Seq, id: IdBytes, expires_us: Option<i64>) {
        let old = self.fresh.insert(print, (seq, id, expires_us.unwrap_or(NEVER)));
        self.before.push((print, old));
        self.added += 1;
    }

    /// Does what is due in the transaction that stores events up to `last`.
    pub fn work(&mut self, db: &Connection, last: Seq, now_us: i64) -> Result<(), Fault> {
        if self.fresh.len() >= MAX_UNSORTED || last.saturating_sub(self.covered) >= MAX_RUN_DISTANCE {
            self.flush(db, last)?;
        }
        let budget = MIN_MERGE_STEP.max(self.added * MERGES_PER_ENTRY);
        self.added = 0;
        if self.has_work() { self.step(db, budget, now_us) } else { Ok(()) }
    }

    /// Whether there is something to merge or to delete.
    pub fn has_work(&self) -> bool {
        self.merge.is_some() || self.wanted.is_some() || self.garbage
    }

    /// One step of merging or deleting, in a transaction. One that began in a transaction which is undone begins again.
    pub fn step(&mut self, db: &Connection, budget: u64, now_us: i64) -> Result<(), Fault> {
        if self.cut_off {
            db.execute("UPDATE runs SET state = 2 WHERE state = 0", []).map_err(fault("writing to"))?;
            self.cut_off = false;
        }
        if self.merge.is_none()
            && let Some((ids, level)) = self.wanted.take()
        {
            let inputs: Vec<&Run> = self.runs.iter().filter(|run| ids.contains(&run.id)).collect();
            self.merge = Some(Merge::begin(db, &inputs, level)?);
        }
        match self.merge.take() {
            Some(mut merge) => {
                if merge.step(db, budget, now_us)? {
                    let inputs = merge.inputs();
                    self.made.push(Made::Merged(merge.end(db)?, inputs));
                } else {
                    self.merge = Some(merge);
                }
            }
            None => self.garbage = runs::drop_some(db)?,
        }
        Ok(())
    }

    /// One step of its own, when nothing else is to do. It needs no wait for the disk: what a power cut undoes is done
    /// again.
    pub fn step_alone(&mut self, db: &Connection, now_us: i64) -> Result<(), Fault> {
        let step = db.unchecked_transaction().map_err(fault("writing to"))?;
        let done = self
            .step(&step, MIN_MERGE_STEP * MERGES_PER_ENTRY, now_us)
            .and_then(|()| step.commit().map_err(fault("committing to")));
        if done.is_ok() {
            self.kept()
        } else {
            self.undone()
        }
        done
    }

    /// Writes what is in memory, so that no event up to `last` is needed for its fingerprint; and has runs cleared most
    /// of which has expired. For a run of retention.
    pub fn tidy(&mut self, db: &Connection, last: Seq, now_us: i64) -> Result<(), Fault> {
        let step = db.unchecked_transaction().map_err(fault("writing to"))?;
        let done = self.flush(&step, last).and_then(|()| step.commit().map_err(fault("committing to")));
        if done.is_ok() {
            self.kept()
        } else {
            self.undone()
        }
        self.plan(now_us);
        done
    }

    /// Writes what is in memory as a run.
    fn flush(&mut self, db: &Connection, last: Seq) -> Result<(), Fault> {
        let mut entries: Vec<Entry> = self
            .fresh
            .iter()
            .map(|(print, (seq, id, expires_us))| Entry { print: *print, seq: *seq, id: *id, expires_us: *expires_us })
            .collect();
        entries.sort_unstable();
        let run = match entries.len() as u64 {
            0 => None,
            count => Some(Writing::begin(db, 0, count)?.all(db, &entries)?),
        };
        db.prepare_cached("INSERT OR REPLACE INTO seen(one, covered) VALUES(1, ?)")
            .and_then(|mut s| s.execute([last.cast_signed()]))
            .map_err(fault("writing to"))?;
        self.made.push(Made::Flushed(run, last));
        Ok(())
    }

    /// The transaction is committed.
    pub fn kept(&mut self) {
        self.before.clear();
        for made in std::mem::take(&mut self.made) {
            match made {
                Made::Flushed(run, last) => {
                    self.fresh = RecentEntries::default();
                    self.covered = last;
                    self.runs.extend(run);
                }
                Made::Merged(run, inputs) => {
                    self.runs.retain(|old| !inputs.contains(&old.id));
                    self.runs.push(run);
                    self.garbage = true;
                }
            }
            self.plan(i64::MIN);
        }
    }

    /// The transaction is rolled back.
    pub fn undone(&mut self) {
        for (print, old) in std::mem::take(&mut self.before).into_iter().rev() {
            match old {
                Some(old) => drop(self.fresh.insert(print, old)),
                None => drop(self.fresh.remove(&print)),
            }
        }
        self.made.clear();
        self.merge = None;
        self.cut_off = true;
        self.garbage = true;
        self.plan(i64::MIN);
    }

    /// Decides what is merged next: too many runs of a level, or one that is stale at this time.
    fn plan(&mut self, now_us: i64) {
        if self.merge.is_some() || self.wanted.is_some() {
            return;
        }
        let deepest = self.runs.iter().map(|run| run.level).max().unwrap_or(0);
        for level in 0..=deepest {
            let of_level: Vec<RunId> = self.runs.iter().filter(|run| run.level == level).map(|run| run.id).collect();
            if of_level.len() >= FAN_IN {
                self.wanted = Some((of_level, level + 1));
                return;
            }
        }
        let stale = |run: &&Run| run.expiring * 2 > run.entries && run.latest_us < now_us;
        self.wanted = self.runs.iter().find(stale).map(|run| (vec![run.id], run.level));
    }

    /// How many entries there are, repeated ones counted again.
    #[cfg(test)]
    pub fn entries(&self) -> u64 {
        self.fresh.len() as u64 + self.runs.iter().map(|run| run.entries).sum::<u64>()
    }
}

/// Takes over the table of the first schema, once.
fn import(db: &Connection) -> Result<(), Fault> {
    let failed = fault("bringing the fingerprints into their new form in");
    let there: bool = db
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'dedup'", [], |row| row.get(0))
        .map_err(&failed)?;
    if !there {
        return Ok(());
    }
    let step = db.unchecked_transaction().map_err(&failed)?;
    let mut entries = {
        let mut old = step.prepare("SELECT fingerprint, seq, id, expires_us FROM dedup").map_err(&failed)?;
        let rows = old.query_map([], |row| {
            let (print, seq, id) = (row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?);
            Ok(Entry { print, seq, id, expires_us: row.get::<_, Option<i64>>(3)?.unwrap_or(NEVER) })
        });
        rows.and_then(Iterator::collect::<rusqlite::Result<Vec<Entry>>>).map_err(&failed)?
    };
    entries.sort_unstable();
    if !entries.is_empty() {
        // Where merging would have brought as many.
        let level = (entries.len() / MAX_UNSORTED).max(1).ilog(FAN_IN);
        Writing::begin(&step, level, entries.len() as u64)?.all(&step, &entries)?;
    }
    step.execute(
        "INSERT OR REPLACE INTO seen(one, covered) VALUES(1, (SELECT coalesce(max(seq), 0) FROM events))",
        params![],
    )
    .map_err(&failed)?;
    step.execute_batch("DROP TABLE dedup").map_err(&failed)?;
    step.commit().map_err(&failed)
}
