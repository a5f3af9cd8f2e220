//! What the runtime itself publishes for every daemon: started, stopped, status changes, health. A thread of its own,
//! so that an absent router never holds up the main loop; it ends when nothing is left to publish.
use super::outbound::SendError;
use super::places::Places;
use crate::contract::backoff::Backoff;
use crate::contract::events::{self, Payload};
use crate::contract::health::{Health, State};
use crate::contract::ids::NodeId;
use crate::contract::router::{NewEvent, Publish, PublishResult};
use crate::platform::clock::{new_event_id, now_us};
use crate::platform::peers::Peer;
use crate::platform::threads;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Changes of a state that wait for the router one by one; with more, the last ones are one change.
const WAITING: usize = 64;
/// Delay before the first new try; doubles.
const FIRST: Duration = Duration::from_millis(100);
/// Longest delay between tries.
const LAST: Duration = Duration::from_secs(2);

/// What a report is about.
#[derive(Debug, Clone, PartialEq)]
enum Topic {
    /// Said once, in its turn.
    Once,
    /// A change of the daemon's state, or of its health's status, away from this one.
    Change { of: Axis, old: String },
    /// Health as it is: only the newest counts.
    Health,
}

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Axis {
    /// RUNNING, PAUSED …
    State,
    /// healthy, degraded …
    Health,
}

#[derive(Debug, Clone)]
struct Report {
    number: u64,
    topic: Topic,
    event: NewEvent,
    /// Tried until this time; for ever when absent: what is to be told is told, however long the router is away.
    until: Option<Instant>,
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
    count: u64,
    /// A thread publishes them.
    published: bool,
}

impl Reports {
    /// One more, at the end. What it makes superfluous goes.
    fn push(&mut self, report: Report) {
        self.count += 1;
        let mut report = Report { number: self.count, ..report };
        match &report.topic {
            Topic::Once => {}
            Topic::Health => self.waiting.retain(|waiting| waiting.topic != Topic::Health),
            Topic::Change { of, .. } if self.waiting.len() >= WAITING => {
                let same = |waiting: &Report| matches!(&waiting.topic, Topic::Change { of: axis, .. } if axis == of);
                if let Some(at) = self.waiting.iter().rposition(same)
                    && let Some(before) = self.waiting.remove(at)
                {
                    report.begin_at(&before);
                }
            }
            Topic::Change { .. } => {}
        }
        self.waiting.push_back(report);
    }

    fn sent(&mut self, number: u64) {
        self.waiting.retain(|waiting| waiting.number != number);
    }
}

impl Report {
    /// Makes one change of two: it begins where the earlier one began.
    fn begin_at(&mut self, earlier: &Report) {
        if let Topic::Change { old, .. } = &earlier.topic {
            self.event.payload.insert("old_status".into(), old.clone().into());
            self.topic = earlier.topic.clone();
        }
    }
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
        self.send(Topic::Once, payload.into(), Some("started"), None, None);
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
        self.send(Topic::Once, payload.into(), Some("stopped"), Some(patience), Some(done));
        if finished.recv_timeout(patience).is_err() {
            tracing::info!("cannot publish DAEMON_STOPPED");
        }
    }
    /// DAEMON_STATUS_CHANGED.
    pub fn changed(&self, of: Axis, old: &str, new: &str, health: &Health) {
        let payload = events::DaemonStatusChanged {
            daemon_name: self.daemon.into(),
            hostname: self.node.clone(),
            old_status: old.into(),
            new_status: new.into(),
            reason: health.message.clone(),
            error: (!health.is_healthy()).then(|| health.message.clone()),
        };
        self.send(Topic::Change { of, old: old.into() }, payload.into(), None, None, None);
    }
    /// DAEMON_HEALTH.
    pub fn health(&self, state: State, health: &Health) {
        let payload = events::DaemonHealth {
            daemon_name: self.daemon.into(),
            hostname: self.node.clone(),
            state,
            health: health.clone(),
        };
        self.send(Topic::Health, payload.into(), None, None, None);
    }

    fn send(
        &self,
        topic: Topic,
        payload: Payload,
        once: Option<&str>,
        patience: Option<Duration>,
        done: Option<Sender<()>>,
    ) {
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
        reports.push(Report {
            number: 0,
            topic,
            event,
            until: patience.map(|patience| Instant::now() + patience),
            done,
        });
        if reports.published {
            return;
        }
        let (run, all) = (self.run.clone(), Arc::clone(&self.reports));
        let publish = move || work(&Peer::router(&run), &all);
        match threads::small_part("reporter", publish) {
            Ok(_) => reports.published = true,
            // The next report tries again.
            Err(error) => tracing::warn!(%error, "no thread to publish about this daemon"),
        }
    }
}

/// The next report; without one the thread ends.
fn next(reports: &Mutex<Reports>) -> Option<Report> {
    let mut reports = lock(reports);
    let next = reports.waiting.front().cloned();
    reports.published = next.is_some();
    next
}

