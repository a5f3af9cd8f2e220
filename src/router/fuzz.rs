//! Frames and payloads from a mutating generator, through the codecs and the checks up to the stored form. It runs on
//! stable Rust in the test program itself: what behaves in a new way (another method, another error, another shape of
//! what is stored) becomes a seed for more. FUZZ_EXECUTIONS says how many frames, FUZZ_SEED where to begin; FUZZ_KEEP
//! names a directory for new seeds.
use super::canonical;
use super::connection::RawCall;
use super::frames::{self, failure};
use super::incoming::read_publish;
use super::kinds::{Kinds, Wants};
use super::prepare::{MAX_EVENT, prepare};
use super::publish;
use super::refusal::Refusal;
use super::subscriptions;
use crate::contract::envelope::Event;
use crate::contract::ids::{EventId, NodeId};
use crate::contract::router::calls::method;
use crate::contract::router::{Ack, DeadLetterFilter, Fetch, Nack, Register, Replay, Subscribe};
use crate::contract::wire::{Call, MAX_FRAME};
use crate::platform::varlink::{self, parse_text};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Words that mean something to the router, to be put anywhere.
const WORDS: &[&str] = &[
    "\"schema\":2,",
    "\"schema\":4294967295,",
    "null",
    "-1",
    "1e400",
    "18446744073709551616",
    "0.1",
    "true",
    "{}",
    "[]",
    "\"\"",
    "\"type\":",
    "\"payload\":{",
    "\"config_key\":\"hex8_2p\",",
    "external.",
    "model_promoted",
    "\\u0000",
    "\\ud800",
    "\"more\":true,",
    "\"oneway\":true,",
    "\"a\":1,\"a\":2",
    "}}",
    "\0",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift*: small, and good enough to pick places.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/frames");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}

fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below(bytes.len() - at + 1).min(24);
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let part = other[from..(from + random.below(64)).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
            5 => bytes.truncate(at),
            _ => drop(bytes.splice(at..end, WORDS[random.below(WORDS.len())].bytes())),
        }
        bytes.truncate(64 * 1024);
    }
    bytes
}

/// What became of a frame, without what varies from one to the next: the fuzzer's sense of something new.
type Behaviour = String;

struct World {
    runtime: tokio::runtime::Runtime,
    kinds: Kinds,
    node: NodeId,
}

impl World {
    fn new() -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        World { runtime, kinds: Kinds::new(Vec::new()), node: NodeId::new("n1").expect("a node") }
    }

    /// All that a connection's bytes go through. Panics are what is looked for.
    fn run(&mut self, bytes: &[u8]) -> Behaviour {
        let mut behaviour = String::new();
        for frame in self.split(bytes) {
            behaviour.push_str(&self.frame(&frame));
            behaviour.push(';');
        }
        if self.kinds.iter().count() > 9_000 {
            self.kinds = Kinds::new(Vec::new());
        }
        behaviour
    }

    /// Both codecs find the same frames, which are what stands between the NULs.
    fn split(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut expected: Vec<Vec<u8>> = bytes.split(|b| *b == 0).map(<[u8]>::to_vec).collect();
        let rest = expected.pop().expect("at least one part");
        let mut reader = frames::Frames::new(bytes);
        let mut blocking = varlink::Frames::new(bytes);
        let mut next = || loop {
            match reader.next().expect("no frame is too long") {
                Some(frame) => return Ok(frame.to_vec()),
                None => match self.runtime.block_on(reader.more()) {
                    Ok(true) => {}
                    end => return Err(end.is_err()),
                },
            }
        };
        for frame in &expected {
            let found = next().expect("one more");
            assert_eq!((&found, Some(&found)), (frame, blocking.next_frame().expect("a frame").as_ref()));
        }
        let (end, blocking_end) = (next().expect_err("the end"), blocking.next_frame());
        assert_eq!(
            (end, blocking_end.is_err()),
            (!rest.is_empty(), !rest.is_empty()),
            "the rest of a cut frame is an error"
        );
        // A frame that was cut is looked into as well, as if its NUL had come.
        expected.push(rest);
        expected
    }

    fn frame(&mut self, frame: &[u8]) -> Behaviour {
        let _ = serde_json::from_slice::<Call>(frame);
        let call = match serde_json::from_slice::<RawCall<'_>>(frame) {
            Ok(call) => call,
            Err(error) => return format!("no call: {:?}", error.classify()),
        };
        let text = call.parameters.map_or("{}", |raw| raw.get());
        let flags = (call.more, call.oneway);
        let name = call.method.clone().into_owned();
        let outcome = match &*name {
            method::PUBLISH => self.publish(&call),
            method::SUBSCRIBE => arguments::<Subscribe>(text, |s| subscriptions::check(&s)),
            method::REGISTER => {
                arguments::<Register>(text, |r| r.subscriptions.iter().try_for_each(subscriptions::check))
            }
            method::REPLAY => arguments::<Replay>(text, |r| Wants::check(&r.interest)),
            method::ACK => arguments::<Ack>(text, |_| Ok(())),
            method::NACK => arguments::<Nack>(text, |_| Ok(())),
            method::FETCH => arguments::<Fetch>(text, |_| Ok(())),
            method::DEAD_LETTER_LIST => arguments::<DeadLetterFilter>(text, |_| Ok(())),
            _ => return format!("unknown method {flags:?}"),
        };
        format!("{name} {flags:?} {outcome}")
    }

    fn publish(&mut self, call: &RawCall<'_>) -> Behaviour {
        // The fast way takes what it is sure of; the careful one must read the same in it.
        let fast = call.parameters.and_then(|raw| publish::read(raw.get().as_bytes()));
        let careful = match read_publish(call) {
            Ok(careful) => careful,
            Err(refusal) => {
                assert!(fast.is_none(), "the fast way takes what is refused: {refusal:?}");
                return refused(&refusal);
            }
        };
        let mut shapes = if fast.is_some() { "fast;" } else { "careful;" }.to_owned();
        let wanted: Vec<_> = fast.unwrap_or_else(|| read_publish(call).expect("read before"));
        assert_eq!(wanted.len(), careful.len());
        for (at, (event, given)) in wanted.into_iter().zip(careful).enumerate().take(8) {
            let extra = given.newer.clone().unwrap_or_default().extra;
            let fields = given.fields.expect("the careful way reads the fields");
            let prepared = match prepare(event, at, &mut self.kinds, &self.node, 77) {
                Ok(prepared) => prepared,
                Err(refusal) => {
                    shapes.push_str(&refused(&refusal));
                    break;
                }
            };
            assert!(prepared.body.len() <= MAX_EVENT && !prepared.body.contains(&0));
            let text = format!(
                "{{\"origin_seq\":5,{}}}",
                std::str::from_utf8(&prepared.body).expect("the body goes to SQLite as text")
            );
            let stored: Event =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("what is stored is no envelope: {e}: {text}"));
            assert_eq!(
                (&*stored.kind, &stored.payload, &*stored.source),
                (&*given.kind, &fields, &*given.source),
                "{text}"
            );
            let cause = stored.cause.as_ref().map(EventId::to_bytes);
            assert_eq!((stored.origin_seq, cause, &stored.extra), (5, given.cause, &extra), "{text}");
            // The fingerprint does not depend on the order of the fields, nor on those without a value.
            let mut turned: Map<String, Value> = fields.clone().into_iter().rev().collect();
            turned.insert("\u{1}none".into(), Value::Null);
            assert_eq!(canonical::of_content(&given.kind, &turned), canonical::of_content(&given.kind, &fields));
            let known = prepared.name.starts_with("external.");
            shapes.push_str(&format!(
                "stored {known} {} {} {};",
                prepared.dedup.is_some(),
                prepared.key.is_some(),
                !extra.is_empty()
            ));
        }
        shapes
    }
}

