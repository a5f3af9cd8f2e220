//! Subscriptions: order, retries, dead letters, take-over, crashes, slow ones, late ones.
use crate::world::{Caller, PATIENCE, Router, Stream, event, external, number, subscribe};
use ringrift::contract::router::calls::method;
use ringrift::contract::router::{DeadLetter, DeadLetterFilter, DeadLetterList, Interest, Start, Subscribe};
use ringrift::contract::wire::{MAX_FRAME, errors};
use serde_json::{Map, Value, json};
use std::time::Instant;

fn numbers(stream: &mut Stream, count: usize) -> Vec<u64> {
    (0..count).map(|_| number(&stream.next())).collect()
}

fn publish_numbers(caller: &mut Caller, range: std::ops::Range<u64>) {
    caller.publish(range.map(|n| external(json!({"n": n}))).collect()).expect("stored");
}

#[test]
fn cursors_last_over_connections_and_restarts() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    publish_numbers(&mut caller, 0..3);
    caller.register("late", Start::Beginning);
    caller.register("new", Start::Now);
    publish_numbers(&mut caller, 3..6);
    let mut late = Stream::open(dir.path(), &subscribe("late", Start::Now, 64)).expect("a stream");
    assert_eq!(numbers(&mut late, 6), [0, 1, 2, 3, 4, 5]);
    caller.ack("late", &late.token, &[1, 2, 5]).expect("acked");
    assert!(router.terminate().success());

    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut late = Stream::open(dir.path(), &subscribe("late", Start::Now, 64)).expect("a stream");
    assert_eq!(numbers(&mut late, 3), [2, 3, 5], "what was acknowledged does not come again");
    late.quiet();
    let mut new = Stream::open(dir.path(), &subscribe("new", Start::Beginning, 64)).expect("a stream");
    assert_eq!(numbers(&mut new, 3), [3, 4, 5], "it began when it was registered");
    let state = caller.subscriber("late").expect("listed");
    assert_eq!((state.low_water, state.lag, state.in_flight, state.connected), (2, 3, 3, true));
    caller.ack("late", &late.token, &[3, 4, 6]).expect("acked");
    assert_eq!(caller.subscriber("late").expect("listed").low_water, 6);
}

#[test]
fn a_failing_handler_gets_retries_then_a_dead_letter_and_others_go_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &["--retry-base-ms", "10"]);
    let mut caller = router.caller();
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    publish_numbers(&mut caller, 0..3);
    let poison = stream.next();
    let token = stream.token.clone();
    caller.nack("s", &token, poison.seq, None, false).expect("nacked");
    for _ in 0..2 {
        let good = stream.next();
        caller.ack("s", &token, &[good.seq]).expect("acked");
    }
    for attempt in 2..=5 {
        let again = stream.next();
        assert_eq!((again.seq, again.attempt), (poison.seq, attempt));
        caller.nack("s", &token, again.seq, None, false).expect("nacked");
    }
    let letters = caller.letters().letters;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        (letter.seq, letter.attempts, letter.reason.as_str(), letter.history.len(), letter.redriven),
        (poison.seq, 5, "it broke", 5, 0)
    );
    assert_eq!(letter.event.as_ref().map(|e| &e.id), poison.event.as_ref().map(|e| &e.id));
    let state = caller.subscriber("s").expect("listed");
    assert_eq!((state.low_water, state.lag, state.dead), (3, 0, 1));

    // Handed out again, refused at once, delivered again, handled.
    assert_eq!(caller.redrive(&DeadLetterFilter { id: Some(letter.id), ..Default::default() }), 1);
    let again = stream.next();
    assert_eq!((again.seq, again.attempt), (poison.seq, 1));
    assert!(caller.letters().letters.is_empty());
    caller.nack("s", &token, again.seq, None, true).expect("nacked");
    let letter = caller.letters().letters.remove(0);
    assert_eq!((letter.redriven, letter.history.len()), (1, 6));
    assert_eq!(caller.redrive(&DeadLetterFilter { max_redriven: Some(0), ..Default::default() }), 0);
    assert_eq!(
        caller.redrive(&DeadLetterFilter { subscriber: Some("s".parse().expect("a name")), ..Default::default() }),
        1
    );
    caller.ack("s", &token, &[stream.next().seq]).expect("acked");
    assert_eq!(caller.subscriber("s").expect("listed").dead, 0);
}

