//! The one thread that writes: it takes what is queued, makes one transaction of it, waits for the disk, then answers.
//!
//! A lone publish waits for nobody; under load a transaction carries all that came while the last one was on its way to the
//! disk. Acknowledgements ride along with publishes. Alone they are written without waiting for the disk: they survive the death
//! of this process at once, and a power cut at most repeats a delivery, which idempotent handlers expect.
use super::delivery::Seq;
use super::refusal::Refusal;
use super::store::fault::{Fault, fault};
use super::store::letters;
use super::store::publish::{Prepared, Stored, insert};
use super::store::retain::{Outcome, Plan};
use super::store::state::{SubChange, SubId, write, write_kind};
use super::tail::Row;
use crate::contract::ids::EventId;
use crate::contract::router::{DeadLetterFilter, Published};
use crate::platform::clock::now_us;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Commands in one transaction.
const MAX_GROUP: usize = 1024;
/// Bytes of events in one transaction.
const MAX_GROUP_BYTES: usize = 8 << 20;
/// How long changes that could not be written wait for the next try.
const RETRY: Duration = Duration::from_secs(1);

/// Where an answer goes.
pub type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// What the writer is asked to do.
pub enum Command {
    /// Store events, all or none.
    Publish(Vec<Prepared>, Answer<Vec<Published>>),
    /// Write what changed about subscriptions. With `durable` the answer waits for the disk and tells of failure; without, the
    /// change is kept in memory until it can be written.
    Persist {
        /// By subscription.
        changes: Vec<(SubId, SubChange)>,
        /// The caller needs it on disk.
        durable: bool,
        /// Where to tell.
        answer: Option<Answer<()>>,
    },
    /// Delete dead letters.
    Purge(DeadLetterFilter, Answer<u64>),
    /// Begin a run of retention.
    Retain(Plan),
    /// Say that you live.
    Ping(oneshot::Sender<()>),
    /// Write what is left and end.
    Stop,
}

/// What the writer tells the hub.
#[derive(Debug)]
pub enum Told {
    /// These events are in the log.
    Committed(Vec<Arc<Row>>),
    /// Publishes are refused for want of room, or are accepted again.
    Refusing(Option<String>),
    /// A run of retention ended.
    Retained(Outcome),
    /// Nothing can be written any more; the process must begin again.
    Fatal(String),
}

/// The thread's state.
pub struct Writer {
    db: Connection,
    last: Seq,
    published: Arc<AtomicU64>,
    known_kinds: HashSet<u32>,
    pending: BTreeMap<SubId, SubChange>,
    aside: BTreeMap<SubId, SubChange>,
    told: mpsc::UnboundedSender<Told>,
    checkpoint: super::checkpoint::Trigger,
    plan: Option<Plan>,
    full_sync: bool,
    refusing: bool,
}

struct Group {
    publishes: Vec<(Vec<Prepared>, Answer<Vec<Published>>)>,
    durable: Vec<Answer<()>>,
    lazy: Vec<Answer<()>>,
    sync: bool,
}

impl Writer {
    /// Around the write connection; `last` is the last place in the log, also told through `published`.
    pub fn new(
        db: Connection,
        last: Seq,
        published: Arc<AtomicU64>,
        known_kinds: HashSet<u32>,
        told: mpsc::UnboundedSender<Told>,
        checkpoint: super::checkpoint::Trigger,
    ) -> Writer {
        db.set_prepared_statement_cache_capacity(64);
        Writer {
            db,
            last,
            published,
            known_kinds,
            pending: BTreeMap::new(),
            aside: BTreeMap::new(),
            told,
            checkpoint,
            plan: None,
            full_sync: true,
            refusing: false,
        }
    }

