//! Subscriptions, their marks and exceptions, and dead letters: loading them, and writing what changed.
use super::fault::{Fault, fault};
use crate::contract::router::Interest;
use crate::router::delivery::{Change, Letter, Row, RowState, Seq, Tries};
use crate::router::kinds::KindId;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// A subscription's number in this database.
pub type SubId = i64;

/// A subscription as it was left.
#[derive(Debug)]
pub struct Loaded {
    /// Its number.
    pub id: SubId,
    /// Its name.
    pub name: String,
    /// What it wants.
    pub interest: Interest,
    /// Its mark.
    pub mark: Seq,
    /// When it was last connected.
    pub seen_us: Option<i64>,
    /// When it was made.
    pub created_us: i64,
    /// Its exceptions.
    pub rows: BTreeMap<Seq, Row>,
}

/// Everything that changed about one subscription.
#[derive(Debug, Clone, Default)]
pub struct SubChange {
    /// It is new, or its interest changed.
    pub define: Option<(String, Interest)>,
    /// It was connected.
    pub seen_us: Option<i64>,
    /// Its delivery state.
    pub delivery: Change,
    /// Dead letters that were delivered again, by number.
    pub redriven: Vec<u64>,
    /// It is retired.
    pub dropped: bool,
}

impl SubChange {
    /// Adds a later change.
    pub fn merge(&mut self, later: SubChange) {
        if later.define.is_some() {
            self.define = later.define;
        }
        if later.seen_us.is_some() {
            self.seen_us = later.seen_us;
        }
        self.delivery.merge(later.delivery);
        self.redriven.extend(later.redriven);
        self.dropped |= later.dropped;
    }
}

/// What a restart begins with.
#[derive(Debug)]
pub struct Beginning {
    /// Types with their numbers.
    pub kinds: Vec<(KindId, String)>,
    /// Subscriptions.
    pub subscriptions: Vec<Loaded>,
    /// The last place in the log.
    pub last_seq: Seq,
}

/// Loads it all.
pub fn load(db: &Connection) -> Result<Beginning, Fault> {
    let read = fault("loading the state of");
    let mut kinds = db.prepare("SELECT id, name FROM kinds").map_err(&read)?;
    let kinds = kinds.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect).map_err(&read)?;
    let mut list =
        db.prepare("SELECT id, name, interest, mark, seen_us, created_us FROM subscriptions").map_err(&read)?;
    let subscriptions = list.query_map([], |row| {
        Ok(Loaded {
            id: row.get(0)?,
            name: row.get(1)?,
            interest: serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default(),
            mark: row.get::<_, i64>(3)?.cast_unsigned(),
            seen_us: row.get(4)?,
            created_us: row.get(5)?,
            rows: BTreeMap::new(),
        })
    });
    let mut subscriptions: Vec<Loaded> = subscriptions.and_then(Iterator::collect).map_err(&read)?;
    let mut rows =
        db.prepare("SELECT seq, state, due_us, key, tries FROM exceptions WHERE subscription = ?").map_err(&read)?;
    for subscription in &mut subscriptions {
        subscription.rows = rows.query_map([subscription.id], row).and_then(Iterator::collect).map_err(&read)?;
    }
    // A place is never given twice, even after all events have been deleted.
    let places =
        "SELECT max(coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT max(mark) FROM subscriptions), 0),
                             coalesce((SELECT max(seq) FROM letters), 0))";
    let last_seq: i64 = db.query_row(places, [], |row| row.get(0)).map_err(&read)?;
    Ok(Beginning { kinds, subscriptions, last_seq: last_seq.cast_unsigned() })
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Seq, Row)> {
    let state = match row.get::<_, i64>(1)? {
        1 => RowState::Retry(row.get(2)?),
        2 => RowState::Passed,
        3 => RowState::Done,
        _ => RowState::Open,
    };
    let key: Option<String> = row.get(3)?;
    let tries: Tries = serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default();
    Ok((row.get::<_, i64>(0)?.cast_unsigned(), Row { state, key: key.map(Into::into), tries }))
}

/// Writes the number of a type.
pub fn write_kind(db: &Connection, id: KindId, name: &str) -> Result<(), Fault> {
    db.prepare_cached("INSERT OR IGNORE INTO kinds(id, name) VALUES(?, ?)")
        .and_then(|mut s| s.execute(params![id, name]))
        .map(|_| ())
        .map_err(fault("writing to"))
}

/// Writes what changed about one subscription.
pub fn write(db: &Connection, id: SubId, change: &SubChange, now_us: i64) -> Result<(), Fault> {
    apply(db, id, change, now_us).map_err(fault("writing to"))
}

fn apply(db: &Connection, id: SubId, change: &SubChange, now_us: i64) -> rusqlite::Result<()> {
    if change.dropped {
        db.prepare_cached("DELETE FROM subscriptions WHERE id = ?")?.execute([id])?;
        return Ok(());
    }
    if let Some((name, interest)) = &change.define {
        let interest =
            serde_json::to_string(interest).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        db.prepare_cached(
            "INSERT INTO subscriptions(id, name, interest, mark, created_us) VALUES(?1, ?2, ?3, ?4, ?5)
             ON CONFLICT(id) DO UPDATE SET interest = ?3",
        )?
        .execute(params![id, name, interest, change.delivery.mark.unwrap_or(0).cast_signed(), now_us])?;
    }
    if let Some(seen) = change.seen_us {
        db.prepare_cached("UPDATE subscriptions SET seen_us = ? WHERE id = ?")?.execute(params![seen, id])?;
    }
    for (seq, row) in &change.delivery.rows {
        match row {
            None => db
                .prepare_cached("DELETE FROM exceptions WHERE subscription = ? AND seq = ?")?
                .execute(params![id, seq.cast_signed()])?,
            Some(row) => write_row(db, id, *seq, row)?,
        };
    }
    for letter in &change.delivery.letters {
        write_letter(db, id, letter)?;
    }
    for letter in &change.redriven {
        db.prepare_cached("DELETE FROM letters WHERE id = ?")?.execute([letter.cast_signed()])?;
    }
    if let Some(mark) = change.delivery.mark {
        // Never back: whatever order changes came in.
        db.prepare_cached("UPDATE subscriptions SET mark = max(mark, ?) WHERE id = ?")?
            .execute(params![mark.cast_signed(), id])?;
    }
    Ok(())
}

fn write_row(db: &Connection, id: SubId, seq: Seq, row: &Row) -> rusqlite::Result<usize> {
    let (state, due) = match row.state {
        RowState::Open => (0, 0),
        RowState::Retry(due) => (1, due),
        RowState::Passed => (2, 0),
        RowState::Done => (3, 0),
    };
    let tries = serde_json::to_string(&row.tries).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO exceptions(subscription, seq, state, due_us, key, tries) VALUES(?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![id, seq.cast_signed(), state, due, row.key.as_deref(), tries])
}

fn write_letter(db: &Connection, id: SubId, letter: &Letter) -> rusqlite::Result<usize> {
    let reason = letter.tries.history.last().map_or("", |(_, reason)| reason);
    let history =
        serde_json::to_string(&letter.tries.history).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let tries = letter.tries.attempts + letter.tries.crashes;
    db.prepare_cached(
        "INSERT OR REPLACE INTO letters(subscriber, seq, attempts, reason, history, dead_us, redriven)
         SELECT name, ?2, ?3, ?4, ?5, ?6, ?7 FROM subscriptions WHERE id = ?1",
    )?
    .execute(params![id, letter.seq.cast_signed(), tries, reason, history, letter.dead_us, letter.tries.redriven])
}
