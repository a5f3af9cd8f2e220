//! The router killed at random points while publishers and a subscriber go on: nothing that was acknowledged is lost, nothing
//! that was acknowledged comes again, no cursor goes back. TORTURE_ROUNDS sets how often.
use crate::world::{Caller, PATIENCE, Router, Stream, event, subscribe};
use ringrift::contract::router::{NewEvent, Start};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KEYS: [&str; 3] = ["hex8_2p", "hex8_3p", "square8_2p"];

/// Small and repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

#[derive(Default)]
struct Seen {
    /// By idempotency key, what the router answered.
    published: HashMap<String, u64>,
    /// Handlers' effects by event id: how often the event came.
    handled: HashMap<String, u32>,
    /// Everything that came.
    came: HashSet<u64>,
    /// Acknowledgements that were answered. One that was written may have lost its answer.
    acked: HashSet<u64>,
    /// The last first-time delivery of each key.
    order: BTreeMap<String, u64>,
    faults: Vec<String>,
}

struct Shared {
    seen: Mutex<Seen>,
    stop: AtomicBool,
    all_handled: AtomicBool,
}

fn made(publisher: u64, n: u64) -> NewEvent {
    let key = KEYS.get(usize::try_from(n % 4).expect("small"));
    let mut payload = json!({"publisher": publisher, "n": n});
    if let Some(key) = key {
        payload["config_key"] = (*key).into();
    }
    NewEvent { idempotency_key: Some(format!("{publisher}/{n}")), ..event("external.k", payload) }
}