    /// Works until told to stop or until nothing can be written any more.
    pub fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let first = match self.wait(commands) {
                Ok(Some(command)) => command,
                Ok(None) => continue,
                Err(()) => break,
            };
            match self.group(first, commands) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fatal) => {
                    let _ = self.told.send(Told::Fatal(fatal.to_string()));
                    return;
                }
            }
        }
        if let Err(error) = self.flush_pending() {
            tracing::warn!(%error, "some acknowledgements could not be written; their events are delivered again");
        }
    }

    /// The next command. While there is none, old events are cleared away and unwritten changes tried again.
    fn wait(&mut self, commands: &Receiver<Command>) -> Result<Option<Command>, ()> {
        if self.plan.is_some() {
            return match commands.try_recv() {
                Ok(command) => Ok(Some(command)),
                Err(TryRecvError::Disconnected) => Err(()),
                Err(TryRecvError::Empty) => {
                    self.retain();
                    Ok(None)
                }
            };
        }
        if self.pending.is_empty() {
            return commands.recv().map(Some).map_err(|_| ());
        }
        match commands.recv_timeout(RETRY) {
            Ok(command) => Ok(Some(command)),
            Err(RecvTimeoutError::Disconnected) => Err(()),
            Err(RecvTimeoutError::Timeout) => {
                // Refused again: the next second brings the next try.
                let _ = self.flush_pending();
                Ok(None)
            }
        }
    }

    /// Collects what is queued and carries it out. False: stop.
    fn group(&mut self, first: Command, commands: &Receiver<Command>) -> Result<bool, Fault> {
        let mut group = Group { publishes: Vec::new(), durable: Vec::new(), lazy: Vec::new(), sync: false };
        let (mut next, mut bytes, mut count, mut go_on) = (Some(first), 0, 0, true);
        let mut after: Vec<Command> = Vec::new();
        while let Some(command) = next.take() {
            count += 1;
            match command {
                Command::Publish(events, answer) => {
                    bytes += events.iter().map(|e| e.body.len()).sum::<usize>();
                    group.publishes.push((events, answer));
                }
                Command::Persist { changes, durable, answer } => {
                    for (id, change) in changes {
                        self.pending.entry(id).or_default().merge(change);
                    }
                    group.sync |= durable;
                    if let Some(answer) = answer {
                        if durable { group.durable.push(answer) } else { group.lazy.push(answer) }
                    }
                }
                Command::Stop => go_on = false,
                other => after.push(other),
            }
            if go_on && count < MAX_GROUP && bytes < MAX_GROUP_BYTES {
                next = commands.try_recv().ok();
            }
        }
        self.carry_out(group)?;
        for command in after {
            match command {
                Command::Purge(filter, answer) => {
                    let _ = answer.send(letters::purge(&self.db, &filter).map_err(|f| f.refusal()));
                }
                Command::Retain(plan) => self.plan = Some(plan),
                Command::Ping(answer) => drop(answer.send(())),
                Command::Publish(..) | Command::Persist { .. } | Command::Stop => unreachable!("taken above"),
            }
        }
        Ok(go_on)
    }

    fn carry_out(&mut self, group: Group) -> Result<(), Fault> {
        if group.publishes.is_empty() {
            let done = match self.persist(group.sync) {
                Err(fatal @ Fault::Fatal { .. }) => return Err(fatal),
                Err(_) => self.persist_each()?,
                Ok(()) => Ok(()),
            };
            for answer in group.durable {
                let _ = answer.send(done.clone().map_err(|f| f.refusal()));
            }
            // Applied in memory, kept for the next try: the subscriber need not care.
            for answer in group.lazy {
                let _ = answer.send(Ok(()));
            }
            return Ok(());
        }
        let batches: Vec<&[Prepared]> = group.publishes.iter().map(|(events, _)| &events[..]).collect();
        match self.transaction(&batches) {
            Ok(results) => {
                self.say_refusing(None);
                for ((_, answer), result) in group.publishes.into_iter().zip(results) {
                    let _ = answer.send(Ok(result));
                }
                for answer in group.durable.into_iter().chain(group.lazy) {
                    let _ = answer.send(Ok(()));
                }
                Ok(())
            }
            Err(fatal @ Fault::Fatal { .. }) => Err(fatal),
            Err(_) => self.one_by_one(group),
        }
    }

    /// After a transaction for all has failed: each for itself, so that one that cannot be stored spoils no other.
    fn one_by_one(&mut self, group: Group) -> Result<(), Fault> {
        let persisted = self.persist_each()?;
        for (events, answer) in group.publishes {
            let result = match self.transaction(&[&events]) {
                Ok(mut results) => {
                    self.say_refusing(None);
                    Ok(results.pop().unwrap_or_default())
                }
                Err(fatal @ Fault::Fatal { .. }) => return Err(fatal),
                Err(fault) => {
                    if matches!(fault, Fault::Full) {
                        self.say_refusing(Some(fault.to_string()));
                    }
                    Err(fault.refusal())
                }
            };
            let _ = answer.send(result);
        }
        for answer in group.durable {
            let _ = answer.send(persisted.clone().map_err(|f| f.refusal()));
        }
        for answer in group.lazy {
            let _ = answer.send(Ok(()));
        }
        Ok(())
    }

    fn say_refusing(&mut self, why: Option<String>) {
        if why.is_some() != self.refusing {
            self.refusing = why.is_some();
            let _ = self.told.send(Told::Refusing(why));
        }
    }

    /// Stores batches and pending changes in one transaction that is on disk when this returns.
    fn transaction(&mut self, batches: &[&[Prepared]]) -> Result<Vec<Vec<Published>>, Fault> {
        self.synchronous(true)?;
        let now = now_us();
        let step = self.db.unchecked_transaction().map_err(fault("writing to"))?;
        let (mut last, mut rows, mut kinds, mut results) = (self.last, Vec::new(), Vec::new(), Vec::with_capacity(batches.len()));
        for batch in batches {
            let mut published = Vec::with_capacity(batch.len());
            for event in *batch {
                if !self.known_kinds.contains(&event.kind) && !kinds.contains(&event.kind) {
                    write_kind(&step, event.kind, &event.name)?;
                    kinds.push(event.kind);
                }
                published.push(match insert(&step, event, last + 1, now)? {
                    Stored::New(row, id) => {
                        last += 1;
                        rows.push(row);
                        Published { seq: last, id: EventId::from_bytes(id), duplicate: false }
                    }
                    Stored::Repeat(seq, id) => Published { seq, id: EventId::from_bytes(id), duplicate: true },
                });
            }
            results.push(published);
        }
        for (id, change) in &self.pending {
            write(&step, *id, change, now)?;
        }
        step.commit().map_err(fault("committing to"))?;
        self.pending.clear();
        self.known_kinds.extend(kinds);
        self.last = last;
        if !rows.is_empty() {
            // Before any answer: a subscription registered after an answer begins behind the event.
            self.published.store(last, Ordering::Release);
            let _ = self.told.send(Told::Committed(rows));
        }
        self.checkpoint.after_commit(&self.db);
        Ok(results)
    }

    /// Writes pending changes; with `sync` they are on disk when this returns.
    fn persist(&mut self, sync: bool) -> Result<(), Fault> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.synchronous(sync)?;
        let now = now_us();
        let step = self.db.unchecked_transaction().map_err(fault("writing to"))?;
        for (id, change) in &self.pending {
            write(&step, *id, change, now)?;
        }
        step.commit().map_err(fault("committing to"))?;
        self.pending.clear();
        self.checkpoint.after_commit(&self.db);
        Ok(())
    }

    /// After writing all together has failed: each subscription for itself. What fails for another reason than want of room would
    /// fail for ever, and is given up; its events are delivered again after a restart.
    fn persist_each(&mut self) -> Result<Result<(), Fault>, Fault> {
        let all = std::mem::take(&mut self.pending);
        let mut result = Ok(());
        for (id, change) in all {
            self.pending.insert(id, change);
            match self.persist(true) {
                Ok(()) => {}
                Err(fatal @ Fault::Fatal { .. }) => return Err(fatal),
                Err(Fault::Full) => {
                    result = Err(Fault::Full);
                    self.set_aside(id);
                }
                Err(error) => {
                    tracing::error!(%error, subscription = id, "a change of a subscription cannot be written and is given up");
                    self.pending.remove(&id);
                    result = Err(error);
                }
            }
        }
        self.pending.append(&mut self.aside);
        Ok(result)
    }

    fn set_aside(&mut self, id: SubId) {
        if let Some(change) = self.pending.remove(&id) {
            self.aside.insert(id, change);
        }
    }

    fn flush_pending(&mut self) -> Result<(), Fault> {
        self.persist(true)
    }

    fn synchronous(&mut self, full: bool) -> Result<(), Fault> {
        if full != self.full_sync {
            let mode = if full { "PRAGMA synchronous=FULL" } else { "PRAGMA synchronous=NORMAL" };
            self.db.execute_batch(mode).map_err(fault("setting up"))?;
            self.full_sync = full;
        }
        Ok(())
    }

    /// One step of retention. It needs no wait for the disk: what a power cut brings back is deleted again.
    fn retain(&mut self) {
        let Some(mut plan) = self.plan.take() else { return };
        let step = self.synchronous(false).and_then(|()| plan.step(&self.db));
        self.checkpoint.after_commit(&self.db);
        match step {
            Ok(None) => self.plan = Some(plan),
            Ok(Some(outcome)) => drop(self.told.send(Told::Retained(outcome))),
            Err(error) => tracing::warn!(%error, "clearing old events away failed; the next run tries again"),
        }
    }
}
