//! Storing events: repeats, places in the log, inherited correlation.
use super::fault::{Fault, fault};
use super::seen::Seen;
use crate::contract::events::Dedup;
use crate::contract::ids::EventId;
use crate::router::canonical::Fingerprint;
use crate::router::delivery::{Key, Seq};
use crate::router::ids::{self, Ids};
use crate::router::kinds::KindId;
use crate::router::tail::Row;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, ToSql, params};
use std::sync::Arc;

/// An event id's bytes.
pub type IdBytes = [u8; 16];

/// A checked event on its way to the log.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The id that the publisher chose; it may be a repeat.
    pub id: Option<IdBytes>,
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
    /// What it tells the state of, if its type tells the state of things.
    pub subject: Option<String>,
    /// The publisher's clock.
    pub time_us: i64,
    /// What a repeat is recognised by, and for how long.
    pub dedup: Option<(Fingerprint, Dedup)>,
    /// The envelope's JSON without braces and origin_seq. It begins with the id, which is filled in here if the
    /// publisher gave none.
    pub body: Vec<u8>,
}

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Stored {
    /// It is in the log, once the transaction is.
    New(Arc<Row>, IdBytes),
    /// It was there before.
    Repeat(Seq, IdBytes),
}

/// Text that is UTF-8 by the way it was made.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// Stores the events of one transaction.
pub struct Storing<'a> {
    db: &'a Connection,
    seen: &'a mut Seen,
    ids: &'a Ids,
    now_us: i64,
    insert: CachedStatement<'a>,
}

impl<'a> Storing<'a> {
    /// In a transaction of the connection, at this time.
    pub fn new(db: &'a Connection, seen: &'a mut Seen, ids: &'a Ids, now_us: i64) -> Result<Storing<'a>, Fault> {
        let insert = db
            .prepare_cached(
                "INSERT INTO events(seq, id, kind, key, cause, correlation, time_us, stored_us, body, named, print,
                  expires_us)
                 VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .map_err(fault("writing to"))?;
        Ok(Storing { db, seen, ids, now_us, insert })
    }

    /// Stores one event at `seq`, or finds that it is a repeat. The event's text goes with the row; it is left if this
    /// fails.
    pub fn store(&mut self, event: &mut Prepared, seq: Seq) -> Result<Stored, Fault> {
        if let Some(id) = &event.id
            && let Some(seq) = place_of(self.db, id)?
        {
            return Ok(Stored::Repeat(seq, *id));
        }
        if let Some((print, rule)) = &event.dedup
            && let Some((seq, id)) = self.seen.repeat(self.db, print, *rule, self.now_us)?
        {
            return Ok(Stored::Repeat(seq, id));
        }
        let id = match event.id {
            Some(id) => id,
            None => {
                let id = self.ids.at(seq, self.now_us);
                ids::write(&id, &mut event.body);
                id
            }
        };
        let (correlation, inherited) = match (event.correlation, event.cause) {
            (None, Some(cause)) => (Some(correlation_of(self.db, &cause)?), true),
            (correlation, _) => (correlation, false),
        };
        let mut body = event.body.clone();
        if let Some(first) = correlation.filter(|_| inherited) {
            body.extend_from_slice(format!(",\"correlation\":\"{}\"", EventId::from_bytes(first)).as_bytes());
        }
        let expires_us = event.dedup.and_then(|(_, rule)| match rule {
            Dedup::Window(seconds) => Some(self.now_us + i64::from(seconds) * 1_000_000),
            Dedup::UniqueForever | Dedup::EveryOne => None,
        });
        self.insert
            .execute(params![
                seq.cast_signed(),
                id,
                event.kind,
                event.key.as_deref(),
                event.cause,
                correlation,
                event.time_us,
                self.now_us,
                Text(&body),
                event.id.is_some(),
                event.dedup.map(|(print, _)| print),
                expires_us
            ])
            .map_err(fault("writing to"))?;
        if let Some(subject) = &event.subject {
            self.db
                .prepare_cached("INSERT OR REPLACE INTO latest(kind, subject, seq) VALUES(?, ?, ?)")
                .and_then(|mut s| s.execute(params![event.kind, subject, seq.cast_signed()]))
                .map_err(fault("writing to"))?;
        }
        if let Some((print, _)) = event.dedup {
            self.seen.add(print, seq, id, expires_us);
        }
        Ok(Stored::New(
            Arc::new(Row { seq, kind: event.kind, key: event.key.clone(), body: body.into_boxed_slice() }),
            id,
        ))
    }
}

/// Where the event with an id stands. Ids of the router's own making say it themselves.
pub fn place_of(db: &Connection, id: &IdBytes) -> Result<Option<Seq>, Fault> {
    find_place(db, id).map_err(fault("reading"))
}

/// The same for those who only read.
pub fn find_place(db: &Connection, id: &IdBytes) -> rusqlite::Result<Option<Seq>> {
    let place = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0).map(i64::cast_unsigned);
    let mut own = db.prepare_cached("SELECT seq FROM events WHERE seq = ? AND id = ?")?;
    if let Some(seq) = own.query_row(params![ids::place(id).cast_signed(), id], place).optional()? {
        return Ok(Some(seq));
    }
    db.prepare_cached("SELECT seq FROM events WHERE id = ? AND named = 1")?.query_row([id], place).optional()
}

/// The first event of the chain that a cause belongs to; the cause itself when the log does not know better.
fn correlation_of(db: &Connection, cause: &IdBytes) -> Result<IdBytes, Fault> {
    let Some(place) = place_of(db, cause)? else { return Ok(*cause) };
    db.prepare_cached("SELECT correlation FROM events WHERE seq = ?")
        .and_then(|mut s| s.query_row([place.cast_signed()], |row| row.get::<_, Option<IdBytes>>(0)))
        .map(|found| found.unwrap_or(*cause))
        .map_err(fault("reading"))
}
