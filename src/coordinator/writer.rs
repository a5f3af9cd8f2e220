//! The one thread that owns the database: it runs changes in batches, fills free slots, commits, and only then answers.
use super::agenda::Agenda;
use super::change::{Change, Now};
use super::outbox_signal::OutboxSignal;
use super::refusal::Refusal;
use super::state::State;
use super::{decisions, expire, grant, pressure, purge};
use crate::contract::time::Span;
use crate::platform::store::Database;
use crate::platform::threads;
use rusqlite::TransactionBehavior;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Changes that are committed together at most.
const BATCH: usize = 64;
/// The longest sleep of the writer, so that a wall clock that jumps is noticed.
const TURN: Duration = Duration::from_secs(5);

/// Before a turn that failed is repeated.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Tells the time.
pub type ClockReader = Box<dyn Fn() -> Now + Send>;

trait Job: Send {
    /// Runs the change; if it is refused nothing of it stays.
    fn run(&mut self, cx: &mut Change<'_>) -> Result<(), Refusal>;
    /// Answers, after the commit.
    fn done(self: Box<Self>, committed: Result<(), Refusal>);
}

struct Call<T, F> {
    change: Option<F>,
    result: Result<T, Refusal>,
    answer: SyncSender<Result<T, Refusal>>,
}

impl<T: Send, F: FnOnce(&mut Change<'_>) -> Result<T, Refusal> + Send> Job for Call<T, F> {
    fn run(&mut self, cx: &mut Change<'_>) -> Result<(), Refusal> {
        if let Some(change) = self.change.take() {
            self.result = cx.apart(change);
        }
        self.result.as_ref().map(|_| ()).map_err(Refusal::clone)
    }
    fn done(self: Box<Self>, committed: Result<(), Refusal>) {
        // Who asked may have gone; the change stands.
        let _ = self.answer.send(committed.and(self.result));
    }
}

/// The way to the writer; clones share it.
#[derive(Clone)]
pub struct Core {
    jobs: Sender<Box<dyn Job>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Core {
    /// Starts the writer's thread; `signal` rings when events wait, `wake` gets a byte when something was stored.
    pub fn start(
        db: Database,
        state: State,
        clock: ClockReader,
        signal: Arc<OutboxSignal>,
        wake: UnixStream,
    ) -> std::io::Result<Core> {
        let (jobs, inbox) = mpsc::channel();
        let writer = Writer { db, state, clock, signal, wake, inbox, agenda: Agenda::default(), failed: false };
        let thread = threads::part("writer", move || writer.run())?;
        Ok(Core { jobs, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Ends the writer and closes the database; calls after this are refused.
    pub fn close(&self) {
        let closing = self.change(|cx| {
            cx.state.closing = true;
            Ok(())
        });
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Ok(()), Some(thread)) = (closing, thread)
            && thread.join().is_err()
        {
            tracing::error!("the writer panicked");
        }
    }

    /// Runs a change and waits until it is on disk.
    pub fn change<T, F>(&self, change: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Change<'_>) -> Result<T, Refusal> + Send + 'static,
    {
        self.submit(change).recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Runs a change and waits for so long until it is on disk.
    pub fn within<T, F>(&self, patience: Duration, change: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Change<'_>) -> Result<T, Refusal> + Send + 'static,
    {
        let late = |_| Err(Refusal::internal(format!("the database did not answer within {} s", patience.as_secs())));
        self.submit(change).recv_timeout(patience).unwrap_or_else(late)
    }

    /// Whether the writer answers within this time.
    pub fn alive(&self, patience: Duration) -> Result<(), Refusal> {
        self.within(patience, |cx| {
            Ok(cx.db.query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0)).map(|_| ())?)
        })
    }

    fn submit<T, F>(&self, change: F) -> Receiver<Result<T, Refusal>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Change<'_>) -> Result<T, Refusal> + Send + 'static,
    {
        let (answer, receiver) = mpsc::sync_channel(1);
        let call = Call { change: Some(change), result: Err(stopped()), answer };
        // A writer that is gone drops the call, and with it the sender of the answer.
        let _ = self.jobs.send(Box::new(call));
        receiver
    }
}

fn stopped() -> Refusal {
    Refusal::internal("the coordinator is stopping")
}

struct Writer {
    db: Database,
    state: State,
    clock: ClockReader,
    signal: Arc<OutboxSignal>,
    /// Tells the main loop that something was stored.
    wake: UnixStream,
    inbox: Receiver<Box<dyn Job>>,
    agenda: Agenda,
    /// The last turn failed: the next one is not taken at once.
    failed: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            let mut jobs = Vec::new();
            match self.inbox.recv_timeout(self.pause()) {
                Ok(job) => jobs.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            jobs.extend(self.inbox.try_iter().take(BATCH - 1));
            if jobs.is_empty() && !self.due() {
                continue;
            }
            self.failed = false;
            let before = self.db.total_changes();
            let committed = self.turn(&mut jobs);
            self.failed |= committed.is_err();
            if let Err(refusal) = &committed {
                tracing::error!(%refusal, "a transaction failed and was rolled back");
                // What is remembered beside the database may be ahead of it now.
                self.state.failed();
                self.state.managers.failed("queue", &refusal.to_string());
            }
            self.state.committed();
            if std::mem::take(&mut self.state.rang) {
                self.signal.ring();
            }
            if self.db.total_changes() != before {
                // A full buffer means that the main loop has been woken already.
                let _ = self.wake.write(&[1]);
            }
            for job in jobs {
                job.done(committed.clone());
            }
            if self.state.closing {
                return;
            }
        }
    }

    /// How long nothing can happen by itself.
    fn pause(&self) -> Duration {
        let now = (self.clock)();
        let mono = [self.state.leases.next(), self.agenda.recheck].into_iter().flatten().map(|at| at - now.mono);
        let wall = self.agenda.retry.map(|at| at - now.wall);
        let shortest = mono.chain(wall).min().unwrap_or(Span::MAX);
        if self.failed {
            return AFTER_FAILURE;
        }
        if self.state.is_changed() || !self.state.leases.are_adopted() {
            return Duration::ZERO;
        }
        Duration::from(shortest).min(TURN)
    }

    fn due(&self) -> bool {
        let now = (self.clock)();
        let leases = &self.state.leases;
        self.state.is_changed() || !leases.are_adopted() || !leases.due(now.mono).is_empty() || self.agenda.is_due(now)
    }

    fn turn(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Refusal> {
        let now = (self.clock)();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read outside of the savepoints, so that a rollback of one does not make it stale again.
        let mut cx = Change { db: &tx, now, state: &mut self.state };
        if cx.state.admission.kept.get().is_none() {
            decisions::ready(&mut cx)?;
        }
        for job in jobs {
            let done = job.run(&mut cx);
            // After some errors (no space, no memory) SQLite rolls everything back.
            if cx.db.is_autocommit() {
                return done.and(Err(Refusal::internal("the transaction was rolled back")));
            }
        }
        let agenda = &mut self.agenda;
        if let Err(refusal) = cx.apart(|cx| keep_house(cx, agenda)) {
            tracing::error!(%refusal, "granting slots failed; it is retried");
            cx.state.look_again();
            cx.state.managers.failed("queue", &refusal.to_string());
            self.failed = true;
        }
        tx.commit()?;
        Ok(())
    }
}

/// Expires leases and fills free slots, if there is a reason to look.
fn keep_house(cx: &mut Change<'_>, agenda: &mut Agenda) -> Result<(), Refusal> {
    if !cx.state.leases.are_adopted() {
        expire::adopt(cx)?;
    }
    expire::expire(cx)?;
    if cx.state.is_changed() || agenda.is_due(cx.now) {
        *agenda = grant::fill(cx)?;
        pressure::look(cx)?;
        cx.state.looked();
    }
    purge::turn(cx)
}
