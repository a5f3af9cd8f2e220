//! A router and a coordinator in memory, behind real sockets: idempotency keys, deliveries until acknowledged, and a
//! log of all.
use ringrift::contract::coordinator::{NewWork, TooLarge};
use ringrift::contract::envelope::Event;
use ringrift::contract::ids::NodeId;
use ringrift::contract::router::{Ack, Delivery, Nack, Publish, PublishResult, Published, Subscribe};
use ringrift::contract::wire::{Call, Reply, errors};
use ringrift::platform::clock::{new_event_id, now_us};
use ringrift::platform::varlink::{Budget, Caller, Replies, Service, serve_connection};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Everything the two hubs hold.
#[derive(Debug, Default)]
pub struct Held {
    pub log: Vec<Event>,
    keys: BTreeMap<String, u64>,
    /// Not settled: place in the log, delivered on which subscription.
    pending: BTreeMap<u64, Option<u64>>,
    subscription: u64,
    pub subscribers: Vec<String>,
    pub acked: Vec<u64>,
    pub nacked: Vec<Nack>,
    pub registered: Vec<String>,
    pub released: u32,
    pub work: Vec<NewWork>,
    /// What Enqueue is refused with, if it is.
    pub refusal: Option<&'static str>,
}

/// The hubs' memory, shared by their connections; it survives their restarts as a database would.
#[derive(Clone, Default)]
pub struct Hubs(Arc<(Mutex<Held>, Condvar)>);

impl Hubs {
    /// Looks at or changes what is held.
    pub fn with<T>(&self, act: impl FnOnce(&mut Held) -> T) -> T {
        let result = act(&mut self.0.0.lock().expect("no test panics inside"));
        self.0.1.notify_all();
        result
    }

    /// Waits until a condition holds; panics with `what` and the last state after 20 s.
    pub fn until<T>(&self, what: &str, mut condition: impl FnMut(&mut Held) -> Option<T>) -> T {
        let (mutex, changed) = &*self.0;
        let end = Instant::now() + Duration::from_secs(20);
        let mut held = mutex.lock().expect("no test panics inside");
        loop {
            if let Some(found) = condition(&mut held) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let state = format!("{:?}", *held);
                drop(held);
                panic!("waited 20 s for {what}; last state: {state}");
            }
            held = changed.wait_timeout(held, left).expect("no test panics inside").0;
        }
    }

    /// Stores an event for the subscriber.
    pub fn emit(&self, kind: &str, payload: Value) -> u64 {
        self.with(|held| {
            let seq = held.store(kind, payload, None);
            held.pending.insert(seq, None);
            seq
        })
    }

    fn call(&self, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let arguments = Value::Object(call.parameters.clone());
        let method = call.method.rsplit('.').next().unwrap_or_default();
        match method {
            "Publish" => {
                let publish: Publish = serde_json::from_value(arguments).expect("a Publish");
                let results = self.with(|held| {
                    let one = |e: &ringrift::contract::router::NewEvent| held.publish(e);
                    publish.events.iter().map(one).collect()
                });
                replies.send(&Reply::ok(&PublishResult { results }))
            }
            "Subscribe" => self.deliver(&serde_json::from_value(arguments).expect("a Subscribe"), replies),
            "Ack" => {
                let ack: Ack = serde_json::from_value(arguments).expect("an Ack");
                replies.send(&self.with(|held| held.settle(&ack.token, &ack.seqs, None)))
            }
            "Nack" => {
                let nack: Nack = serde_json::from_value(arguments).expect("a Nack");
                replies.send(&self.with(|held| held.settle(&nack.token.clone(), &[nack.seq], Some(nack))))
            }
            "Register" => {
                self.with(|held| {
                    held.registered.push(arguments["subscriptions"][0]["name"].as_str().unwrap_or_default().to_owned())
                });
                replies.send(&Reply::ok(&json!({})))
            }
            "Release" => {
                self.with(|held| held.released += 1);
                replies.send(&Reply::ok(&json!({})))
            }
            "Enqueue" => {
                let work: NewWork = serde_json::from_value(arguments).expect("work");
                if let Some(name) = self.with(|held| held.refusal) {
                    return replies.send(&Reply::error(name, &json!({ "message": "it was told to refuse" })));
                }
                if let Err(why) = TooLarge::check(work.bytes()) {
                    return replies
                        .send(&Reply::error(errors::INVALID_PARAMETER, &json!({ "message": why.to_string() })));
                }
                let created = self.with(|held| {
                    let new = !held.work.iter().any(|w| w.idempotency_key == work.idempotency_key);
                    if new {
                        held.work.push(work);
                    }
                    new
                });
                replies.send(&Reply::ok(&json!({ "work_id": "w-1", "created": created })))
            }
            "CanSpawn" => replies.send(&Reply::ok(&json!({ "allowed": true, "reasons": [] }))),
            _ => replies.send(&Reply::error(errors::METHOD_NOT_FOUND, &json!({}))),
        }
    }

    fn deliver(&self, subscribe: &Subscribe, replies: &mut dyn Replies) -> io::Result<()> {
        let mine = self.with(|held| {
            held.subscription += 1;
            held.subscribers.push(subscribe.name.to_string());
            held.pending.values_mut().for_each(|handed| *handed = None);
            held.subscription
        });
        replies.send(&Reply::more(&Delivery { token: Some(mine.to_string()), seq: 0, attempt: 0, event: None }))?;
        loop {
            let (mutex, changed) = &*self.0;
            let mut held = mutex.lock().expect("no test panics inside");
            if held.subscription != mine {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let next = held.pending.iter().find(|(_, handed)| handed.is_none()).map(|(seq, _)| *seq);
            let Some(seq) = next else {
                // Wakes up now and then, to see that the other end is gone.
                drop(changed.wait_timeout(held, Duration::from_millis(100)).expect("no test panics inside"));
                continue;
            };
            held.pending.insert(seq, Some(mine));
            let event = held.log[usize::try_from(seq).expect("small") - 1].clone();
            drop(held);
            replies.send(&Reply::more(&Delivery { token: None, seq, attempt: 1, event: Some(event) }))?;
        }
    }
}

