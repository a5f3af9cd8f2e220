//! Dead letters: listing, choosing, deleting.
use super::fault::{Fault, fault};
use crate::contract::router::{DeadLetter, DeadLetterFilter, DeadLetterList};
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
        add(" AND (l.dead_us, l.id) > (?, ?)", after.dead_us.into());
        values.push(after.id.cast_signed().into());
    }
    (sql, values)
}

/// Letters that fit, oldest first, as many as the filter's limit allows; without their events.
pub fn list(db: &Connection, filter: &DeadLetterFilter) -> rusqlite::Result<Vec<DeadLetter>> {
    query(db, filter, filter.limit, false, |letters| letters.collect())
}

/// The letter with a number, with its event.
pub fn one(db: &Connection, id: u64) -> rusqlite::Result<Option<DeadLetter>> {
    let filter = DeadLetterFilter { id: Some(id), ..DeadLetterFilter::default() };
    query(db, &filter, Some(1), true, |letters| letters.next().transpose())
}

/// A page of letters with their events, oldest first.
pub fn page(db: &Connection, filter: &DeadLetterFilter) -> rusqlite::Result<DeadLetterList> {
    query(db, filter, Some(filter.most() + 1), true, |letters| DeadLetterList::page(filter, letters))
}

/// Hands letters that fit to `take`, oldest first, at most so many; with their events or without.
fn query<T>(
    db: &Connection,
    filter: &DeadLetterFilter,
    most: Option<u32>,
    events: bool,
    take: impl FnOnce(&mut dyn Iterator<Item = rusqlite::Result<DeadLetter>>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let (condition, mut values) = condition(filter);
    values.push(most.map_or(i64::MAX, i64::from).into());
    // Only the events of those that are taken are looked up.
    let sql = format!(
        "SELECT l.id, l.subscriber, l.seq, l.attempts, l.reason, l.history, l.dead_us, l.redriven, e.body
         FROM (SELECT * FROM letters l{condition} ORDER BY l.dead_us,
         l.id LIMIT ?) l LEFT JOIN events e ON e.seq = l.seq
         ORDER BY l.dead_us, l.id"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut letters = statement.query_map(params_from_iter(values), |row| {
        let subscriber: String = row.get(1)?;
        let seq = row.get::<_, i64>(2)?;
        let body: Option<String> = if events { row.get(8)? } else { None };
        Ok(DeadLetter {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            subscriber: subscriber
                .try_into()
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(e)))?,
            seq: seq.cast_unsigned(),
            event: body.and_then(|body| serde_json::from_str(&format!("{{\"origin_seq\":{seq},{body}}}")).ok()),
            attempts: row.get(3)?,
            reason: row.get(4)?,
            history: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
            dead_us: row.get(6)?,
            redriven: row.get(7)?,
        })
    })?;
    take(&mut letters)
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
    let sql = format!(
        "DELETE FROM letters WHERE id IN (SELECT l.id FROM letters l{condition} ORDER BY l.dead_us, l.id LIMIT ?)"
    );
    let deleted = db
        .prepare_cached(&sql)
        .and_then(|mut s| s.execute(params_from_iter(values)))
        .map_err(fault("deleting dead letters from"))?;
    Ok(deleted as u64)
}

#[cfg(test)]
mod tests {
    use super::super::schema::MIGRATIONS;
    use super::*;

    #[test]
    fn a_page_begins_behind_the_one_before_also_when_its_letters_are_gone() {
        let db = Connection::open_in_memory().expect("a database");
        MIGRATIONS.iter().try_for_each(|step| db.execute_batch(step)).expect("the schema");
        let insert = "INSERT INTO letters(subscriber, seq, attempts, reason, history, dead_us, redriven) VALUES('s', \
            ?1, 1, '', '[]', ?2, 0)";
        // The second half is older than the first.
        for (seq, dead_us) in [(1, 20), (2, 20), (3, 20), (4, 10), (5, 10), (6, 10)] {
            db.execute(insert, [seq, dead_us]).expect("a letter");
        }
        let (mut filter, mut pages) = (DeadLetterFilter { limit: Some(2), ..Default::default() }, Vec::new());
        loop {
            let page = page(&db, &filter).expect("a page");
            let ids: Vec<u64> = page.letters.iter().map(|letter| letter.id).collect();
            for id in &ids {
                assert_eq!(
                    purge(&db, &DeadLetterFilter { id: Some(*id), ..Default::default() }).map_err(|_| ()),
                    Ok(1)
                );
            }
            filter.after = page.letters.last().map(DeadLetter::place);
            pages.push(ids);
            if !page.truncated {
                break;
            }
        }
        assert_eq!(pages, [[4, 5], [6, 1], [2, 3]]);
    }
}
