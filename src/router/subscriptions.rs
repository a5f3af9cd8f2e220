//! Subscriptions from the callers' side: register, ack, nack, release, retire, list, redrive.
use super::command::Command;
use super::delivery::Delivery;
use super::hub::{Counters, Hub, Sub};
use super::kinds::Wants;
use super::refusal::Refusal;
use super::store::state::SubChange;
use crate::contract::ids::SubscriberName;
use crate::contract::messages;
use crate::contract::router::calls::Release;
use crate::contract::router::{Ack, DeadLetterFilter, Interest, Nack, Start, Subscribe, SubscriberState};
use crate::contract::wire::errors;
use crate::platform::clock::now_us;
use std::rc::Rc;
use tokio::sync::oneshot;

/// Most deliveries in flight of one subscription.
pub const MAX_IN_FLIGHT: u32 = 1024;

/// Where the writer's answer to a change of a subscription comes.
pub type Written = oneshot::Receiver<Result<(), Refusal>>;

/// Checks what a subscription wants.
pub fn check(wanted: &Subscribe) -> Result<(), Refusal> {
    Wants::check(&wanted.interest)?;
    if !(1..=MAX_IN_FLIGHT).contains(&wanted.max_in_flight) {
        let message = format!("{} is out of range; must be from 1 to {MAX_IN_FLIGHT}", wanted.max_in_flight);
        return Err(Refusal::parameter(errors::INVALID_PARAMETER, "max_in_flight", message));
    }
    Ok(())
}

/// Makes subscriptions that are not there, and changes the interest of those that are. Answered when the disk has it.
pub async fn define(hub: &Hub, wanted: &[Subscribe]) -> Result<(), Refusal> {
    for one in wanted {
        check(one)?;
    }
    let mut changes = Vec::new();
    {
        let mut subs = hub.subs.borrow_mut();
        for one in wanted {
            if let Some(sub) = subs.get_mut(&one.name) {
                if *sub.wants.interest() != one.interest {
                    sub.wants = Wants::new(one.interest.clone());
                    changes.push((sub.id, defined(&one.name, &one.interest)));
                }
                continue;
            }
            let mark = match one.start {
                Start::Now => hub.newest(),
                Start::Beginning => 0,
            };
            let mut delivery = Delivery::new(mark);
            let id = subs.values().map(|sub| sub.id).max().map_or(1, |id| id + 1);
            changes.push((id, SubChange { delivery: delivery.take_change(), ..defined(&one.name, &one.interest) }));
            let wants = Wants::new(one.interest.clone());
            let sub = Sub {
                id,
                wants,
                delivery,
                token: None,
                stream: None,
                seen_us: None,
                created_us: now_us(),
                written: mark,
            };
            subs.insert(one.name.clone(), sub);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    hub.ask(|answer| Command::Persist { changes, durable: true, answer: Some(answer) }).await
}

fn defined(name: &SubscriberName, interest: &Interest) -> SubChange {
    SubChange { define: Some((name.as_str().to_owned(), interest.clone())), ..SubChange::default() }
}

/// Finds the subscription that the token is good for.
fn authorised<'a>(
    subs: &'a mut std::collections::BTreeMap<SubscriberName, Sub>,
    name: &SubscriberName,
    token: &str,
) -> Result<&'a mut Sub, Refusal> {
    let Some(sub) = subs.get_mut(name) else {
        return Err(Refusal::parameter(
            errors::NOT_FOUND,
            "name",
            format!("no subscription {name}; create it with Register or Subscribe"),
        ));
    };
    if sub.token.as_deref() != Some(token) {
        return Err(Refusal::parameter(
            errors::FENCED,
            "token",
            format!("not the token of the current stream of {name}; call Subscribe again"),
        ));
    }
    Ok(sub)
}

/// Events were handled. What comes back tells when it is written; nothing when it was already.
pub fn ack(hub: &Hub, ack: &Ack) -> Result<Option<Written>, Refusal> {
    let mut subs = hub.subs.borrow_mut();
    let sub = authorised(&mut subs, &ack.name, &ack.token)?;
    let fresh = ack.seqs.iter().filter(|seq| sub.delivery.ack(**seq)).count();
    Counters::add(&hub.counters.acked, fresh);
    sub.wake();
    Ok((fresh > 0).then(|| write(hub, sub)))
}