impl Held {
    fn store(&mut self, kind: &str, payload: Value, cause: Option<ringrift::contract::ids::EventId>) -> u64 {
        let seq = self.log.len() as u64 + 1;
        self.log.push(Event {
            id: new_event_id(),
            node: NodeId::new("n1").expect("an id"),
            origin_seq: seq,
            kind: kind.into(),
            schema: 1,
            key: None,
            cause,
            correlation: None,
            source: "test".into(),
            time_us: now_us(),
            payload: payload.as_object().cloned().expect("an object"),
            extra: Default::default(),
        });
        seq
    }

    fn publish(&mut self, new: &ringrift::contract::router::NewEvent) -> Published {
        let known = new.idempotency_key.as_ref().and_then(|key| self.keys.get(key)).copied();
        let seq = known.unwrap_or_else(|| self.store(&new.kind, Value::Object(new.payload.clone()), new.cause.clone()));
        if let Some(key) = &new.idempotency_key {
            self.keys.insert(key.clone(), seq);
        }
        let id = self.log[usize::try_from(seq).expect("small") - 1].id.clone();
        Published { seq, id, duplicate: known.is_some() }
    }

    fn settle(&mut self, token: &str, seqs: &[u64], nack: Option<Nack>) -> Reply {
        if token != self.subscription.to_string() {
            return Reply::error(errors::FENCED, &json!({ "message": "an old token" }));
        }
        for seq in seqs {
            self.pending.remove(seq);
        }
        match nack {
            Some(nack) => self.nacked.push(nack),
            None => self.acked.extend(seqs),
        }
        Reply::ok(&json!({}))
    }

    /// As if the acknowledgement had been lost on its way.
    pub fn forget_ack(&mut self, seq: u64) {
        self.pending.insert(seq, None);
    }

    /// What the toy said: (count, threshold or tick number), in order.
    pub fn said(&self) -> Vec<(u64, u64)> {
        let said = self.log.iter().filter(|e| e.kind == "training_threshold");
        said.map(|e| {
            (e.payload["sample_count"].as_u64().expect("a number"), e.payload["threshold"].as_u64().expect("a number"))
        })
        .collect()
    }

    /// Events of a type.
    pub fn of(&self, kind: &str) -> Vec<&Event> {
        self.log.iter().filter(|e| e.kind == kind).collect()
    }
}

struct Door(Hubs);

impl Service for Door {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        vec![("org.ringrift.Router", ""), ("org.ringrift.Coordinator", "")]
    }
    fn call(&self, _caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        self.0.call(call, replies)
    }
}

/// A hub's process: a socket whose connections end with it.
pub struct Open {
    path: PathBuf,
    connections: Arc<Mutex<Vec<UnixStream>>>,
}

impl Open {
    /// Listens on a socket.
    pub fn at(path: &Path, hubs: &Hubs) -> Open {
        let listener = UnixListener::bind(path).expect("binds");
        let connections: Arc<Mutex<Vec<UnixStream>>> = Arc::default();
        let (kept, hubs) = (Arc::clone(&connections), hubs.clone());
        std::thread::spawn(move || {
            let budget = Budget::new();
            for stream in listener.incoming().map_while(Result::ok) {
                kept.lock().expect("no panics").push(stream.try_clone().expect("clones"));
                let hubs = hubs.clone();
                let caller = Caller::of(&stream).expect("credentials");
                let seat = budget.seat(&caller).expect("room");
                std::thread::spawn(move || serve_connection(&stream, &caller, seat, &Door(hubs)));
            }
        });
        Open { path: path.to_owned(), connections }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Removing the name is what a client sees of a hub that is down; the connections are ended by hand.
        let _ = std::fs::remove_file(&self.path);
        for stream in self.connections.lock().expect("no panics").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
