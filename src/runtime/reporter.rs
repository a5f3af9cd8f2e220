//! What the runtime itself publishes for every daemon: started, stopped, status changes, health. A thread of its own, so that
//! an absent router never holds up the main loop; it ends when nothing is left to publish.
use super::places::Places;
use crate::contract::backoff::Backoff;
use crate::contract::events::{self, Payload};
use crate::contract::health::{Health, State};
use crate::contract::ids::NodeId;
use crate::contract::router::{NewEvent, Publish, PublishResult};
use crate::platform::clock::{new_event_id, now_us};
use crate::platform::peers::Peer;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Reports that wait for the router at most; the ones that do not fit are dropped, a newer one follows.
const WAITING: usize = 64;
/// Delay before the first new try; doubles.
const FIRST: Duration = Duration::from_millis(100);
/// Longest delay between tries.
const LAST: Duration = Duration::from_secs(2);

struct Report {
    event: NewEvent,
    /// Tried until this time; once for one that is in the past.
    until: Instant,
    done: Option<Sender<()>>,
}

/// Publishes about the daemon.
pub struct Reporter {
    daemon: &'static str,
    name: String,
    node: NodeId,
    invocation: String,
    run: PathBuf,
    reports: Arc<Mutex<Reports>>,
}

#[derive(Default)]
struct Reports {
    waiting: VecDeque<Report>,
    /// A thread publishes them.
    published: bool,
}

fn lock(reports: &Mutex<Reports>) -> MutexGuard<'_, Reports> {
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter {
    /// For the daemon of these places.
    pub fn new(places: &Places, node: NodeId) -> Reporter {
        let invocation = std::env::var("INVOCATION_ID").unwrap_or_else(|_| new_event_id().to_string());
        let (name, run) = (places.name.clone(), places.run.clone());
        Reporter { daemon: places.daemon.name(), name, node, invocation, run, reports: Arc::default() }
    }

    /// DAEMON_STARTED, once an invocation.
    pub fn started(&self) {
        let payload = events::DaemonStarted {
            daemon_name: self.daemon.into(),
            hostname: self.node.clone(),
            pid: std::process::id(),
            invocation_id: self.invocation.clone(),
        };
        self.send(payload.into(), Some("started"), Duration::from_secs(3600), None);
    }
    /// DAEMON_STOPPED, once an invocation; waits at most this long until the router has it.
    pub fn stopped(&self, reason: &str, patience: Duration) {
        let payload = events::DaemonStopped {
            daemon_name: self.daemon.into(),
            hostname: self.node.clone(),
            reason: reason.into(),
            invocation_id: self.invocation.clone(),
        };
        let (done, finished) = channel();
        self.send(payload.into(), Some("stopped"), patience, Some(done));
        if finished.recv_timeout(patience).is_err() {
            tracing::info!("cannot publish DAEMON_STOPPED");
        }
    }
    /// DAEMON_STATUS_CHANGED.
    pub fn changed(&self, old: &str, new: &str, health: &Health) {
        let payload = events::DaemonStatusChanged {
            daemon_name: self.daemon.into(),
            hostname: self.node.clone(),
            old_status: old.into(),
            new_status: new.into(),
            reason: health.message.clone(),
            error: (!health.is_healthy()).then(|| health.message.clone()),
        };
        self.send(payload.into(), None, Duration::from_secs(60), None);
    }
    /// DAEMON_HEALTH.
    pub fn health(&self, state: State, health: &Health) {
        let payload = events::DaemonHealth { daemon_name: self.daemon.into(), hostname: self.node.clone(), state, health: health.clone() };
        self.send(payload.into(), None, Duration::ZERO, None);
    }

    fn send(&self, payload: Payload, once: Option<&str>, patience: Duration, done: Option<Sender<()>>) {
        let event = NewEvent {
            id: None,
            kind: payload.kind().info().wire.to_owned(),
            payload: payload.to_map(),
            key: None,
            cause: None,
            correlation: None,
            source: self.name.clone(),
            time_us: Some(now_us()),
            idempotency_key: once.map(|what| format!("{}/{what}/{}", self.name, self.invocation)),
        };
        let mut reports = lock(&self.reports);
        if reports.waiting.len() == WAITING {
            tracing::debug!("too many unsent reports for the router");
            return;
        }
        reports.waiting.push_back(Report { event, until: Instant::now() + patience, done });
        if reports.published {
            return;
        }
        let (run, all) = (self.run.clone(), Arc::clone(&self.reports));
        let publish = move || work(&Peer::router(&run), &all);
        match std::thread::Builder::new().name("reporter".into()).stack_size(256 * 1024).spawn(publish) {
            Ok(_) => reports.published = true,
            // The next report tries again.
            Err(error) => tracing::warn!(%error, "no thread to publish about this daemon"),
        }
    }
}

/// The next report; without one the thread ends.
fn next(reports: &Mutex<Reports>) -> Option<Report> {
    let mut reports = lock(reports);
    let next = reports.waiting.pop_front();
    reports.published = next.is_some();
    next
}

fn work(router: &Peer, reports: &Mutex<Reports>) {
    while let Some(report) = next(reports) {
        let mut backoff = Backoff::new(FIRST, LAST);
        loop {
            let delay = backoff.wait();
            match router.call::<PublishResult>("Publish", &Publish { events: vec![report.event.clone()] }) {
                Ok(_) => {
                    if let Some(done) = &report.done {
                        // The main loop may have stopped waiting.
                        let _ = done.send(());
                    }
                    break;
                }
                Err(error) if error.is_transport() && Instant::now() + delay < report.until => std::thread::sleep(delay),
                Err(error) => {
                    tracing::debug!(%error, kind = report.event.kind, "publishing about this daemon");
                    break;
                }
            }
        }
    }
}
