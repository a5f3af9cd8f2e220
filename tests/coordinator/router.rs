//! A router that remembers what is published, with the real one's rule for repeats.
use ringrift::contract::ids::EventId;
use ringrift::contract::router::{INTERFACE, NewEvent, Publish, PublishResult, Published};
use ringrift::contract::wire::{Call, Reply};
use ringrift::platform::clock::new_event_id;
use ringrift::platform::varlink::{Budget, Caller, Replies, Service, parse, serve};
use std::collections::HashMap;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Log {
    events: Vec<NewEvent>,
    by_key: HashMap<String, (u64, EventId)>,
    repeats: usize,
    /// Stores the next this many batches and then hangs up instead of answering.
    hang_up: usize,
    /// Events of this type are refused for good.
    poison: Option<String>,
}

/// The router.
#[derive(Clone, Default)]
pub struct Router(Arc<(Mutex<Log>, Condvar)>);

impl Router {
    /// Listens at `path`, for as long as the test runs.
    pub fn listen(&self, path: &Path) {
        let listener = UnixListener::bind(path).expect("the router's socket");
        let service: Arc<dyn Service> = Arc::new(self.clone());
        std::thread::spawn(move || {
            serve("router", &listener, &Budget::new(), move |_: &UnixStream| Ok(Arc::clone(&service)))
        });
    }
    pub fn hang_up(&self, batches: usize) {
        self.0.0.lock().expect("the log").hang_up = batches;
    }
    pub fn poison(&self, kind: &str) {
        self.0.0.lock().expect("the log").poison = Some(kind.into());
    }
    pub fn repeats(&self) -> usize {
        self.0.0.lock().expect("the log").repeats
    }
    /// Everything so far.
    pub fn events(&self) -> Vec<NewEvent> {
        self.0.0.lock().expect("the log").events.clone()
    }
    /// Waits until an event of the type satisfies the condition, and returns it.
    pub fn wait(&self, kind: &str, fits: impl Fn(&NewEvent) -> bool) -> NewEvent {
        let find = |log: &Log| log.events.iter().find(|e| e.kind == kind && fits(e)).cloned();
        let log = self.0.0.lock().expect("the log");
        let (log, _) =
            self.0.1.wait_timeout_while(log, Duration::from_secs(30), |log| find(log).is_none()).expect("the log");
        let seen: Vec<_> = log.events.iter().map(|e| &e.kind).collect();
        find(&log).unwrap_or_else(|| panic!("no {kind} came; there were {seen:?}"))
    }
    /// Waits for an event of the type about this work item.
    pub fn about(&self, kind: &str, work: &str) -> NewEvent {
        self.wait(kind, |e| {
            e.payload.get("work_id").or(e.payload.get("task_id")).and_then(|v| v.as_str()) == Some(work)
        })
    }
}

impl Service for Router {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        vec![(INTERFACE, "")]
    }
    fn call(&self, _caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let batch: Publish = match parse(call) {
            Ok(batch) => batch,
            Err(reply) => return replies.send(&reply),
        };
        let mut log = self.0.0.lock().expect("the log");
        if let Some(kind) = &log.poison
            && batch.events.iter().any(|e| e.kind == *kind)
        {
            return replies
                .send(&Reply::error("org.ringrift.BadPayload", &serde_json::json!({ "message": "poisoned" })));
        }
        let mut results = Vec::new();
        for event in batch.events {
            let key = event.idempotency_key.clone().expect("every event of the outbox has a key");
            let known = log.by_key.get(&key).cloned();
            let (seq, id) = known.clone().unwrap_or((log.events.len() as u64 + 1, new_event_id()));
            if known.is_some() {
                log.repeats += 1;
            } else {
                log.by_key.insert(key, (seq, id.clone()));
                log.events.push(event);
            }
            results.push(Published { seq, id, duplicate: known.is_some() });
        }
        self.0.1.notify_all();
        if log.hang_up > 0 {
            log.hang_up -= 1;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        drop(log);
        replies.send(&Reply::ok(&PublishResult { results }))
    }
}
