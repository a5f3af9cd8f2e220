//! The stream of one subscription: decides step by step what goes out next, and where it comes from.
use super::delivery::{Delivery, Micros, Offer, Refill, Seq};
use super::frames;
use super::hub::{Counters, Hub, Sub};
use super::outbox::Outbox;
use super::refusal::Refusal;
use super::store::read::{Filter, Range};
use super::tail::Row;
use crate::contract::ids::SubscriberName;
use crate::contract::wire::errors;
use crate::platform::clock::now_us;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Bytes of deliveries in one step.
const CHUNK: usize = 64 * 1024;
/// Events and bytes in one read of the log.
const READ_EVENTS: usize = 256;
const READ_BYTES: usize = 256 * 1024;
/// Events that were read for a lane and are kept until their turn.
const MAX_KEPT: usize = 512;

/// One stream.
pub struct Stream {
    hub: Rc<Hub>,
    name: SubscriberName,
    token: String,
    wake: Rc<Notify>,
    max_in_flight: usize,
    kept: HashMap<Seq, Arc<Row>>,
    read: VecDeque<Arc<Row>>,
    read_to: Seq,
}

/// What to do next.
enum Step {
    Send(Vec<u8>),
    ReadAt(Vec<Seq>),
    ReadLane(Refill, Filter),
    ReadOn(Range),
    Wait(Option<Micros>),
    End(Refusal),
}

impl Stream {
    /// Of a stream that the hub has opened.
    pub fn new(hub: Rc<Hub>, name: SubscriberName, token: String, wake: Rc<Notify>, max_in_flight: usize) -> Stream {
        Stream { hub, name, token, wake, max_in_flight, kept: HashMap::new(), read: VecDeque::new(), read_to: 0 }
    }

    /// Sends deliveries until the subscription is taken over, released or retired; says why it ended. The caller drops
    /// it when the subscriber is gone.
    pub async fn run(&mut self, out: &Outbox) -> Refusal {
        loop {
            match self.step() {
                Step::Send(frames) => {
                    out.now(frames);
                    if !out.room().await {
                        std::future::pending::<()>().await;
                    }
                }
                Step::ReadAt(seqs) => {
                    if let Err(refusal) = self.read_at(seqs).await {
                        return refusal;
                    }
                }
                Step::ReadLane(refill, filter) => {
                    if let Err(refusal) = self.read_lane(refill, filter).await {
                        return refusal;
                    }
                }
                Step::ReadOn(range) => match self.hub.reader.range(range).await {
                    Ok(found) => {
                        self.read = found.rows.into();
                        self.read_to = found.scanned_to;
                    }
                    Err(refusal) => return refusal,
                },
                Step::Wait(None) => self.wake.notified().await,
                Step::Wait(Some(due)) => {
                    let wait = Duration::from_micros(due.saturating_sub(now_us()).max(0).cast_unsigned());
                    // Longer waits are cut, so that a clock that is set does not delay a retry by more than this.
                    let _ = tokio::time::timeout(wait.min(Duration::from_secs(60)), self.wake.notified()).await;
                }
                Step::End(refusal) => return refusal,
            }
        }
    }

    fn step(&mut self) -> Step {
        let hub = self.hub.clone();
        let mut subs = hub.subs.borrow_mut();
        let ended = |why: &str| Step::End(Refusal::new(errors::FENCED, why));
        let Some(sub) = subs.get_mut(&self.name) else { return ended("the subscription was retired") };
        if sub.token.as_ref() != Some(&self.token) {
            return ended("replaced by another Subscribe with the same name");
        }
        if sub.stream.is_none() {
            return ended("the subscription was released");
        }
        let mut frames = Vec::new();
        let missing = self.again(sub, &mut frames);
        if frames.is_empty() && !missing.is_empty() {
            return Step::ReadAt(missing);
        }
        if frames.is_empty()
            && let Some(refill) = sub.delivery.refill()
        {
            let kinds = hub.kinds.borrow().wanted(sub.wants.interest());
            let key = Some(refill.key.to_string());
            return Step::ReadLane(refill, Filter { kinds, key, chain: None });
        }
        let read = if frames.len() < CHUNK { self.anew(sub, &mut frames) } else { None };
        hub.write_back(sub, false);
        match read {
            _ if !frames.is_empty() => Step::Send(frames),
            Some(range) => Step::ReadOn(range),
            None => Step::Wait(sub.delivery.next_due()),
        }
    }