#[test]
fn letters_that_fill_more_than_a_frame_are_listed_in_pages() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    let token = stream.token.clone();
    let largest = MAX_FRAME - 4096 - 300;
    for size in [400_000, 400_000, 400_000, largest, 400_000] {
        caller.publish(vec![event("external.large", json!({ "text": "y".repeat(size) }))]).expect("stored");
        let seq = stream.next().seq;
        caller.nack("s", &token, seq, None, true).expect("nacked");
    }
    let first = caller.letters();
    assert_eq!((first.letters.len(), first.truncated), (2, true));
    // What the next page begins behind is gone by then.
    let last = first.letters[1].place();
    assert_eq!(caller.redrive(&DeadLetterFilter { id: Some(last.id), ..Default::default() }), 1);
    let (mut filter, mut seen) = (DeadLetterFilter { after: Some(last), ..Default::default() }, Vec::new());
    loop {
        let page: DeadLetterList = caller.0.call(method::DEAD_LETTER_LIST, &filter).expect("a page");
        seen.extend(page.letters.iter().map(|letter| (letter.seq, letter.event.is_some())));
        filter.after = page.letters.last().map(DeadLetter::place);
        if !page.truncated {
            break;
        }
    }
    assert_eq!(seen, [(3, true), (4, false), (5, true)], "no answer holds the event of the fourth");
}

#[test]
fn a_second_subscribe_ends_the_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut first = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    publish_numbers(&mut caller, 0..1);
    let seq = first.next().seq;
    let mut second = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    assert!(first.try_next().expect_err("ended").is(errors::FENCED));
    assert!(caller.ack("s", &first.token, &[seq]).expect_err("an old token").is(errors::FENCED));
    let again = second.next();
    assert_eq!((again.seq, again.attempt), (seq, 1), "a take-over is nobody's fault");
    caller.ack("s", &second.token, &[seq]).expect("acked");
    // The connection of the first lives.
    assert_eq!(Caller(first.client).stats().acked, 1);
}

#[test]
fn an_event_that_kills_its_handler_ends_as_a_dead_letter_and_a_release_counts_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    caller.register("s", Start::Now);
    publish_numbers(&mut caller, 0..2);
    for _ in 0..7 {
        let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
        assert_eq!(stream.next().attempt, 1);
        let _: Map<String, Value> =
            caller.0.call(method::RELEASE, &json!({"name": "s", "token": stream.token})).expect("released");
        assert!(stream.try_next().is_ok() && stream.try_next().expect_err("ended").is(errors::FENCED));
    }
    for attempt in 1..=5 {
        let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
        assert_eq!((stream.next().attempt, stream.next().attempt), (attempt, 1), "only the oldest is suspected");
        drop(stream);
        caller.subscriber_when("s", |s| !s.connected);
    }
    let letters = caller.letters().letters;
    assert_eq!((letters.len(), letters[0].seq, letters[0].attempts), (1, 1, 5));
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    assert_eq!(number(&stream.next()), 1);
}

#[test]
fn events_of_one_key_wait_for_each_other_even_when_many_wait() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let keyed = |n: u64| {
        event("external.k", json!({"n": n, "config_key": if n.is_multiple_of(2) { "hex8_2p" } else { "hex8_3p" }}))
    };
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    for batch in 0..4 {
        caller.publish((batch * 500..batch * 500 + 500).map(keyed).collect()).expect("stored");
    }
    let first = stream.next();
    assert_eq!(number(&first), 0);
    caller.nack("s", &stream.token, first.seq, Some(3_600_000), false).expect("nacked");
    // The other key continues to its end while a thousand wait behind the first event.
    for n in (1..2000).step_by(2) {
        let delivery = stream.next();
        assert_eq!(number(&delivery), n);
        caller.ack("s", &stream.token, &[delivery.seq]).expect("acked");
    }
    stream.quiet();
    let state = caller.subscriber("s").expect("listed");
    assert_eq!((state.low_water, state.retrying), (2000, 1), "the mark is not held back by an exception");
    drop(stream);
    router.kill();

    // After a restart they still wait, and then come in order.
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 64)).expect("a stream");
    stream.quiet();
    caller.ack("s", &stream.token, &[first.seq]).expect("acked by hand");
    for n in (2..2000).step_by(2) {
        let delivery = stream.next();
        assert_eq!(number(&delivery), n);
        caller.ack("s", &stream.token, &[delivery.seq]).expect("acked");
    }
    stream.quiet();
    assert_eq!(caller.subscriber("s").map(|s| (s.lag, s.low_water)), Some((0, 2000)));
}