fn work(router: &Peer, reports: &Mutex<Reports>) {
    let mut backoff = Backoff::new(FIRST, LAST);
    // While one is tried again a newer one may take its place.
    while let Some(report) = next(reports) {
        match router
            .call::<PublishResult>("Publish", &Publish { events: vec![report.event.clone()] })
            .map_err(SendError::from)
        {
            Ok(_) => {
                if let Some(done) = &report.done {
                    // The main loop may have stopped waiting.
                    let _ = done.send(());
                }
            }
            Err(SendError::Away(why)) => {
                let delay = backoff.wait();
                if report.until.is_none_or(|until| Instant::now() + delay < until) {
                    std::thread::sleep(delay);
                    continue;
                }
                tracing::debug!(why, kind = report.event.kind, "publishing about this daemon");
            }
            Err(SendError::Refused { why, .. }) => {
                tracing::warn!(kind = report.event.kind, "the event router rejected an event about this daemon: {why}");
            }
        }
        backoff.reset();
        lock(reports).sent(report.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::DaemonType;
    use crate::contract::router::INTERFACE;
    use crate::contract::wire::{Call, Reply};
    use crate::platform::varlink::{Budget, Caller, Replies, Service, serve};
    use crate::until;
    use serde_json::{Map, Value, json};
    use std::os::unix::net::{UnixListener, UnixStream};

    type Published = Arc<Mutex<Vec<(String, Map<String, Value>)>>>;

    /// A router that keeps what is published.
    struct Keeps(Published);

    impl Service for Keeps {
        fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
            vec![(INTERFACE, "interface org.ringrift.Router")]
        }
        fn call(&self, _: &Caller, call: &Call, replies: &mut dyn Replies) -> std::io::Result<()> {
            let publish: Publish =
                serde_json::from_value(Value::Object(call.parameters.clone())).expect("a call of Publish");
            let events = publish.events.into_iter().map(|event| (event.kind, event.payload));
            self.0.lock().expect("sound").extend(events);
            replies.send(&Reply::ok(&json!({ "results": [] })))
        }
    }

    fn said(published: &Published, kind: &str, field: &str) -> Vec<String> {
        let text = |payload: &Map<String, Value>| {
            payload[field].as_str().map(str::to_owned).unwrap_or_else(|| payload[field].to_string())
        };
        published.lock().expect("sound").iter().filter(|(k, _)| k == kind).map(|(_, payload)| text(payload)).collect()
    }

    #[test]
    fn what_could_not_be_told_is_told_when_the_router_is_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().to_owned();
        let (daemon, name) = (DaemonType::DlqRetry, "dlq-retry".to_owned());
        let places = Places {
            daemon,
            name,
            run: path.clone(),
            runtime: path.clone(),
            state: path.clone(),
            all_state: path.clone(),
        };
        let reporter = Reporter::new(&places, NodeId::new("n1").expect("an id"));
        reporter.started();
        let well = Health::healthy("works");
        reporter.health(State::Running, &well);
        for _ in 0..100 {
            reporter.changed(Axis::Health, "healthy", "degraded", &Health::degraded("a peer is away"));
            reporter.changed(Axis::Health, "degraded", "healthy", &well);
        }
        reporter.changed(Axis::State, "RUNNING", "PAUSED", &well);
        reporter.changed(Axis::Health, "healthy", "unhealthy", &well);
        reporter.health(State::Paused, &Health::degraded("at last"));
        let published = Published::default();
        let listener = UnixListener::bind(path.join("router.sock")).expect("binds");
        let kept = Arc::clone(&published);
        threads::part("router", move || {
            serve("router", &listener, &Budget::new(), move |_: &UnixStream| Ok(Keeps(Arc::clone(&kept))))
        })
        .expect("a thread");
        let health = |published: &Published| said(published, "daemon_health", "state");
        until::until("everything to be told", Duration::from_secs(20), || {
            let reports = lock(&reporter.reports);
            (reports.waiting.is_empty() && !reports.published)
                .then_some(())
                .ok_or_else(|| format!("{:?}", reports.waiting.len()))
        });
        assert_eq!(said(&published, "daemon_started", "daemon_name"), ["DLQ_RETRY"]);
        assert_eq!(health(&published), ["PAUSED"], "only the newest, once");
        let (old, new) = (
            said(&published, "daemon_status_changed", "old_status"),
            said(&published, "daemon_status_changed", "new_status"),
        );
        let of_health: Vec<(&String, &String)> = old.iter().zip(&new).filter(|(old, _)| *old != "RUNNING").collect();
        assert!(
            of_health.windows(2).all(|pair| pair[0].1 == pair[1].0),
            "each begins where the one before ended: {of_health:?}"
        );
        assert_eq!(of_health.last().map(|(_, new)| new.as_str()), Some("unhealthy"), "the last state is told");
        assert!(old.len() <= WAITING && old.iter().any(|old| old == "RUNNING"), "{}", old.len());
    }
}
