//! Reading the log: ranges, single events, what a lane or a count needs. Every read is one short statement, so that no
//! reader keeps the WAL from being cut back.
use super::publish::{IdBytes, find_place};
use crate::router::delivery::Seq;
use crate::router::kinds::KindId;
use crate::router::tail::Row;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::collections::BTreeSet;
use std::sync::Arc;

/// With more types than this, a scan of all events is cheaper than a look into the index for each type.
const MAX_INDEXED: usize = 16;
/// Places that one filtered scan looks at, so that it does not keep the other readers waiting.
const MAX_SCANNED: u64 = 50_000;

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these types; nothing: all.
    pub kinds: Option<Vec<KindId>>,
    /// Of this key.
    pub key: Option<String>,
    /// Of the chain that begins with this event.
    pub chain: Option<IdBytes>,
}

/// A part of the log.
#[derive(Debug, Clone)]
pub struct Range {
    /// First place.
    pub from: Seq,
    /// Last place.
    pub to: Seq,
    /// Which.
    pub filter: Filter,
    /// At most this many events.
    pub limit: usize,
    /// About this many bytes, at least one event.
    pub bytes: usize,
}

/// What a range holds.
#[derive(Debug, Default)]
pub struct Found {
    /// In order.
    pub rows: Vec<Arc<Row>>,
    /// All that fits up to here is in `rows`.
    pub scanned_to: Seq,
}

/// An event as it stands in the database, for as long as a look at it lasts.
pub struct Stored<'a> {
    /// Its place.
    pub seq: Seq,
    /// Its type.
    pub kind: KindId,
    /// What orders it.
    pub key: Option<&'a str>,
    /// Its envelope's JSON without braces and origin_seq.
    pub body: &'a [u8],
}

impl<'a> Stored<'a> {
    fn read(row: &'a rusqlite::Row<'_>) -> rusqlite::Result<Stored<'a>> {
        Ok(Stored {
            seq: row.get::<_, i64>(0)?.cast_unsigned(),
            kind: row.get(1)?,
            key: row.get_ref(2)?.as_str_or_null()?,
            body: row.get_ref(3)?.as_bytes()?,
        })
    }
    fn keep(&self) -> Arc<Row> {
        Arc::new(Row { seq: self.seq, kind: self.kind, key: self.key.map(Into::into), body: self.body.into() })
    }
}

fn to_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Arc<Row>> {
    Stored::read(row).map(|stored| stored.keep())
}

fn marks(n: usize) -> String {
    vec!["?"; n].join(",")
}

/// The events of a range.
pub fn range(db: &Connection, range: &Range) -> rusqlite::Result<Found> {
    let mut rows = Vec::new();
    let scanned_to = walk(db, range, |stored| rows.push(stored.keep()))?;
    Ok(Found { rows, scanned_to })
}