/// A handler failed.
pub fn nack(hub: &Hub, nack: &Nack) -> Result<Option<Written>, Refusal> {
    let mut subs = hub.subs.borrow_mut();
    let sub = authorised(&mut subs, &nack.name, &nack.token)?;
    let delay = nack.delay_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000));
    let given_up = sub.delivery.nack(nack.seq, &nack.reason, delay, nack.dead, &hub.settings.borrow().rules, now_us());
    if given_up == Some(true) {
        tracing::warn!(
            MESSAGE_ID = messages::DEAD_LETTER,
            subscriber = %nack.name, seq = nack.seq, reason = %nack.reason,
            "delivery failed after its last attempt; it is now a dead letter"
        );
    }
    // Also when nothing new can go out: a stream that waits must learn of the new time to wait for.
    if let Some(stream) = &sub.stream {
        stream.wake.notify_one();
    }
    Ok(given_up.map(|_| write(hub, sub)))
}

fn write(hub: &Hub, sub: &mut Sub) -> Written {
    let (answer, written) = oneshot::channel();
    sub.written = sub.delivery.mark();
    let change = SubChange { delivery: sub.delivery.take_change(), ..SubChange::default() };
    hub.command(Command::Persist { changes: vec![(sub.id, change)], durable: false, answer: Some(answer) });
    written
}

/// A subscriber leaves in order.
pub fn release(hub: &Hub, release: &Release) -> Result<(), Refusal> {
    let wake = {
        let mut subs = hub.subs.borrow_mut();
        let sub = authorised(&mut subs, &release.name, &release.token)?;
        sub.stream.as_ref().map(|stream| stream.wake.clone())
    };
    hub.close_stream(&release.name, &release.token, false);
    if let Some(wake) = wake {
        wake.notify_one();
    }
    Ok(())
}

/// Forgets a subscription.
pub async fn retire(hub: &Hub, name: &SubscriberName) -> Result<(), Refusal> {
    let id = {
        let mut subs = hub.subs.borrow_mut();
        match subs.get(name) {
            None => return Err(Refusal::parameter(errors::NOT_FOUND, "name", format!("no subscription {name}"))),
            Some(sub) if sub.stream.is_some() => {
                return Err(Refusal::parameter(errors::REFUSED, "name", format!("{name} is connected; stop it first")));
            }
            Some(sub) => {
                let id = sub.id;
                subs.remove(name);
                id
            }
        }
    };
    tracing::info!(subscriber = %name, "retired");
    let change = SubChange { dropped: true, ..SubChange::default() };
    hub.ask(|answer| Command::Persist { changes: vec![(id, change)], durable: true, answer: Some(answer) }).await
}

/// All subscriptions with their lag.
pub async fn list(hub: &Rc<Hub>) -> Result<Vec<SubscriberState>, Refusal> {
    let mut dead = hub.reader.letter_counts().await?;
    let mut states = Vec::new();
    let mut behind = Vec::new();
    {
        let kinds = hub.kinds.borrow();
        for (name, sub) in hub.subs.borrow().iter() {
            let delivery = &sub.delivery;
            if delivery.cursor() < hub.last() {
                behind.push((states.len(), delivery.cursor(), kinds.wanted(sub.wants.interest()), delivery.ahead()));
            }
            states.push(SubscriberState {
                name: name.clone(),
                interest: sub.wants.interest().clone(),
                low_water: sub.written,
                lag: delivery.open() as u64,
                in_flight: delivery.in_flight() as u64,
                retrying: delivery.retrying() as u64,
                dead: dead.remove(name.as_str()).unwrap_or(0),
                connected: sub.stream.is_some(),
                last_seen_us: sub.seen_us,
                created_us: sub.created_us,
            });
        }
    }
    for (at, cursor, kinds, ahead) in behind {
        let count = hub.reader.count_after(cursor, kinds).await?;
        if let Some(state) = states.get_mut(at) {
            state.lag += count.saturating_sub(ahead as u64);
        }
    }
    // The marks were told to the writer; once it answers this they are written, so that no restart shows smaller ones.
    hub.ask(|answer| Command::Persist { changes: Vec::new(), durable: false, answer: Some(answer) }).await?;
    Ok(states)
}

/// Hands dead letters out again; returns how many. Letters of subscriptions that are retired stay.
pub async fn redrive(hub: &Hub, filter: DeadLetterFilter) -> Result<u64, Refusal> {
    let found = hub.reader.letters(filter).await?;
    let (mut count, mut changes) = (0, Vec::new());
    {
        let mut subs = hub.subs.borrow_mut();
        for letter in found {
            let Some(sub) = subs.get_mut(&letter.subscriber) else { continue };
            if sub.delivery.redrive(letter.seq, letter.redriven + 1, letter.history) {
                count += 1;
                changes.push((
                    sub.id,
                    SubChange {
                        delivery: sub.delivery.take_change(),
                        redriven: vec![letter.id],
                        ..SubChange::default()
                    },
                ));
                sub.wake();
            }
        }
    }
    if changes.is_empty() {
        return Ok(0);
    }
    hub.ask(|answer| Command::Persist { changes, durable: true, answer: Some(answer) }).await.map(|()| count)
}
