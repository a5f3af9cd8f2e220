//! What the connections share, all in one thread: subscriptions, the tail of the log, counters, the ways to writer and
//! reader.
use super::age::Age;
use super::command::{Answer, Command};
use super::delivery::{Delivery, Micros, Seq};
use super::kinds::{Kinds, Wants};
use super::meter::Meter;
use super::reader::Reader;
use super::refusal::Refusal;
use super::settings::Settings;
use super::store::state::{Beginning, Loaded, SubChange, SubId};
use super::tail::{Row, Tail};
use crate::contract::config::Begun;
use crate::contract::ids::{NodeId, SubscriberName};
use crate::contract::messages;
use crate::platform::clock::{now_us, random};
use crate::platform::varlink::Budget;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use tokio::sync::{Notify, oneshot, watch};

/// A mark that moved so far over events nobody wanted is written though nothing urgent is to write.
const WRITE_DISTANCE: u64 = 4096;

/// Counters since start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events stored.
    pub published: Cell<u64>,
    /// Repeats.
    pub duplicates: Cell<u64>,
    /// Deliveries.
    pub delivered: Cell<u64>,
    /// Acknowledgements.
    pub acked: Cell<u64>,
    /// Events in the log, once counted.
    pub events: Cell<u64>,
    /// Stored since start, by type.
    pub by_kind: RefCell<HashMap<u32, u64>>,
    /// Why publishes are refused.
    pub refusing: RefCell<Option<String>>,
    /// What an operator should know of: quarantine, a log too large.
    pub trouble: RefCell<BTreeMap<&'static str, String>>,
    /// Subscribers of which a lane stands.
    pub standing: RefCell<Vec<SubscriberName>>,
}

impl Counters {
    /// Adds to a counter.
    pub fn add(counter: &Cell<u64>, n: usize) {
        counter.set(counter.get() + n as u64);
    }
}

/// A subscription with its stream, if it has one.
#[derive(Debug)]
pub struct Sub {
    /// Its number in the database.
    pub id: SubId,
    /// What it wants.
    pub wants: Wants,
    /// What it has handled.
    pub delivery: Delivery,
    /// Of the last stream; good for acks until the next one begins.
    pub token: Option<String>,
    /// The stream.
    pub stream: Option<Stream>,
    /// When it was last connected.
    pub seen_us: Option<Micros>,
    /// When it was made.
    pub created_us: Micros,
    /// The mark that the writer was last told.
    pub written: Seq,
}

/// A connected stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Wakes it.
    pub wake: Rc<Notify>,
    /// How much it may have in flight.
    pub max_in_flight: usize,
}

impl Sub {
    fn loaded(loaded: Loaded) -> Sub {
        Sub {
            id: loaded.id,
            wants: Wants::new(loaded.interest),
            delivery: Delivery::restore(loaded.mark, loaded.rows),
            token: None,
            stream: None,
            seen_us: loaded.seen_us,
            created_us: loaded.created_us,
            written: loaded.mark,
        }
    }

    /// How long it has been away, if it is and events wait for it or lie behind it.
    pub fn absent_us(&self, last: Seq, now: Micros) -> Option<Micros> {
        let away = self.stream.is_none() && self.delivery.floor() <= last;
        away.then(|| now - self.seen_us.unwrap_or(self.created_us))
    }

    /// Wakes the stream if it could hand something out.
    pub fn wake(&self) {
        if let Some(stream) = self.stream.as_ref().filter(|s| self.delivery.in_flight() < s.max_in_flight) {
            stream.wake.notify_one();
        }
    }
}

/// The shared state.
pub struct Hub {
    /// This machine.
    pub node: NodeId,
    /// What each user may take.
    pub budget: Arc<Budget>,
    /// Types.
    pub kinds: RefCell<Kinds>,
    /// What it works by.
    pub settings: RefCell<Settings>,
    /// What became of the configuration.
    pub config: RefCell<Begun>,
    /// Subscriptions by name.
    pub subs: RefCell<BTreeMap<SubscriberName, Sub>>,
    /// The newest events.
    pub tail: RefCell<Tail>,
    /// Rates and latencies.
    pub meter: RefCell<Meter>,
    /// Reads the log.
    pub reader: Reader,
    /// Whether anything is deleted by its age.
    pub age: Age,
    /// Counters.
    pub counters: Counters,
    /// The last place in the log; followers watch it.
    pub progress: watch::Sender<Seq>,
    /// True when the router stops.
    pub stopping: watch::Sender<bool>,
    published: Arc<AtomicU64>,
    writer: Sender<Command>,
    path: PathBuf,
}

impl Hub {
    /// From what the database holds.
    pub fn new(
        node: NodeId,
        (settings, config): (Settings, Begun),
        beginning: Beginning,
        writer: Sender<Command>,
        published: Arc<AtomicU64>,
        reader: Reader,
        (path, age): (PathBuf, Age),
    ) -> Hub {
        let mut subs = BTreeMap::new();
        for loaded in beginning.subscriptions {
            match SubscriberName::new(loaded.name.clone()) {
                Ok(name) => drop(subs.insert(name, Sub::loaded(loaded))),
                Err(error) => tracing::warn!(%error, "ignoring a subscription with a name of another version"),
            }
        }
        Hub {
            node,
            budget: Budget::new(),
            kinds: RefCell::new(Kinds::new(beginning.kinds)),
            settings: RefCell::new(settings),
            config: RefCell::new(config),
            subs: RefCell::new(subs),
            tail: RefCell::default(),
            meter: RefCell::default(),
            reader,
            age,
            counters: Counters::default(),
            progress: watch::Sender::new(beginning.last_seq),
            stopping: watch::Sender::new(false),
            published,
            writer,
            path,
        }
    }

