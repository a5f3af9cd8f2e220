//! What goes over the wire: good calls, bad ones, many at once.
use crate::world::{Caller, Router, event, external, number};
use ringrift::contract::router::calls::{Fetched, method};
use ringrift::contract::router::{Delivery, Publish, PublishResult};
use ringrift::contract::wire::{Call, CallError, MAX_FRAME, errors};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

fn boost(factor: Value) -> ringrift::contract::router::NewEvent {
    event("exploration_boost", json!({"config_key": "hex8_2p", "boost_factor": factor, "reason": "x"}))
}

#[test]
fn publish_fetch_replay_and_repeats() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let first = caller.publish(vec![boost(json!(1.5)), external(json!({"n": 1}))]).expect("stored");
    assert_eq!((first[0].seq, first[1].seq), (1, 2));
    // The same content of a type that is unique for ever, then a program's own type where each one counts.
    let again = caller.publish(vec![boost(json!(1.5)), external(json!({"n": 1})), boost(json!(2))]).expect("stored");
    assert_eq!((again[0].seq, again[0].duplicate, &again[0].id), (1, true, &first[0].id));
    assert_eq!((again[1].seq, again[1].duplicate, again[2].seq), (3, false, 4));
    // A key makes any publish unique, a chosen id as well.
    let keyed = |n: u64| ringrift::contract::router::NewEvent {
        idempotency_key: Some("k".into()),
        ..external(json!({"n": n}))
    };
    assert!(!caller.publish(vec![keyed(1)]).expect("stored")[0].duplicate);
    assert!(caller.publish(vec![keyed(2)]).expect("stored")[0].duplicate);
    let chosen = ringrift::contract::router::NewEvent { id: Some(first[1].id.clone()), ..external(json!({"n": 9})) };
    assert_eq!(caller.publish(vec![chosen]).expect("stored")[0].seq, 2);

    let fetched: Fetched = caller.0.call(method::FETCH, &json!({"id": first[0].id})).expect("found");
    assert_eq!((fetched.seq, fetched.event.key.as_ref().map(ToString::to_string)), (1, Some("hex8_2p".into())));
    let missing = caller.0.call::<Fetched>(method::FETCH, &json!({"seq": 99})).expect_err("nothing there");
    assert!(missing.is(errors::NOT_FOUND));
    assert_eq!(caller.replay(&json!({})).len(), 5);
    assert_eq!(caller.replay(&json!({"interest": {"categories": ["feedback"]}})).len(), 2);
    assert_eq!(caller.replay(&json!({"key": "hex8_2p", "from": 2})).len(), 1);
    assert_eq!(
        caller
            .replay(&json!({"last": 2, "interest": {"types": ["external.test"]}}))
            .iter()
            .map(|d| d.seq)
            .collect::<Vec<_>>(),
        [3, 5]
    );
    assert_eq!(caller.stats().duplicates, 3);
}

#[test]
fn causes_hand_their_correlation_down() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let first = caller.publish(vec![external(json!({"n": 1}))]).expect("stored")[0].id.clone();
    let caused =
        |cause: &_| ringrift::contract::router::NewEvent { cause: Some(Clone::clone(cause)), ..external(json!({})) };
    let second = caller.publish(vec![caused(&first)]).expect("stored")[0].id.clone();
    caller.publish(vec![caused(&second)]).expect("stored");
    let all = caller.replay(&json!({}));
    let chain: Vec<_> = all.iter().map(|d| d.event.as_ref().and_then(|e| e.correlation.clone())).collect();
    assert_eq!(chain, [None, Some(first.clone()), Some(first)]);
}

#[test]
fn a_replay_follows() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let (mut caller, mut follower) = (router.caller(), router.caller());
    caller.publish(vec![external(json!({"n": 1}))]).expect("stored");
    follower
        .0
        .start(method::REPLAY, &json!({"follow": true, "interest": {"types": ["external.test", "external.late"]}}))
        .expect("sent");
    let mut next = || follower.0.receive::<Delivery>(method::REPLAY).expect("an event").0;
    assert_eq!(number(&next()), 1);
    // A type that the log has never seen.
    caller
        .publish(vec![event("external.late", json!({"n": 2})), event("external.other", json!({"n": 3}))])
        .expect("stored");
    caller.publish(vec![external(json!({"n": 4}))]).expect("stored");
    assert_eq!((number(&next()), number(&next())), (2, 4));
}