#[test]
fn a_slow_subscriber_costs_little_and_slows_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let slow = Stream::open(dir.path(), &subscribe("slow", Start::Now, 1024)).expect("a stream");
    let mut fast = Stream::open(dir.path(), &subscribe("fast", Start::Now, 1024)).expect("a stream");
    let text = "x".repeat(4096);
    let (count, before) = (10_000u64, router.memory("VmRSS:"));
    let (path, token) = (dir.path().to_owned(), fast.token.clone());
    let reader = std::thread::spawn(move || {
        let mut acker = Caller::connect(&path).expect("connected");
        for n in 0..count {
            let delivery = fast.next();
            assert_eq!(number(&delivery), n);
            acker.ack("fast", &token, &[delivery.seq]).expect("acked");
        }
    });
    for batch in 0..count / 100 {
        caller
            .publish((batch * 100..batch * 100 + 100).map(|n| external(json!({"n": n, "text": text}))).collect())
            .expect("stored");
    }
    reader.join().expect("the fast one got everything in order");
    let grown = router.memory("VmRSS:").saturating_sub(before);
    assert!(grown < 40_000, "40 MB of events cost {grown} KiB of memory");
    let state = caller.subscriber("slow").expect("listed");
    assert_eq!((state.in_flight <= 1024, state.lag), (true, count));
    drop(slow);
}

#[test]
fn an_interest_selects_and_may_change() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let wanted = |types: &[&str]| Subscribe {
        interest: Interest { types: types.iter().map(|t| (*t).into()).collect(), categories: Vec::new() },
        ..subscribe("s", Start::Now, 8)
    };
    let mut stream = Stream::open(dir.path(), &wanted(&["external.a"])).expect("a stream");
    let three = |n: u64| {
        vec![
            event("external.a", json!({"n": n})),
            event("external.b", json!({"n": n + 1})),
            event("external.c", json!({"n": n + 2})),
        ]
    };
    caller.publish(three(0)).expect("stored");
    let first = stream.next();
    assert_eq!(number(&first), 0);
    stream.quiet();
    assert_eq!(caller.subscriber("s").map(|s| s.lag), Some(1));
    // The handler for a is gone: what was in flight of it is not delivered again.
    let mut stream = Stream::open(dir.path(), &wanted(&["external.b", "external.c"])).expect("a stream");
    caller.publish(three(3)).expect("stored");
    assert_eq!(numbers(&mut stream, 2), [4, 5]);
    let refused = Stream::open(dir.path(), &wanted(&["selfplay_complet"])).err().expect("refused");
    assert!(refused.to_string().contains("selfplay_complete"), "{refused}");
}

#[test]
fn who_comes_late_to_a_long_log_gets_his_few_events_soon() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    for batch in 0..20u64 {
        let mut events: Vec<_> = (0..999).map(|n| external(json!({"n": n}))).collect();
        events.push(event("external.rare", json!({"n": batch})));
        caller.publish(events).expect("stored");
    }
    let begun = Instant::now();
    let wanted = Subscribe {
        interest: Interest { types: vec!["external.rare".into()], categories: Vec::new() },
        ..subscribe("s", Start::Beginning, 4)
    };
    let mut stream = Stream::open(dir.path(), &wanted).expect("a stream");
    for n in 0..20 {
        let delivery = stream.next();
        assert_eq!(number(&delivery), n);
        caller.ack("s", &stream.token, &[delivery.seq]).expect("acked");
    }
    assert!(begun.elapsed() < PATIENCE / 3);
    caller.subscriber_when("s", |s| s.lag == 0);
    // Without a stream the lag is counted from the log.
    drop(stream);
    caller.subscriber_when("s", |s| !s.connected);
    caller.publish(vec![event("external.rare", json!({})), external(json!({}))]).expect("stored");
    assert_eq!(caller.subscriber("s").map(|s| s.lag), Some(1));
    let _: Map<String, Value> = caller.0.call(method::RETIRE, &json!({"name": "s"})).expect("retired");
    assert!(caller.subscriber("s").is_none());
}
