//! Databases of earlier versions, events of later ones, and subscribers that do not come back.
use crate::until::until;
use crate::world::{PATIENCE, Router, Stream, event, external, subscribe};
use ringrift::contract::router::calls::method;
use ringrift::contract::router::{NewEvent, Start};
use ringrift::contract::wire::errors;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// As version 1 of the schema left it at an orderly end: ten keyed events and one known by its content; subscription
/// `s` had acknowledged 1, 2, 3 and 6, had failed once at 4 and for good at 5; `gone` was registered and never came.
const VERSION_1: &str = "tests/fixtures/events-v1.db";

fn database(dir: &Path) -> PathBuf {
    std::fs::create_dir_all(dir.join("state")).expect("a directory");
    let path = dir.join("state/events.db");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(VERSION_1), &path).expect("a copy");
    path
}

fn configure(dir: &Path, router: &str) {
    std::fs::create_dir_all(dir.join("etc")).expect("a directory");
    std::fs::write(dir.join("etc/unified_loop.yaml"), format!("router: {{{router}}}\n")).expect("a configuration");
}

#[test]
fn a_database_of_version_1_goes_on_where_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = database(dir.path());
    // The fixture ages; this is not about those who are away.
    configure(dir.path(), "absent_days: 0, retire_days: 0");
    let mut router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let all = caller.replay(&json!({}));
    assert_eq!(all.iter().map(|d| d.seq).collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
    assert_eq!(
        all[3].event.as_ref().map(|e| (e.payload["n"].clone(), e.source.clone())),
        Some((json!(3), "fixture".into()))
    );
    // What was published before is known, by key and by content.
    let keyed = NewEvent { idempotency_key: Some("k3".into()), ..external(json!({"n": "other"})) };
    let boost = event("exploration_boost", json!({"config_key": "hex8_2p", "boost_factor": 1.5, "reason": "x"}));
    let published = caller.publish(vec![keyed, boost, external(json!({"n": 12}))]).expect("stored");
    assert_eq!(
        published.iter().map(|p| (p.seq, p.duplicate)).collect::<Vec<_>>(),
        [(4, true), (11, true), (12, false)]
    );
    // The subscriber is where it was: 4 waits for its next try, 5 is a dead letter.
    let state = caller.subscriber("s").expect("it is known");
    assert_eq!((state.lag, state.retrying, state.dead), (7, 1, 1));
    let letters = caller.letters().letters;
    assert_eq!(letters.iter().map(|l| (l.seq, l.reason.as_str())).collect::<Vec<_>>(), [(5, "poison")]);
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 16)).expect("a stream");
    // The time of its next try has long come.
    assert_eq!((0..7).map(|_| stream.next().seq).collect::<Vec<_>>(), [4, 7, 8, 9, 10, 11, 12]);
    assert!(caller.subscriber("gone").is_some_and(|s| s.last_seen_us.is_none() && s.created_us > 0));
    assert!(router.terminate().success());
    let version: i64 = Connection::open(path)
        .and_then(|db| db.query_row("PRAGMA user_version", [], |row| row.get(0)))
        .expect("a version");
    assert!(version >= 1);
}

#[test]
fn a_newer_database_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = database(dir.path());
    Connection::open(&path).and_then(|db| db.pragma_update(None, "user_version", 7)).expect("a newer version");
    assert_eq!(crate::world::command(dir.path(), &[]).status().expect("it runs").code(), Some(65));
    let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
    for part in ["schema version 7", "this program supports up to", "install the newer version", "events.db"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let db = Connection::open(&path).expect("it is still there");
    let left = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    assert_eq!(
        (left("PRAGMA user_version"), left("SELECT count(*) FROM events")),
        (7, 11),
        "and nothing of it is lost"
    );
}

#[test]
fn events_of_a_newer_schema_are_kept_and_forwarded_unread() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut stream = Stream::open(dir.path(), &subscribe("all", Start::Now, 16)).expect("a stream");
    let newer =
        json!({"type": "moon_phase", "schema": 9, "payload": {"a": [1, null]}, "source": "later", "hops": ["n2"]});
    // A type that we know, with a payload that only the newer version understands.
    let known = json!({"type": "exploration_boost", "schema": 9, "payload": {"factors": [1, 2]}, "source": "later"});
    let publish = |events: Value| json!({ "events": events });
    let results: Value =
        caller.0.call(method::PUBLISH, &publish(json!([newer, known, external(json!({"n": 1}))]))).expect("stored");
    assert_eq!(results["results"].as_array().map(Vec::len), Some(3));
    let check = |event: &ringrift::contract::envelope::Event| {
        assert_eq!((event.kind.as_str(), event.schema, &event.extra["hops"]), ("moon_phase", 9, &json!(["n2"])));
        assert_eq!(event.payload["a"], json!([1, null]));
    };
    check(stream.next().event.as_ref().expect("an event"));
    assert_eq!(stream.next().event.map(|e| (e.schema, e.payload["factors"].clone())), Some((9, json!([1, 2]))));
    // Who does not say that it is newer is held to what this version knows.
    let same = publish(json!([{"type": "moon_phase", "payload": {}}]));
    let refused = caller.0.call::<Value>(method::PUBLISH, &same).expect_err("an unknown type");
    assert!(refused.is(errors::INVALID_PARAMETER) && refused.to_string().contains("moon_phase"), "{refused}");
    router.kill();
    let router = Router::start(dir.path(), &[]);
    check(router.caller().replay(&json!({}))[0].event.as_ref().expect("an event"));
}

#[test]
fn subscribers_that_do_not_come_back_are_shown_and_then_retired() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = database(dir.path());
    let days_ago = |days: i64| ringrift::platform::clock::now_us() - days * 86_400_000_000;
    let db = Connection::open(&path).expect("the database");
    db.execute("UPDATE subscriptions SET seen_us = ? WHERE name = 's'", [days_ago(9)]).expect("set");
    // With a newest event of long ago the clock would not be believed.
    db.execute("UPDATE events SET stored_us = ? WHERE seq = (SELECT max(seq) FROM events)", [days_ago(0)])
        .expect("set");
    db.execute("UPDATE subscriptions SET created_us = ? WHERE name = 'gone'", [days_ago(20)]).expect("set");
    drop(db);
    let health = |router: &Router| {
        let file = std::fs::read(router.dir.join("run/status.json")).unwrap_or_default();
        let file: Value = serde_json::from_slice(&file).unwrap_or_default();
        (
            file["health"]["status"].as_str().unwrap_or_default().to_owned(),
            file["health"]["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let mut router = Router::start(dir.path(), &[]);
    until("the trouble", PATIENCE, || match health(&router) {
        (status, message)
            if status == "degraded" && message.contains("s (9 d)") && message.contains("events retire") =>
        {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    assert!(!health(&router).1.contains("gone"), "who never came is listed and no trouble");
    // It comes back: all is well.
    let stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 16)).expect("a stream");
    until("its end", PATIENCE, || match health(&router) {
        (status, _) if status == "healthy" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    drop(stream);
    router.kill();
    // By policy the one that never came goes, after 15 days; events are not kept for it any more.
    configure(dir.path(), "retire_days: 15");
    let router = Router::start(dir.path(), &[]);
    until("the retirement", PATIENCE, || match router.caller().subscriber("gone") {
        None => Ok(()),
        Some(state) => Err(format!("{state:?}")),
    });
    assert!(router.caller().subscriber("s").is_some());
    let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
    assert!(log.contains("gone") && log.contains("router.retire_days"), "{log}");
}
