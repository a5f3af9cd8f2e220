//! Storing events: deduplication, places in the log, inherited correlation.
use super::fault::{Fault, fault};
use crate::contract::events::Dedup;
use crate::contract::ids::EventId;
use crate::router::canonical::Fingerprint;
use crate::router::delivery::{Key, Seq};
use crate::router::kinds::KindId;
use crate::router::tail::Row;
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// An event id's bytes.
pub type IdBytes = [u8; 16];

/// A checked event on its way to the log.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its id.
    pub id: IdBytes,
    /// The publisher chose the id, so it may be a repeat.
    pub id_given: bool,
    /// Its type.
    pub kind: KindId,
    /// The type's name.
    pub name: Arc<str>,
    /// What orders it.
    pub key: Option<Key>,
    /// What caused it.
    pub cause: Option<IdBytes>,
    /// The first of its chain, if the publisher said so.
    pub correlation: Option<IdBytes>,
    /// The publisher's clock.
    pub time_us: i64,
    /// What a repeat is recognised by, and for how long.
    pub dedup: Option<(Fingerprint, Dedup)>,
    /// The envelope's JSON without braces and origin_seq.
    pub body: String,
}

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Stored {
    /// It is in the log, once the transaction is.
    New(Arc<Row>, IdBytes),
    /// It was there before.
    Repeat(Seq, IdBytes),
}

/// Stores one event at `seq`, or finds that it is a repeat.
pub fn insert(db: &Connection, event: &Prepared, seq: Seq, now_us: i64) -> Result<Stored, Fault> {
    if event.id_given
        && let Some(seq) = by_id(db, &event.id)?
    {
        return Ok(Stored::Repeat(seq, event.id));
    }
    if let Some(first) = repeat(db, event, seq, now_us)? {
        return Ok(first);
    }
    let (correlation, body) = match (event.correlation, event.cause) {
        (None, Some(cause)) => {
            let first = correlation_of(db, &cause)?;
            let text = EventId::from_bytes(first);
            (Some(first), format!("{},\"correlation\":\"{text}\"", event.body))
        }
        (correlation, _) => (correlation, event.body.clone()),
    };
    db.prepare_cached(
        "INSERT INTO events(seq, id, kind, key, cause, correlation, time_us, stored_us, body) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .and_then(|mut s| {
        s.execute(params![
            seq.cast_signed(),
            event.id,
            event.kind,
            event.key.as_deref(),
            event.cause,
            correlation,
            event.time_us,
            now_us,
            body
        ])
    })
    .map_err(fault("writing to"))?;
    Ok(Stored::New(Arc::new(Row { seq, kind: event.kind, key: event.key.clone(), body: body.into_boxed_str() }), event.id))
}

fn by_id(db: &Connection, id: &IdBytes) -> Result<Option<Seq>, Fault> {
    db.prepare_cached("SELECT seq FROM events WHERE id = ?")
        .and_then(|mut s| s.query_row([id], |row| row.get::<_, i64>(0)).optional())
        .map(|seq| seq.map(i64::cast_unsigned))
        .map_err(fault("reading"))
}

/// The first publish of this content or key, if this is not it; else it is entered as the first.
fn repeat(db: &Connection, event: &Prepared, seq: Seq, now_us: i64) -> Result<Option<Stored>, Fault> {
    let Some((fingerprint, rule)) = &event.dedup else { return Ok(None) };
    let expires = match rule {
        Dedup::Window(seconds) => Some(now_us + i64::from(*seconds) * 1_000_000),
        Dedup::UniqueForever | Dedup::EveryOne => None,
    };
    let enter = |sql: &str| {
        db.prepare_cached(sql)
            .and_then(|mut s| s.execute(params![fingerprint, seq.cast_signed(), event.id, now_us, expires]))
            .map_err(fault("writing to"))
    };
    let entered = enter("INSERT OR IGNORE INTO dedup(fingerprint, seq, id, stored_us, expires_us) VALUES(?, ?, ?, ?, ?)")?;
    if entered == 1 {
        return Ok(None);
    }
    let (first, id, stored_us) = db
        .prepare_cached("SELECT seq, id, stored_us FROM dedup WHERE fingerprint = ?")
        .and_then(|mut s| s.query_row([fingerprint], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, IdBytes>(1)?, row.get::<_, i64>(2)?))))
        .map_err(fault("reading"))?;
    let within = match rule {
        Dedup::UniqueForever => true,
        // A clock that was set back must not make the window endless.
        Dedup::Window(seconds) => (0..i64::from(*seconds) * 1_000_000).contains(&(now_us - stored_us)),
        Dedup::EveryOne => false,
    };
    if within {
        return Ok(Some(Stored::Repeat(first.cast_unsigned(), id)));
    }
    enter("INSERT OR REPLACE INTO dedup(fingerprint, seq, id, stored_us, expires_us) VALUES(?, ?, ?, ?, ?)")?;
    Ok(None)
}

/// The first event of the chain that a cause belongs to; the cause itself when the log does not know better.
fn correlation_of(db: &Connection, cause: &IdBytes) -> Result<IdBytes, Fault> {
    db.prepare_cached("SELECT correlation FROM events WHERE id = ?")
        .and_then(|mut s| s.query_row([cause], |row| row.get::<_, Option<IdBytes>>(0)).optional())
        .map(|found| found.flatten().unwrap_or(*cause))
        .map_err(fault("reading"))
}