    /// The last place in the log, as far as this thread has heard.
    pub fn last(&self) -> Seq {
        *self.progress.borrow()
    }

    /// The last place in the log that was ever acknowledged: where a new subscription begins.
    pub fn newest(&self) -> Seq {
        self.published.load(Ordering::Acquire).max(self.last())
    }

    /// Bytes of the database and its log.
    pub fn database_bytes(&self) -> u64 {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
        size(&self.path) + size(&PathBuf::from(format!("{}-wal", self.path.display())))
    }

    /// Asks the writer; false when it is gone.
    pub fn command(&self, command: Command) -> bool {
        self.writer.send(command).is_ok()
    }

    /// Asks the writer and waits for its answer.
    pub async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.command(command(answer));
        answered.await.unwrap_or_else(|_| Err(Refusal::stopping()))
    }

    /// Events are in the log: keeps them at hand and wakes those who want them.
    pub fn committed(&self, rows: Vec<Arc<Row>>) {
        let before = self.last();
        let Some(last) = rows.last().map(|row| row.seq) else { return };
        Counters::add(&self.counters.published, rows.len());
        Counters::add(&self.counters.events, rows.len());
        let kinds = self.kinds.borrow();
        let mut by_kind = self.counters.by_kind.borrow_mut();
        // Of many events few types: what each subscription wants is asked of types, not of events.
        let mut came: Vec<(u32, u64)> = Vec::new();
        for row in &rows {
            match came.iter_mut().find(|(kind, _)| *kind == row.kind) {
                Some((_, count)) => *count += 1,
                None => came.push((row.kind, 1)),
            }
        }
        for (kind, count) in &came {
            *by_kind.entry(*kind).or_default() += count;
        }
        self.progress.send_replace(last);
        for sub in self.subs.borrow_mut().values_mut().filter(|sub| sub.stream.is_some()) {
            let idle = sub.delivery.cursor() == before;
            if idle && !came.iter().any(|(kind, _)| sub.wants.id(&kinds, *kind)) {
                sub.delivery.skip_to(last);
            } else {
                sub.wake();
            }
        }
        let mut tail = self.tail.borrow_mut();
        for row in rows {
            tail.push(row);
        }
    }

    /// Hands a subscription's changes to the writer. `all`: also a mark that moved a little.
    pub fn write_back(&self, sub: &mut Sub, all: bool) {
        let distance = if all { 1 } else { WRITE_DISTANCE };
        if let Some(delivery) = sub.delivery.take_change_after(sub.written, distance) {
            sub.written = sub.delivery.mark();
            let change = SubChange { delivery, ..SubChange::default() };
            self.command(Command::Persist { changes: vec![(sub.id, change)], durable: false, answer: None });
        }
    }

    /// The same for all, now and then and at the end.
    pub fn write_back_all(&self) {
        for sub in self.subs.borrow_mut().values_mut() {
            self.write_back(sub, true);
        }
    }

    /// Opens the stream of a subscription; an earlier one ends.
    pub fn open_stream(&self, name: &SubscriberName, max_in_flight: usize) -> Option<(String, Rc<Notify>)> {
        let mut subs = self.subs.borrow_mut();
        let sub = subs.get_mut(name)?;
        if let Some(old) = sub.stream.take() {
            tracing::info!(subscriber = %name, "a second Subscribe replaces the first");
            sub.delivery.disconnect(false, &self.settings.borrow().rules, now_us());
            old.wake.notify_one();
        }
        let token = format!("{:032x}", random());
        let wake = Rc::new(Notify::new());
        sub.token = Some(token.clone());
        sub.stream = Some(Stream { wake: wake.clone(), max_in_flight });
        self.seen(sub);
        Some((token, wake))
    }

    /// The stream with this token ended. `crashed`: the subscriber did not say that it would.
    pub fn close_stream(&self, name: &SubscriberName, token: &str, crashed: bool) {
        let mut subs = self.subs.borrow_mut();
        let Some(sub) = subs.get_mut(name).filter(|sub| sub.token.as_deref() == Some(token) && sub.stream.is_some())
        else {
            return;
        };
        sub.stream = None;
        if let Some(seq) = sub.delivery.disconnect(crashed, &self.settings.borrow().rules, now_us()) {
            tracing::warn!(MESSAGE_ID = messages::DEAD_LETTER, subscriber = %name, seq, "the subscriber crashed too \
                often on this event; it is now a dead letter");
        }
        self.seen(sub);
        self.write_back(sub, true);
    }

    fn seen(&self, sub: &mut Sub) {
        let now = now_us();
        sub.seen_us = Some(now);
        let change = SubChange { seen_us: Some(now), ..SubChange::default() };
        self.command(Command::Persist { changes: vec![(sub.id, change)], durable: false, answer: None });
    }
}