/// Publishes until told to stop; what was not answered is sent again under the same key.
fn publish(dir: &Path, publisher: u64, shared: &Shared) {
    let mut random = Random(publisher + 77);
    let (mut n, mut caller) = (0, None);
    while !shared.stop.load(Ordering::Relaxed) {
        // Kills are to be many, not events: the subscriber, one event after the other, must keep up.
        std::thread::sleep(Duration::from_micros(random.below(6_000)));
        let batch = 1 + random.below(4);
        let events: Vec<NewEvent> = (n..n + batch).map(|n| made(publisher, n)).collect();
        loop {
            if caller.is_none() {
                caller = Caller::connect(dir).ok();
            }
            match caller.as_mut().map(|c: &mut Caller| c.publish(events.clone())) {
                Some(Ok(results)) => {
                    let mut seen = shared.seen.lock().expect("the record");
                    for (event, result) in events.iter().zip(results) {
                        seen.published.insert(event.idempotency_key.clone().expect("a key"), result.seq);
                    }
                    n += batch;
                    break;
                }
                Some(Err(error)) if !error.is_transport() => {
                    shared.seen.lock().expect("the record").faults.push(format!("publish: {error}"));
                    return;
                }
                _ => {
                    caller = None;
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }
}

/// Handles deliveries, sometimes badly, until it is told that all are handled.
fn consume(dir: &Path, shared: &Shared) {
    let mut random = Random(5);
    while !shared.all_handled.load(Ordering::Relaxed) {
        let Ok(mut stream) = Stream::open(dir, &subscribe("s", Start::Beginning, 16)) else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        let Ok(mut acker) = Caller::connect(dir) else { continue };
        let _ = stream.client.set_timeout(Some(Duration::from_millis(500)));
        while let Ok(delivery) = stream.try_next() {
            let Some(event) = &delivery.event else { continue };
            {
                let mut seen = shared.seen.lock().expect("the record");
                if seen.acked.contains(&delivery.seq) {
                    seen.faults.push(format!("{} came again after its acknowledgement was answered", delivery.seq));
                }
                seen.came.insert(delivery.seq);
                let times = seen.handled.entry(event.id.to_string()).or_default();
                *times += 1;
                let (first, key) = (*times == 1, event.key.as_ref().map(ToString::to_string));
                if let Some(key) = key.filter(|_| first) {
                    let before = seen.order.insert(key.clone(), delivery.seq).unwrap_or(0);
                    if before > delivery.seq {
                        seen.faults.push(format!("{key}: {} came after {before}", delivery.seq));
                    }
                }
            }
            let fails = random.below(20) == 0 && delivery.attempt < 3;
            let answered = match fails {
                true => acker.nack("s", &stream.token, delivery.seq, Some(random.below(20)), false).map(|()| false),
                false => acker.ack("s", &stream.token, &[delivery.seq]).map(|()| true),
            };
            match answered {
                Ok(true) => drop(shared.seen.lock().expect("the record").acked.insert(delivery.seq)),
                Ok(false) => {}
                Err(_) => break,
            }
        }
        // A crash counts against the oldest event in flight; here it is the router that dies, so the subscriber leaves in order.
        let _ = acker
            .0
            .call::<serde_json::Map<_, _>>(ringrift::contract::router_calls::method::RELEASE, &json!({"name": "s", "token": stream.token}));
    }
}

/// What was acknowledged to a publisher and has not come yet.
fn missing(shared: &Shared) -> Vec<u64> {
    let seen = shared.seen.lock().expect("the record");
    seen.published.values().copied().filter(|seq| !seen.came.contains(seq)).collect()
}

#[test]
fn killed_again_and_again_it_loses_nothing_and_repeats_nothing() {
    let rounds: u64 = std::env::var("TORTURE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let seed: u64 = std::env::var("TORTURE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("{rounds} rounds, seed {seed}");
    let dir = tempfile::tempdir().expect("a directory");
    let mut router = Router::start(dir.path(), &[]);
    let shared = Arc::new(Shared { seen: Mutex::default(), stop: AtomicBool::new(false), all_handled: AtomicBool::new(false) });
    type Work = Box<dyn FnOnce(&Path, &Shared) + Send>;
    let spawn = |work: Work| {
        let (dir, shared) = (dir.path().to_owned(), shared.clone());
        std::thread::spawn(move || work(&dir, &shared))
    };
    let publishers: Vec<_> = (0..3).map(|p| spawn(Box::new(move |dir, shared| publish(dir, p, shared)))).collect();
    let consumer = spawn(Box::new(consume));
    let (mut random, mut mark) = (Random(seed), 0);
    for round in 0..rounds {
        std::thread::sleep(Duration::from_micros(random.below(120_000)));
        if let Some(state) = router.caller().subscriber("s") {
            assert!(state.low_water >= mark, "round {round}: the cursor went back from {mark} to {}", state.low_water);
            mark = state.low_water;
        }
        router.kill();
        router = Router::start(dir.path(), &[]);
    }
    shared.stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.join().expect("a publisher");
    }
    let begun = Instant::now();
    let mut caller = router.caller();
    while !missing(&shared).is_empty() || caller.subscriber("s").is_none_or(|s| s.lag > 0) {
        let left = missing(&shared);
        assert!(begun.elapsed() < PATIENCE * 4, "never handled: {left:?}; {:?}", caller.subscriber("s"));
        std::thread::sleep(Duration::from_millis(20));
    }
    shared.all_handled.store(true, Ordering::Relaxed);
    consumer.join().expect("the subscriber");

    let log = router.caller().replay(&json!({}));
    let mut seen = shared.seen.lock().expect("the record");
    let mut by_key: HashMap<String, Vec<u64>> = HashMap::new();
    for delivery in &log {
        let payload = &delivery.event.as_ref().expect("an event").payload;
        by_key.entry(format!("{}/{}", payload["publisher"], payload["n"])).or_default().push(delivery.seq);
    }
    for (key, seq) in seen.published.clone() {
        if by_key.get(&key) != Some(&vec![seq]) {
            seen.faults.push(format!("{key} was answered with {seq} and stands at {:?}", by_key.get(&key)));
        }
    }
    assert!(seen.faults.is_empty(), "{:#?}", seen.faults);
    assert!(seen.published.len() as u64 > rounds, "{} events in {rounds} rounds", seen.published.len());
    let repeats = seen.handled.values().filter(|n| **n > 1).count();
    eprintln!(
        "{} events acknowledged in {rounds} kills, {} handled, {repeats} of them more than once and without harm",
        seen.published.len(),
        seen.handled.len()
    );
}
