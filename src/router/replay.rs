//! Replay: reads the log without a subscription, and follows it if wanted.
use super::frames;
use super::hub::Hub;
use super::kinds::Wants;
use super::outbox::Outbox;
use super::refusal::Refusal;
use super::store::read::{Filter, Range};
use crate::contract::ids::EventId;
use crate::contract::router::{Delivery, Replay};
use std::rc::Rc;

/// Events and bytes in one read.
const READ_EVENTS: usize = 2048;
const READ_BYTES: usize = 128 * 1024;

/// Sends what fits, then the last reply.
pub async fn run(hub: &Rc<Hub>, wanted: Replay, out: &Outbox) -> Result<(), Refusal> {
    Wants::check(&wanted.interest)?;
    let key = wanted.key.as_ref().map(|key| key.as_str().to_owned());
    let chain = wanted.correlation.as_ref().map(EventId::to_bytes);
    // Asked again each time: following, a type may be new.
    let filter = || Filter { kinds: hub.kinds.borrow().wanted(&wanted.interest), key: key.clone(), chain };
    let mut progress = hub.progress.subscribe();
    let end = wanted.to.unwrap_or(u64::MAX);
    let mut from = wanted.from.max(1);
    if let Some(since) = wanted.since_us {
        from = from.max(hub.reader.place_at(since).await?);
    }
    if let Some(count) = wanted.last {
        let filter = filter();
        let to = end.min(hub.newest());
        // None wanted: what is there already is skipped.
        from = if count == 0 {
            to + 1
        } else {
            hub.reader.last(Range { from, to, filter, limit: 0, bytes: 0 }, count).await?
        };
    }
    loop {
        let to = end.min(hub.newest());
        while from <= to {
            let range = Range { from, to, filter: filter(), limit: READ_EVENTS, bytes: READ_BYTES };
            let (bytes, scanned_to) = hub.reader.deliveries(range).await?;
            from = scanned_to.max(from) + 1;
            if bytes.is_empty() {
                continue;
            }
            out.now(bytes);
            if !out.room().await {
                return Ok(());
            }
        }
        if !wanted.follow || from > end || progress.changed().await.is_err() {
            break;
        }
    }
    out.now(frames::reply(&Delivery { token: None, seq: from.saturating_sub(1), attempt: 0, event: None }, false));
    Ok(())
}
