//! The one thread that writes: it takes what is queued, makes one transaction of it, waits for the disk, then answers.
//!
//! A lone publish waits for nobody; under load a transaction carries all that came while the last one was on its way to
//! the disk. Acknowledgements ride along with publishes. Alone they are written without waiting for the disk: they
//! survive the death of this process at once, and a power cut at most repeats a delivery, which idempotent handlers
//! expect.
use super::command::{Answer, Answered, Calls, Command, Done, WriterMessage};
use super::delivery::Seq;
use super::ids::Ids;
use super::store::fault::{Fault, fault};
use super::store::letters;
use super::store::publish::{Prepared, Stored, Storing};
use super::store::retain::Plan;
use super::store::seen::Seen;
use super::store::state::{SubChange, SubId, write, write_kind};
use super::tail::Row;
use crate::platform::clock::now_us;
use crate::platform::store::Database;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

mod tidy;

/// Commands and events in one transaction.
const MAX_GROUP: usize = 4096;
/// Bytes of events in one transaction.
const MAX_GROUP_BYTES: usize = 8 << 20;
/// How long changes that could not be written wait for the next try.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The thread's state.
pub struct Writer {
    db: Database,
    last: Seq,
    published: Arc<AtomicU64>,
    known_kinds: HashSet<u32>,
    pending: BTreeMap<SubId, SubChange>,
    aside: BTreeMap<SubId, SubChange>,
    told: mpsc::UnboundedSender<WriterMessage>,
    checkpoint: super::checkpoint::Trigger,
    expiry: super::age::Expiry,
    plan: Option<Plan>,
    full_sync: bool,
    refusing: bool,
    seen: Seen,
    ids: Ids,
}

/// What a transaction made; it counts once it is committed.
#[derive(Default)]
struct Made {
    last: Seq,
    rows: Vec<Arc<Row>>,
    kinds: Vec<u32>,
}

struct Group {
    publishes: Vec<(Calls, oneshot::Sender<Answered>)>,
    durable: Vec<Answer<()>>,
    lazy: Vec<Answer<()>>,
    sync: bool,
}