#[test]
fn bad_calls_are_answered_and_survived() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut refused = |call: &str, parameters: Value, name: &str, part: &str| {
        let error = caller.0.call::<Map<String, Value>>(call, &parameters).expect_err("refused");
        let CallError::Answer { name: got, parameters, .. } = &error else { panic!("{call}: {error}") };
        assert_eq!(got, name, "{call} {parameters:?}");
        assert!(error.to_string().contains(part), "{error}");
    };
    refused("org.ringrift.Router.Nothing", json!({}), errors::METHOD_NOT_FOUND, "");
    refused("org.example.Other.Call", json!({}), errors::INTERFACE_NOT_FOUND, "");
    refused(method::SUBSCRIBE, json!({"name": "a"}), errors::EXPECTED_MORE, "more");
    refused(method::PUBLISH, json!({}), errors::INVALID_PARAMETER, "events");
    refused(
        method::PUBLISH,
        json!({"events": [{"type": 5, "payload": {}}]}),
        errors::INVALID_PARAMETER,
        "events[0].type",
    );
    refused(method::PUBLISH, json!({"events": [], "extra": 1}), errors::INVALID_PARAMETER, "extra");
    refused(
        method::PUBLISH,
        json!({"events": [{"type": "NEW_GAMES_AVAILABLE", "payload": {}}]}),
        errors::INVALID_PARAMETER,
        "new_games",
    );
    refused(
        method::PUBLISH,
        json!({"events": [external(json!({})), boost(json!("much"))]}),
        errors::BAD_PAYLOAD,
        "events[1].payload.boost_factor",
    );
    refused(method::ACK, json!({"name": "nobody", "token": "x", "seqs": [1]}), errors::NOT_FOUND, "nobody");
    refused(method::FETCH, json!({}), errors::INVALID_PARAMETER, "id");
    refused(method::RETIRE, json!({"name": "nobody"}), errors::NOT_FOUND, "nobody");
    assert_eq!(caller.stats().last_seq, 0, "a batch with one bad event stores nothing");

    let mut raw = UnixStream::connect(dir.path().join("socket")).expect("connected");
    raw.write_all(b"{\"method\"\0[]\0{\"method\":\"org.ringrift.Router.Stats\"}\0").expect("sent");
    let mut replies = Vec::new();
    let mut chunk = [0; 65536];
    while replies.iter().filter(|b| **b == 0).count() < 3 {
        let n = raw.read(&mut chunk).expect("replies");
        replies.extend_from_slice(&chunk[..n]);
    }
    let text = String::from_utf8_lossy(&replies);
    assert_eq!(text.matches(errors::BAD_FRAME).count(), 2, "{text}");
    assert!(text.contains("last_seq"), "{text}");
}

#[test]
fn a_frame_that_is_too_long_or_cut_ends_the_connection_with_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    for bytes in [vec![b'x'; MAX_FRAME + 2], b"{\"method\":".to_vec()] {
        let mut raw = UnixStream::connect(dir.path().join("socket")).expect("connected");
        // The other end may close before all is sent.
        let _ = raw.write_all(&bytes);
        let _ = raw.shutdown(std::net::Shutdown::Write);
        let mut reply = Vec::new();
        raw.read_to_end(&mut reply).expect("an answer, then the end");
        assert!(String::from_utf8_lossy(&reply).contains(errors::BAD_FRAME));
    }
    // The largest event that is allowed goes all the way.
    let mut caller = router.caller();
    let big = external(json!({"n": 1, "text": "y".repeat(MAX_FRAME - 4096 - 300)}));
    caller.publish(vec![big]).expect("stored");
    assert_eq!(number(&caller.replay(&json!({}))[0]), 1);
    let error = caller.publish(vec![external(json!({"text": "y".repeat(MAX_FRAME - 4000)}))]).expect_err("too large");
    assert!(error.is(errors::BAD_PAYLOAD), "{error}");
}

#[test]
fn pipelined_publishes_are_answered_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    for n in 0..1000 {
        caller.0.send(&Call::new(method::PUBLISH, &Publish { events: vec![external(json!({"n": n}))] })).expect("sent");
    }
    let mut last = 0;
    for _ in 0..1000 {
        let (result, _): (PublishResult, bool) = caller.0.receive(method::PUBLISH).expect("stored");
        assert!(result.results[0].seq > last);
        last = result.results[0].seq;
    }
    let all = caller.replay(&json!({}));
    assert!(all.iter().map(number).eq(0..1000), "in the order of sending");
    // Far too many at once: each is either stored or refused, and the connection lives.
    let mut sender = router.caller();
    let stream = sender.0.stream().try_clone().expect("a second handle");
    let writer = std::thread::spawn(move || {
        let frame =
            serde_json::to_vec(&Call::new(method::PUBLISH, &Publish { events: vec![external(json!({"n": 1}))] }))
                .expect("JSON");
        let many = [&frame[..], b"\0"].concat().repeat(5000);
        (&stream).write_all(&many).expect("sent");
    });
    let mut stored = 0;
    for _ in 0..5000 {
        match sender.0.receive::<PublishResult>(method::PUBLISH) {
            Ok(_) => stored += 1,
            Err(error) => assert!(error.is(errors::TOO_MANY), "{error}"),
        }
    }
    writer.join().expect("sent");
    assert!(stored >= 1024 && sender.stats().last_seq == 1000 + stored);
}

#[test]
fn it_describes_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller: Caller = router.caller();
    let info: Map<String, Value> = caller.0.call("org.varlink.service.GetInfo", &json!({})).expect("info");
    assert!(info["interfaces"].as_array().is_some_and(|i| i.contains(&"org.ringrift.Router".into())));
    let described: Map<String, Value> = caller
        .0
        .call("org.varlink.service.GetInterfaceDescription", &json!({"interface": "org.ringrift.Router"}))
        .expect("a description");
    let text = described["description"].as_str().expect("a text");
    for name in [
        method::PUBLISH,
        method::SUBSCRIBE,
        method::ACK,
        method::NACK,
        method::RELEASE,
        method::REPLAY,
        method::DEAD_LETTER_REDRIVE,
    ] {
        let name = name.rsplit('.').next().expect("a name");
        assert!(text.contains(&format!("method {name}(")), "{name}");
    }
}
