//! Publishers and a subscriber that write down what was acknowledged and handled while the router dies again and again,
//! and what must be true of their records in the end. How it dies is said by `killed` and `power`.
use crate::world::{Caller, PATIENCE, Router, Stream, event, subscribe};
use ringrift::contract::router::calls::method;
use ringrift::contract::router::{NewEvent, Start};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KEYS: [&str; 3] = ["hex8_2p", "hex8_3p", "square8_2p"];

/// Small and repeatable.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

/// Rounds and seed, from the environment or a few of them with the seed of the day.
pub fn rounds(few: u64) -> (u64, u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let (rounds, seed) =
        (number("TORTURE_ROUNDS").unwrap_or(few), number("TORTURE_SEED").unwrap_or_else(|| std::process::id().into()));
    eprintln!("{rounds} rounds, seed {seed}");
    (rounds, seed)
}

/// What the router's deaths may do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// An acknowledgement that was answered holds, and so does a cursor that was read. Else both hold from the next
    /// publish on that was acknowledged.
    pub acks_hold: bool,
    /// Publishes may be refused for other reasons than what is in them.
    pub refusals: bool,
}

#[derive(Default)]
struct Seen {
    /// By idempotency key, what the router answered: place and id.
    published: HashMap<String, (u64, String)>,
    /// What was refused and sent again.
    refused: u64,
    /// Handlers' effects by event id: how often the event came.
    handled: HashMap<String, u32>,
    /// Effects by idempotency key: one id each, or something was done twice.
    effects: HashMap<String, String>,
    /// Everything that came.
    came: HashSet<u64>,
    /// Acknowledgements that were answered. One that was written may have lost its answer.
    acked: HashSet<u64>,
    /// The last first-time delivery of each key.
    order: BTreeMap<String, u64>,
    faults: Vec<String>,
}

struct Shared {
    rules: Rules,
    seen: Mutex<Seen>,
    stop: AtomicBool,
    all_handled: AtomicBool,
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    pub published: usize,
    pub handled: usize,
    /// Events that came more than once, under the same id.
    pub repeated: usize,
    pub refused: u64,
    /// What must not be.
    pub faults: Vec<String>,
}

fn made(publisher: u64, n: u64) -> NewEvent {
    let key = KEYS.get(usize::try_from(n % 4).expect("small"));
    let mut payload = json!({"publisher": publisher, "n": n});
    if let Some(key) = key {
        payload["config_key"] = (*key).into();
    }
    NewEvent { idempotency_key: Some(format!("{publisher}/{n}")), ..event("external.k", payload) }
}

/// Publishes until asked to stop; what was not answered is sent again under the same key.
fn publish(dir: &Path, publisher: u64, shared: &Shared) {
    let mut random = Random(publisher + 77);
    let (mut n, mut caller) = (0, None);
    while !shared.stop.load(Ordering::Relaxed) {
        // Deaths are to be many, not events: the subscriber, one event after the other, must keep up.
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
                        let key = event.idempotency_key.clone().expect("a key");
                        seen.published.insert(key, (result.seq, result.id.to_string()));
                    }
                    n += batch;
                    break;
                }
                Some(Err(error)) if !error.is_transport() => {
                    let mut seen = shared.seen.lock().expect("the record");
                    seen.refused += 1;
                    if !shared.rules.refusals {
                        seen.faults.push(format!("publish: {error}"));
                        return;
                    }
                }
                _ => caller = None,
            }
            if shared.stop.load(Ordering::Relaxed) && shared.rules.refusals {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Handles deliveries, sometimes badly, until all are handled.
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
                if shared.rules.acks_hold && seen.acked.contains(&delivery.seq) {
                    seen.faults.push(format!("{} came again after its acknowledgement was answered", delivery.seq));
                }
                seen.came.insert(delivery.seq);
                let id = event.id.to_string();
                let cause = format!("{}/{}", event.payload["publisher"], event.payload["n"]);
                let first_id = seen.effects.entry(cause.clone()).or_insert_with(|| id.clone()).clone();
                if first_id != id {
                    seen.faults.push(format!("{cause} was handled as {first_id} and again as {id}"));
                }
                let times = seen.handled.entry(id).or_default();
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
        // A crash counts against the oldest event in flight; here it is the router that dies, so the subscriber leaves
        // in order.
        let _ = acker.0.call::<serde_json::Map<_, _>>(method::RELEASE, &json!({"name": "s", "token": stream.token}));
    }
}