impl Writer {
    /// Around the write connection; `last` is the last place in the log, also told through `published`.
    pub fn new(
        db: Database,
        seen: Seen,
        last: Seq,
        published: Arc<AtomicU64>,
        known_kinds: HashSet<u32>,
        told: mpsc::UnboundedSender<WriterMessage>,
        (checkpoint, expiry): (super::checkpoint::Trigger, super::age::Expiry),
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
            expiry,
            plan: None,
            full_sync: true,
            refusing: false,
            seen,
            ids: Ids::new(),
        }
    }

    /// Works until asked to stop or until nothing can be written any more.
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
                    let _ = self.told.send(WriterMessage::Fatal(fatal.to_string()));
                    return;
                }
            }
        }
        if let Err(error) = self.flush_pending() {
            tracing::warn!(%error, "cannot write some acknowledgements; their events are delivered again");
        }
    }

    /// The next command. While there is none, old events are cleared away and unwritten changes tried again.
    fn wait(&mut self, commands: &Receiver<Command>) -> Result<Option<Command>, ()> {
        let merging = self.seen.has_work() && !self.refusing;
        if self.plan.is_some() || merging {
            return match commands.try_recv() {
                Ok(command) => Ok(Some(command)),
                Err(TryRecvError::Disconnected) => Err(()),
                Err(TryRecvError::Empty) => {
                    if merging {
                        self.merge()
                    } else {
                        self.retain()
                    }
                    Ok(None)
                }
            };
        }
        if self.pending.is_empty() {
            return commands.recv().map(Some).map_err(|_| ());
        }
        match commands.recv_timeout(RETRY_DELAY) {
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
                Command::Publish(calls, answer) => {
                    bytes += calls.events.iter().map(|e| e.body.len()).sum::<usize>();
                    count += calls.events.len();
                    group.publishes.push((calls, answer));
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
                Command::Retain(plan) => self.begin_retention(plan),
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
        let mut group = group;
        let mut all: Vec<&mut [Prepared]> =
            group.publishes.iter_mut().map(|(calls, _)| &mut calls.events[..]).collect();
        match self.transaction(&mut all) {
            Ok(results) => {
                self.say_refusing(None);
                for ((_, answer), done) in group.publishes.into_iter().zip(results) {
                    let _ = answer.send(Answered::All(done));
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

    /// After a transaction for all has failed: each call for itself, so that one that cannot be stored spoils no other.
    fn one_by_one(&mut self, group: Group) -> Result<(), Fault> {
        let persisted = self.persist_each()?;
        for (mut calls, answer) in group.publishes {
            let mut results = Vec::with_capacity(calls.ends.len());
            let mut start = 0;
            for end in &calls.ends {
                results.push(match self.transaction(&mut [&mut calls.events[start..*end]]) {
                    Ok(mut done) => {
                        self.say_refusing(None);
                        Ok(done.pop().unwrap_or_default())
                    }
                    Err(fatal @ Fault::Fatal { .. }) => return Err(fatal),
                    Err(fault) => {
                        if matches!(fault, Fault::Full) {
                            self.checkpoint.full();
                            self.say_refusing(Some(fault.to_string()));
                        }
                        Err(fault.refusal())
                    }
                });
                start = *end;
            }
            let _ = answer.send(Answered::Each(results));
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
            let _ = self.told.send(WriterMessage::Refusing(why));
        }
    }

    /// Stores events and pending changes in one transaction that is on disk when this returns.
    fn transaction(&mut self, all: &mut [&mut [Prepared]]) -> Result<Vec<Vec<Done>>, Fault> {
        self.synchronous(true)?;
        let mut made = Made { last: self.last, ..Made::default() };
        let stored = self.store(all, &mut made);
        if stored.is_err() {
            self.seen.undone();
        }
        let results = stored?;
        self.seen.kept();
        self.pending.clear();
        self.known_kinds.extend(made.kinds);
        self.last = made.last;
        if !made.rows.is_empty() {
            // Before any answer: a subscription registered after an answer begins behind the event.
            self.published.store(self.last, Ordering::Release);
            let _ = self.told.send(WriterMessage::Committed(made.rows));
        }
        self.checkpoint.after_commit(&self.db);
        Ok(results)
    }

    fn store(&mut self, all: &mut [&mut [Prepared]], made: &mut Made) -> Result<Vec<Vec<Done>>, Fault> {
        let now = now_us();
        let step = self.db.unchecked_transaction().map_err(fault("writing to"))?;
        let mut results = Vec::with_capacity(all.len());
        let mut storing = Storing::new(&step, &mut self.seen, &self.ids, now)?;
        for events in all {
            let mut done = Vec::with_capacity(events.len());
            for event in events.iter_mut() {
                if !self.known_kinds.contains(&event.kind) && !made.kinds.contains(&event.kind) {
                    write_kind(&step, event.kind, &event.name)?;
                    made.kinds.push(event.kind);
                }
                done.push(match storing.store(event, made.last + 1)? {
                    Stored::New(row, id) => {
                        made.last += 1;
                        made.rows.push(row);
                        Done { seq: made.last, id, duplicate: false }
                    }
                    Stored::Repeat(seq, id) => Done { seq, id, duplicate: true },
                });
            }
            results.push(done);
        }
        drop(storing);
        for (id, change) in &self.pending {
            write(&step, *id, change, now)?;
        }
        // On a full disk what can wait does.
        if !self.refusing {
            self.seen.work(&step, made.last, now)?;
        }
        step.commit().map_err(fault("committing to"))?;
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

    /// After writing all together has failed: each subscription for itself. What finds no room waits; any other failure
    /// is fatal.
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
                // Without it no later one may be written: a mark would pass over what this one was to keep. From the
                // disk's content the process begins again with something that is true.
                Err(error) => {
                    return Err(Fault::Fatal {
                        operation: "keeping a subscription's state in",
                        why: error.to_string(),
                    });
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
}