fn arguments<T: serde::de::DeserializeOwned>(text: &str, check: impl FnOnce(T) -> Result<(), Refusal>) -> Behaviour {
    match parse_text::<T>(text) {
        Ok(arguments) => check(arguments).map_or_else(|refusal| refused(&refusal), |()| "fine".into()),
        Err(parameters) => refused(&Refusal { name: crate::contract::wire::errors::INVALID_PARAMETER, parameters }),
    }
}

/// A refusal goes out as one frame of JSON that says something.
fn refused(refusal: &Refusal) -> Behaviour {
    let bytes = failure(refusal);
    let (nul, text) = bytes.split_last().expect("a frame");
    assert!(*nul == 0 && !text.contains(&0) && text.len() <= MAX_FRAME, "{refusal:?}");
    let reply: Value = serde_json::from_slice(text).expect("JSON");
    assert!(
        reply["error"].as_str().is_some_and(|e| e == refusal.name) && !refusal.parameters.message.is_empty(),
        "{reply}"
    );
    let field = refusal.parameters.parameter.as_deref().unwrap_or("");
    let shape: String = field.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
    format!("{} {shape}", refusal.name)
}

#[test]
fn the_corpus_goes_through() {
    let (seeds, mut world) = (corpus(), World::new());
    assert!(seeds.len() >= 15, "{} seeds", seeds.len());
    let found: HashSet<Behaviour> = seeds.iter().map(|seed| world.run(seed)).collect();
    assert!(found.len() >= 15, "the seeds are to differ: {found:#?}");
}

#[test]
fn no_frame_panics_and_what_is_stored_is_what_was_sent() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (executions, seed) =
        (number("FUZZ_EXECUTIONS").unwrap_or(20_000), number("FUZZ_SEED").unwrap_or_else(|| std::process::id().into()));
    let keep = std::env::var_os("FUZZ_KEEP").map(PathBuf::from);
    let (mut seeds, mut world, mut random) = (corpus(), World::new(), Random(seed | 1));
    let mut known: HashSet<Behaviour> = seeds.iter().map(|seed| world.run(seed)).collect();
    let (begun, mut said) = (Instant::now(), Instant::now());
    for execution in 0..executions {
        let bytes = mutate(&seeds, &mut random);
        let behaviour = world.run(&bytes);
        if bytes.len() <= 4096 && known.len() < 20_000 && known.insert(behaviour.clone()) {
            if let Some(directory) = &keep {
                std::fs::write(directory.join(format!("found-{:05}", seeds.len())), &bytes).expect("a new seed");
            }
            seeds.push(bytes);
        }
        if said.elapsed().as_secs() >= 60 {
            said = Instant::now();
            eprintln!("{execution} executions, {} behaviours", known.len());
        }
    }
    let rate = executions as f64 / begun.elapsed().as_secs_f64();
    eprintln!(
        "{executions} executions, seed {seed}: {rate:.0}/s, {} behaviours, {} seeds, no panic",
        known.len(),
        seeds.len()
    );
}
