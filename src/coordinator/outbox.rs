//! The outbox: events are stored in the same transaction as the change that they tell of, and published after it.
use super::change::Change;
use super::refusal::Refusal;
use crate::contract::coordinator::NewWork;
use crate::contract::events::TypedPayload;
use crate::contract::ids::{ConfigKey, EventId};
use crate::contract::router::NewEvent;
use crate::contract::wire::MAX_FRAME;
use rusqlite::params;

/// The largest event that fits a frame with what Publish adds, bytes.
pub const MAX_EVENT: usize = MAX_FRAME - 4096;

/// Who publishes.
pub const SOURCE: &str = "coordinator";

/// An event as it is stored.
pub struct Event(String);

impl Event {
    /// About a job.
    pub fn about<P: TypedPayload>(cx: &Change<'_>, work: &NewWork, payload: P) -> Result<Event, Refusal> {
        Event::new(cx, Some(work.config_key.clone()), work.cause.clone(), payload)
    }

    fn new<P: TypedPayload>(
        cx: &Change<'_>,
        key: Option<ConfigKey>,
        cause: Option<EventId>,
        payload: P,
    ) -> Result<Event, Refusal> {
        let event = NewEvent {
            id: None,
            kind: P::TYPE.info().wire.into(),
            payload: payload.to_map(),
            key,
            cause,
            correlation: None,
            source: SOURCE.into(),
            time_us: Some(cx.now.wall.us()),
            idempotency_key: None,
        };
        Ok(Event(serde_json::to_string(&event)?))
    }
    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
    /// Stores it with the change; one above `MAX_EVENT` is refused.
    pub fn store(self, cx: &mut Change<'_>) -> Result<(), Refusal> {
        if self.bytes() > MAX_EVENT {
            let why = format!("its event would have {} bytes; the maximum is {MAX_EVENT}", self.bytes());
            return Err(Refusal::bad("parameters", why));
        }
        cx.db.prepare_cached("INSERT INTO outbox (event) VALUES (?1)")?.execute([self.0])?;
        cx.state.rang = true;
        Ok(())
    }
}

/// An event about a job.
pub fn emit<P: TypedPayload>(cx: &mut Change<'_>, work: &NewWork, payload: P) -> Result<(), Refusal> {
    Event::about(cx, work, payload)?.store(cx)
}

/// An event about a task that is not in the queue.
pub fn emit_plain<P: TypedPayload>(cx: &mut Change<'_>, payload: P) -> Result<(), Refusal> {
    Event::new(cx, None, None, payload)?.store(cx)
}

/// The oldest events that wait, at most `bytes` of them but at least one, each with its number. The number makes the
/// idempotency key, so that a batch that is sent twice is stored once.
pub fn waiting(cx: &mut Change<'_>, bytes: usize) -> Result<Vec<(i64, NewEvent)>, Refusal> {
    let mut statement = cx.db.prepare_cached("SELECT n, event FROM outbox ORDER BY n LIMIT 256")?;
    let mut rows = statement.query([])?;
    let (mut batch, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (n, text): (i64, String) = (row.get(0)?, row.get(1)?);
        size += text.len() + 64;
        if size > bytes && !batch.is_empty() {
            break;
        }
        let mut event: NewEvent = serde_json::from_str(&text)?;
        event.idempotency_key = Some(format!("{SOURCE}/{}/{n}", cx.state.epoch));
        batch.push((n, event));
    }
    Ok(batch)
}

/// The router has everything up to this number.
pub fn published(cx: &mut Change<'_>, up_to: i64) -> Result<(), Refusal> {
    let published = cx.db.prepare_cached("DELETE FROM outbox WHERE n <= ?1")?.execute([up_to])?;
    (0..published).for_each(|_| cx.state.managers.handled("outbox"));
    Ok(())
}

/// The router refused this event for good: it is set aside, for the operator, and holds up nobody.
pub fn refused(cx: &mut Change<'_>, n: i64, why: &str) -> Result<(), Refusal> {
    cx.db.execute(
        "INSERT INTO outbox_refused (n, event, why) SELECT n, event, ?2 FROM outbox WHERE n = ?1",
        params![n, why],
    )?;
    cx.db.execute("DELETE FROM outbox WHERE n = ?1", [n])?;
    cx.state.managers.failed("outbox", why);
    Ok(())
}