    /// What can be delivered again or had to wait; returns what is not in memory.
    fn again(&mut self, sub: &mut Sub, frames: &mut Vec<u8>) -> Vec<Seq> {
        let free = self.max_in_flight.saturating_sub(sub.delivery.in_flight());
        let mut missing = Vec::new();
        let (tail, kinds) = (self.hub.tail.borrow(), self.hub.kinds.borrow());
        for seq in sub.delivery.ready(now_us(), free.min(READ_EVENTS)) {
            let Some(row) = self.kept.remove(&seq).or_else(|| tail.get(seq).cloned()) else {
                missing.push(seq);
                continue;
            };
            if !sub.wants.id(&kinds, row.kind) {
                // The interest has changed since: its handler is gone.
                sub.delivery.gone(seq);
            } else if frames.len() < CHUNK {
                self.send(&mut sub.delivery, &row, frames);
            } else {
                break;
            }
        }
        missing
    }

    /// What was not looked at before; returns what must be read for it.
    fn anew(&mut self, sub: &mut Sub, frames: &mut Vec<u8>) -> Option<Range> {
        let hub = self.hub.clone();
        let (tail, kinds, last) = (hub.tail.borrow(), hub.kinds.borrow(), hub.last());
        while sub.delivery.in_flight() < self.max_in_flight && frames.len() < CHUNK && sub.delivery.cursor() < last {
            let next = sub.delivery.cursor() + 1;
            let row = if let Some(row) = tail.get(next) {
                self.read.clear();
                self.read_to = 0;
                row.clone()
            } else if let Some(row) = self.read.pop_front() {
                row
            } else if self.read_to >= next {
                sub.delivery.skip_to(self.read_to);
                continue;
            } else {
                let kinds = kinds.wanted(sub.wants.interest());
                return Some(Range {
                    from: next,
                    to: last,
                    filter: Filter { kinds, ..Filter::default() },
                    limit: READ_EVENTS,
                    bytes: READ_BYTES,
                });
            };
            let wanted = sub.wants.id(&kinds, row.kind);
            if sub.delivery.offer(row.seq, wanted, row.key.as_ref()) == Offer::Deliver {
                self.write(&row, 1, frames);
            }
        }
        None
    }

    fn send(&self, delivery: &mut Delivery, row: &Row, frames: &mut Vec<u8>) {
        let attempt = delivery.hand_out(row.seq);
        self.write(row, attempt, frames);
    }

    fn write(&self, row: &Row, attempt: u32, frames: &mut Vec<u8>) {
        Counters::add(&self.hub.counters.delivered, 1);
        frames::delivery(row.seq, &row.body, attempt, frames);
    }

    async fn read_at(&mut self, seqs: Vec<Seq>) -> Result<(), Refusal> {
        let (rows, looked_at) = self.hub.reader.at(seqs.clone(), READ_BYTES).await?;
        self.keep(rows);
        if let Some(sub) = self.hub.subs.borrow_mut().get_mut(&self.name) {
            for seq in seqs[..looked_at].iter().filter(|seq| !self.kept.contains_key(seq)) {
                tracing::warn!(subscriber = %self.name, seq, "an event to deliver again is no longer in the log");
                sub.delivery.gone(*seq);
            }
        }
        Ok(())
    }

    async fn read_lane(&mut self, refill: Refill, filter: Filter) -> Result<(), Refusal> {
        let range = Range { from: refill.from, to: refill.to, filter, limit: refill.limit, bytes: READ_BYTES };
        let found = self.hub.reader.range(range).await?;
        let seqs: Vec<Seq> = found.rows.iter().map(|row| row.seq).collect();
        self.keep(found.rows);
        if let Some(sub) = self.hub.subs.borrow_mut().get_mut(&self.name) {
            sub.delivery.refilled(&refill, &seqs, found.scanned_to);
            self.hub.write_back(sub, false);
        }
        Ok(())
    }

    fn keep(&mut self, rows: Vec<Arc<Row>>) {
        if self.kept.len() > MAX_KEPT {
            self.kept.clear();
        }
        self.kept.extend(rows.into_iter().map(|row| (row.seq, row)));
    }
}
