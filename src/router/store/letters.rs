//! Dead letters: listing, choosing, deleting.
use super::fault::{Fault, fault};
use crate::contract::router::{DeadLetter, DeadLetterFilter};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::collections::BTreeMap;

fn condition(filter: &DeadLetterFilter) -> (String, Vec<Value>) {
    let mut sql = " WHERE 1".to_owned();
    let mut values = Vec::new();
    let mut add = |text: &str, value: Value| {
        sql.push_str(text);
        values.push(value);
    };
    if let Some(id) = filter.id {
        add(" AND l.id = ?", id.cast_signed().into());
    }
    if let Some(name) = &filter.subscriber {
        add(" AND l.subscriber = ?", name.as_str().to_owned().into());
    }
    if let Some(before) = filter.before_us {
        add(" AND l.dead_us < ?", before.into());
    }
    if let Some(most) = filter.max_redriven {
        add(" AND l.redriven <= ?", i64::from(most).into());
    }
    if let Some(after) = filter.after {
        add(" AND (l.dead_us, l.id) > (SELECT dead_us, id FROM letters WHERE id = ?)", after.cast_signed().into());
    }
    (sql, values)
}

/// Letters that fit, oldest first, at most `most`; with their events or without.
pub fn list(db: &Connection, filter: &DeadLetterFilter, most: u32, events: bool) -> rusqlite::Result<Vec<DeadLetter>> {
    let (condition, mut values) = condition(filter);
    values.push(i64::from(filter.limit.unwrap_or(most).min(most)).into());
    let sql = format!(
        "SELECT l.id, l.subscriber, l.seq, l.attempts, l.reason, l.history, l.dead_us, l.redriven, e.body
         FROM letters l LEFT JOIN events e ON e.seq = l.seq{condition} ORDER BY l.dead_us, l.id LIMIT ?"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let letters = statement.query_map(params_from_iter(values), |row| {
        let subscriber: String = row.get(1)?;
        let seq = row.get::<_, i64>(2)?;
        let body: Option<String> = row.get(8)?;
        Ok(DeadLetter {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            subscriber: subscriber
                .try_into()
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(e)))?,
            seq: seq.cast_unsigned(),
            event: body.filter(|_| events).and_then(|body| serde_json::from_str(&format!("{{\"origin_seq\":{seq},{body}}}")).ok()),
            attempts: row.get(3)?,
            reason: row.get(4)?,
            history: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
            dead_us: row.get(6)?,
            redriven: row.get(7)?,
        })
    })?;
    letters.collect()
}

/// How many a subscription has, by name.
pub fn counts(db: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut statement = db.prepare_cached("SELECT subscriber, count(*) FROM letters GROUP BY subscriber")?;
    let counts = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
    counts.collect()
}

/// Deletes letters that fit; returns how many.
pub fn purge(db: &Connection, filter: &DeadLetterFilter) -> Result<u64, Fault> {
    let (condition, mut values) = condition(filter);
    values.push(filter.limit.map_or(i64::MAX, i64::from).into());
    let sql = format!("DELETE FROM letters WHERE id IN (SELECT l.id FROM letters l{condition} ORDER BY l.dead_us, l.id LIMIT ?)");
    let deleted =
        db.prepare_cached(&sql).and_then(|mut s| s.execute(params_from_iter(values))).map_err(fault("deleting dead letters from"))?;
    Ok(deleted as u64)
}