/// Runs the load; `die` ends the router and brings it back, once a round; without randomness it comes back healthy, in
/// the end.
pub fn run(
    dir: &Path,
    router: Router,
    rounds: u64,
    random: &mut Random,
    rules: Rules,
    mut die: impl FnMut(Router, Option<&mut Random>) -> Router,
) -> Outcome {
    let mut router = router;
    let shared = Arc::new(Shared {
        rules,
        seen: Mutex::default(),
        stop: AtomicBool::new(false),
        all_handled: AtomicBool::new(false),
    });
    type Work = Box<dyn FnOnce(&Path, &Shared) + Send>;
    let spawn = |work: Work| {
        let (dir, shared) = (dir.to_owned(), shared.clone());
        std::thread::spawn(move || work(&dir, &shared))
    };
    let publishers: Vec<_> = (0..3).map(|p| spawn(Box::new(move |dir, shared| publish(dir, p, shared)))).collect();
    let consumer = spawn(Box::new(consume));
    let mut mark = 0;
    for round in 0..rounds {
        std::thread::sleep(Duration::from_micros(random.below(120_000)));
        // It may be dead already, of a failed sync.
        let found = Caller::connect(dir).ok().and_then(|mut caller| Some((caller.subscriber("s")?, caller)));
        if let Some((state, mut caller)) = found {
            if state.low_water < mark {
                let fault = format!("round {round}: the cursor went back from {mark} to {}", state.low_water);
                shared.seen.lock().expect("the record").faults.push(fault);
            }
            let holds = rules.acks_hold
                || caller.publish(vec![event("external.other", json!({"publisher": "round", "n": round}))]).is_ok();
            if holds {
                mark = state.low_water;
            }
        }
        router = die(router, Some(random));
    }
    router = die(router, None);
    shared.stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.join().expect("a publisher");
    }
    // The subscriber takes one event after the other; how long that takes is the machine's business, as long as it
    // continues.
    let (mut begun, mut least) = (Instant::now(), u64::MAX);
    let mut caller = router.caller();
    loop {
        let state = caller.subscriber("s");
        let lag = state.as_ref().map_or(u64::MAX, |s| s.lag);
        if lag == 0 {
            break;
        }
        if lag < least {
            (begun, least) = (Instant::now(), lag);
        }
        if begun.elapsed() > PATIENCE * 2 {
            shared.seen.lock().expect("the record").faults.push(format!("never handled: {state:?}"));
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    shared.all_handled.store(true, Ordering::Relaxed);
    consumer.join().expect("the subscriber");
    let outcome = judge(&mut router.caller(), &shared);
    assert!(outcome.published as u64 > rounds, "{outcome:?} in {rounds} rounds");
    outcome
}

/// Holds the records against the log.
fn judge(caller: &mut Caller, shared: &Shared) -> Outcome {
    let log = caller.replay(&json!({"interest": {"types": ["external.k"]}}));
    let mut seen = shared.seen.lock().expect("the record");
    let mut by_key: HashMap<String, Vec<(u64, String)>> = HashMap::new();
    for delivery in &log {
        let event = delivery.event.as_ref().expect("an event");
        let key = format!("{}/{}", event.payload["publisher"], event.payload["n"]);
        by_key.entry(key).or_default().push((delivery.seq, event.id.to_string()));
    }
    let mut faults = std::mem::take(&mut seen.faults);
    for (key, stored) in &by_key {
        if stored.len() > 1 {
            faults.push(format!("{key} stands in the log {} times", stored.len()));
        }
    }
    for (key, place) in &seen.published {
        if by_key.get(key).is_none_or(|stored| !stored.contains(place)) {
            faults.push(format!("{key} was answered with {place:?} and stands at {:?}", by_key.get(key)));
        } else if !seen.came.contains(&place.0) {
            faults.push(format!("{key} at {place:?} never came"));
        }
    }
    let letters = caller.letters().letters.len();
    if letters > 0 {
        faults.push(format!("{letters} dead letters; no handler failed often enough"));
    }
    Outcome {
        published: seen.published.len(),
        handled: seen.handled.len(),
        repeated: seen.handled.values().filter(|n| **n > 1).count(),
        refused: seen.refused,
        faults,
    }
}
