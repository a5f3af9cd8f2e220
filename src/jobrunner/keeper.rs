//! Keeps the lease: renews it at a third of its term, and with news at most once a second. A lease that is lost ends
//! the workload. It is the runner's sign of life as well: a job has its runner's user, so it can stop it with SIGSTOP,
//! and nobody would watch over its time and its disk any more; the coordinator counts the renewals of the process that
//! took the job up, and of no other.
use super::child::Running;
use crate::contract::coordinator::Renewed;
use crate::contract::ids::{FencingToken, JobId};
use crate::contract::job::{Renew, method};
use crate::contract::wire::{CallError, errors};
use crate::contract::workload::Progress;
use crate::platform::threads;
use crate::platform::varlink::Client;
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two renewals at least.
const MIN_RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// One answer.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);

/// What the keeper and the others share.
#[derive(Default)]
pub struct SharedState {
    news: Mutex<Updates>,
    changed: Condvar,
    fenced: AtomicBool,
}

#[derive(Default)]
struct Updates {
    progress: Option<Progress>,
    over: bool,
}

impl SharedState {
    /// The latest progress; an older one that was not sent yet is dropped.
    pub fn put(&self, progress: Progress) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).progress = Some(progress);
        self.changed.notify_all();
    }
    /// The job is over: the keeper ends.
    pub fn close(&self) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.changed.notify_all();
    }
    /// Whether the lease was lost.
    pub fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::SeqCst)
    }
    /// Waits for news, or until it is time; then takes them. Nothing: the job is over.
    fn take(&self, since: Instant, pause: Duration) -> Option<Option<Progress>> {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if news.over {
                return None;
            }
            let wait = if news.progress.is_some() { MIN_RENEW_INTERVAL } else { pause }.saturating_sub(since.elapsed());
            if wait.is_zero() {
                return Some(news.progress.take());
            }
            news = self.changed.wait_timeout(news, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A lease to be kept.
pub struct Keeper {
    /// The jobs' socket.
    pub socket: PathBuf,
    /// The job.
    pub job: JobId,
    /// Its token.
    pub token: FencingToken,
    /// The lease's term.
    pub term: Duration,
}

impl Keeper {
    /// Keeps it in a thread until the desk is closed; kills the child when the lease is lost.
    pub fn start(self, desk: Arc<SharedState>, child: Arc<Running>) -> std::io::Result<()> {
        threads::part("lease", move || self.keep(&desk, &child)).map(|_| ())
    }

    fn keep(&self, desk: &SharedState, child: &Running) {
        let mut client: Option<Client> = None;
        let (mut since, mut pause, mut away) = (Instant::now(), self.term / 3, false);
        while let Some(progress) = desk.take(since, pause) {
            since = Instant::now();
            match self.renew(&mut client, progress) {
                Ok(renewed) => {
                    pause = Duration::from_secs(renewed.term_seconds) / 3;
                    if std::mem::take(&mut away) {
                        tracing::info!("the coordinator answers again; the lease is renewed");
                    }
                }
                Err(error) if error.is(errors::FENCED) || error.is(errors::NOT_FOUND) => {
                    tracing::error!(%error, "the lease is lost; killing the workload. Its output will not be used");
                    desk.fenced.store(true, Ordering::SeqCst);
                    child.signal(Signal::SIGKILL);
                    return;
                }
                Err(error) => {
                    client = None;
                    pause = MIN_RENEW_INTERVAL;
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(%error, "cannot renew the lease; retrying");
                    }
                }
            }
        }
    }

    fn renew(&self, client: &mut Option<Client>, progress: Option<Progress>) -> Result<Renewed, CallError> {
        let open = match client {
            Some(open) => open,
            None => client.insert(Client::connect(&self.socket, Some(RPC_TIMEOUT))?),
        };
        open.ask(method::Renew, &Renew { job_id: self.job.clone(), token: self.token, progress })
    }
}