/// Shows each event of a range as it stands in the database; returns up to where all that fits was shown.
pub fn walk(db: &Connection, range: &Range, mut each: impl FnMut(&Stored<'_>)) -> rusqlite::Result<Seq> {
    match &range.filter.kinds {
        Some(kinds) if kinds.is_empty() => Ok(range.to),
        Some(kinds) if kinds.len() <= MAX_INDEXED && range.filter.key.is_none() && range.filter.chain.is_none() => {
            let found = indexed(db, range, kinds)?;
            for row in &found.rows {
                each(&Stored { seq: row.seq, kind: row.kind, key: row.key.as_deref(), body: &row.body });
            }
            Ok(found.scanned_to)
        }
        _ => scan(db, range, each),
    }
}

/// Looks up each type in its index, takes the earliest places of all, then fetches those.
fn indexed(db: &Connection, range: &Range, kinds: &[KindId]) -> rusqlite::Result<Found> {
    let mut places: BTreeSet<i64> = BTreeSet::new();
    let limit = i64::try_from(range.limit).unwrap_or(i64::MAX);
    for kind in kinds {
        let mut of_kind =
            db.prepare_cached("SELECT seq FROM events WHERE kind = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?")?;
        for seq in of_kind.query_map(params![kind, range.from.cast_signed(), range.to.cast_signed(), limit], |row| {
            row.get::<_, i64>(0)
        })? {
            places.insert(seq?);
        }
    }
    let complete = places.len() <= range.limit;
    let mut one = db.prepare_cached("SELECT seq, kind, key, body FROM events WHERE seq = ?")?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let mut cut = !complete;
    for seq in places.into_iter().take(range.limit) {
        if bytes >= range.bytes {
            cut = true;
            break;
        }
        if let Some(row) = one.query_row([seq], to_row).optional()? {
            bytes += row.body.len();
            rows.push(row);
        }
    }
    // A type whose list was cut may have more right behind the last one.
    cut |= rows.len() >= range.limit;
    let scanned_to = if cut { rows.last().map_or(range.to, |row| row.seq) } else { range.to };
    Ok(Found { rows, scanned_to })
}

fn scan(db: &Connection, range: &Range, mut each: impl FnMut(&Stored<'_>)) -> rusqlite::Result<Seq> {
    let mut sql = "SELECT seq, kind, key, body FROM events WHERE seq BETWEEN ? AND ?".to_owned();
    let filtered = range.filter.kinds.is_some() || range.filter.key.is_some() || range.filter.chain.is_some();
    let to = if filtered { range.to.min(range.from.saturating_add(MAX_SCANNED)) } else { range.to };
    let mut values = vec![Value::from(range.from.cast_signed()), Value::from(to.cast_signed())];
    condition(&range.filter, &mut sql, &mut values);
    sql.push_str(" ORDER BY seq");
    let mut statement = db.prepare_cached(&sql)?;
    let (mut count, mut bytes) = (0, 0);
    let mut cursor = statement.query(params_from_iter(values))?;
    while let Some(row) = cursor.next()? {
        let stored = Stored::read(row)?;
        each(&stored);
        bytes += stored.body.len();
        count += 1;
        if count >= range.limit || bytes >= range.bytes {
            return Ok(stored.seq);
        }
    }
    Ok(to)
}

/// The unary plus keeps SQLite from choosing the type's index and sorting.
fn condition(filter: &Filter, sql: &mut String, values: &mut Vec<Value>) {
    if let Some(kinds) = &filter.kinds {
        sql.push_str(&format!(" AND +kind IN ({})", marks(kinds.len())));
        values.extend(kinds.iter().map(|k| Value::from(*k)));
    }
    if let Some(key) = &filter.key {
        sql.push_str(" AND key = ?");
        values.push(Value::from(key.clone()));
    }
    if let Some(chain) = &filter.chain {
        // No index: a chain is read now and then by people, events are written all the time. The plus keeps SQLite off
        // the ids'.
        sql.push_str(" AND (correlation = ? OR +id = ?)");
        values.extend([Value::from(chain.to_vec()), Value::from(chain.to_vec())]);
    }
}

/// The place from which on the last `count` events that fit stand.
pub fn last(db: &Connection, range: &Range, count: u64) -> rusqlite::Result<Seq> {
    let mut sql = "SELECT min(seq) FROM (SELECT seq FROM events WHERE seq BETWEEN ? AND ?".to_owned();
    let mut values = vec![Value::from(range.from.cast_signed()), Value::from(range.to.cast_signed())];
    condition(&range.filter, &mut sql, &mut values);
    sql.push_str(" ORDER BY seq DESC LIMIT ?)");
    values.push(Value::from(i64::try_from(count).unwrap_or(i64::MAX)));
    let seq: Option<i64> = db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(seq.map_or(range.from, i64::cast_unsigned))
}

/// Events at these places, as far as they are still there, up to about this many bytes; and how many places were looked
/// at.
pub fn at(db: &Connection, seqs: &[Seq], bytes: usize) -> rusqlite::Result<(Vec<Arc<Row>>, usize)> {
    let mut one = db.prepare_cached("SELECT seq, kind, key, body FROM events WHERE seq = ?")?;
    let (mut rows, mut size) = (Vec::with_capacity(seqs.len()), 0);
    for (at, seq) in seqs.iter().enumerate() {
        if size >= bytes {
            return Ok((rows, at));
        }
        if let Some(row) = one.query_row([seq.cast_signed()], to_row).optional()? {
            size += row.body.len();
            rows.push(row);
        }
    }
    Ok((rows, seqs.len()))
}

/// The event with an id.
pub fn by_id(db: &Connection, id: &IdBytes) -> rusqlite::Result<Option<Arc<Row>>> {
    match find_place(db, id)? {
        Some(seq) => Ok(at(db, &[seq], usize::MAX)?.0.pop()),
        None => Ok(None),
    }
}

/// How many events of these types stand behind a place; nothing means all types.
pub fn count_after(db: &Connection, seq: Seq, kinds: Option<&[KindId]>) -> rusqlite::Result<u64> {
    let after = seq.cast_signed();
    let Some(kinds) = kinds else {
        return db
            .prepare_cached("SELECT count(*) FROM events WHERE seq > ?")?
            .query_row([after], |row| row.get::<_, i64>(0))
            .map(i64::cast_unsigned);
    };
    let mut of_kind = db.prepare_cached("SELECT count(*) FROM events WHERE kind = ? AND seq > ?")?;
    let mut sum = 0;
    for kind in kinds {
        sum += of_kind.query_row(params![kind, after], |row| row.get::<_, i64>(0))?.cast_unsigned();
    }
    Ok(sum)
}

/// How many events stand up to a place. All are counted by the smallest index, page by page, and the few behind the
/// place taken off: the log itself is never read for it.
pub fn count_to(db: &Connection, seq: Seq) -> rusqlite::Result<u64> {
    let sql = "SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM events WHERE seq > ?)";
    db.query_row(sql, [seq.cast_signed()], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// First place and number of dead letters.
pub fn figures(db: &Connection) -> rusqlite::Result<(Seq, u64)> {
    db.prepare_cached("SELECT coalesce((SELECT min(seq) FROM events), 0), (SELECT count(*) FROM letters)")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())))
}
