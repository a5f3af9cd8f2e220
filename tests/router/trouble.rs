//! A full disk, a corrupt or newer database, a bad configuration, an orderly end.
use crate::until::until;
use crate::world::{PATIENCE, Router, Stream, command, external, number, subscribe};
use nix::sys::signal::Signal;
use ringrift::contract::router::calls::method;
use ringrift::contract::router::{Publish, PublishResult, Start};
use ringrift::contract::wire::{Call, errors};
use rusqlite::Connection;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Waits until a text contains another one.
fn says(what: &str, wanted: &str, text: impl Fn() -> String) {
    until(what, PATIENCE, || match text() {
        text if text.contains(wanted) => Ok(()),
        text => Err(text),
    });
}

/// A small file system of its own, unmounted at the end.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(path: &'a Path) -> Option<Small<'a>> {
        std::fs::create_dir_all(path).expect("a directory");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "small"]).arg(path).output();
        mounted.is_ok_and(|out| out.status.success()).then_some(Small(path))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_publishes_loses_nothing_and_heals_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let state = dir.path().join("state");
    let Some(_small) = Small::mount(&state) else {
        eprintln!("skipped: mounting a small tmpfs needs root");
        return;
    };
    let ballast = state.join("ballast");
    std::fs::write(&ballast, vec![1; 2 << 20]).expect("ballast");
    let mut router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    caller.register("s", Start::Now);
    let text = "z".repeat(8000);
    let mut stored = Vec::new();
    let error = loop {
        match caller.publish(vec![external(json!({"n": stored.len(), "text": text}))]) {
            Ok(results) => stored.push(results[0].seq),
            Err(error) => break error,
        }
    };
    assert!(error.is(errors::OUT_OF_SPACE), "{error}");
    assert!(stored.len() > 10);
    assert!(caller.stats().refusing.is_some());

    // Deliveries and acknowledgements continue.
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 8)).expect("a stream");
    let half = stored.len() / 2;
    for n in 0..half {
        let delivery = stream.next();
        assert_eq!(number(&delivery), n as u64);
        caller.ack("s", &stream.token, &[delivery.seq]).expect("acked");
    }
    // There is room again: nobody has to do anything.
    std::fs::remove_file(&ballast).expect("room");
    stored.push(caller.publish(vec![external(json!({"n": stored.len()}))]).expect("stored again")[0].seq);
    assert!(caller.stats().refusing.is_none());
    for n in half..stored.len() {
        let delivery = stream.next();
        assert_eq!(number(&delivery), n as u64);
        caller.ack("s", &stream.token, &[delivery.seq]).expect("acked");
    }
    router.kill();
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    assert_eq!(caller.replay(&json!({})).iter().map(|d| d.seq).collect::<Vec<_>>(), stored);
    assert_eq!(caller.subscriber("s").map(|s| s.lag), Some(0));
}

#[test]
fn a_database_at_its_limit_refuses_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &["--max-pages", "60"]);
    let mut caller = router.caller();
    let mut stored = 0;
    // One that is too large does not spoil the small ones that come with it.
    let refused = loop {
        match caller.publish(vec![external(json!({"n": stored, "text": "z".repeat(3000)}))]) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(refused.is(errors::OUT_OF_SPACE), "{refused}");
    says("the status file", "unhealthy", || router.status_file()["health"].to_string());
    assert_eq!(caller.replay(&json!({})).len(), stored);
    drop(router);
    let router = Router::start(dir.path(), &[]);
    assert_eq!(router.caller().publish(vec![external(json!({}))]).expect("stored")[0].seq, stored as u64 + 1);
}

#[test]
fn a_corrupt_database_is_put_aside() {
    // The first page, or all the others: one alone might be free.
    for first in [true, false] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state/events.db");
        let mut router = Router::start(dir.path(), &[]);
        router
            .caller()
            .publish((0..100).map(|n| external(json!({"n": n, "text": "x".repeat(500)}))).collect())
            .expect("stored");
        assert!(router.terminate().success());
        assert!(!dir.path().join("state/events.db-wal").exists(), "an orderly end leaves one file");
        let mut bytes = std::fs::read(&path).expect("the database");
        match first {
            true => bytes[..4096].fill(0xAA),
            false => bytes[4096..].fill(0xAA),
        }
        std::fs::write(&path, bytes).expect("broken");

        let router = Router::start(dir.path(), &[]);
        let mut caller = router.caller();
        assert_eq!(caller.stats().events, 0);
        caller.publish(vec![external(json!({}))]).expect("stored");
        let aside: Vec<_> = std::fs::read_dir(dir.path().join("state"))
            .expect("a directory")
            .map(|e| e.expect("an entry").file_name())
            .collect();
        assert!(aside.iter().any(|name| name.to_string_lossy().starts_with("events.db.damaged-")), "{aside:?}");
        let notice = std::fs::read_to_string(dir.path().join("notices/database-events.json")).expect("a notice");
        assert!(notice.contains("subscribers") && notice.contains("ringrift database confirm events"), "{notice}");
        let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
        assert!(log.contains("events.db.damaged-"), "{log}");
    }
}

#[test]
fn a_newer_database_ends_with_65_and_a_bad_configuration_with_78() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(Router::start(dir.path(), &[]).terminate().success());
    let path = dir.path().join("state/events.db");
    let db = Connection::open(&path).expect("the database");
    db.pragma_update(None, "user_version", 99).expect("newer");
    drop(db);
    let ends = |code: i32, part: &str| {
        let status = command(dir.path(), &[]).status().expect("it runs");
        assert_eq!(status.code(), Some(code));
        let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
        assert!(log.lines().last().is_some_and(|line| line.contains(part)), "{log}");
    };
    ends(65, "schema version 99");
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(dir.path().join("etc/unified_loop.yaml"), "router:\n  max_attempts: many\n")
        .expect("a configuration");
    ends(78, "max_attempts");
}

#[test]
fn a_second_router_on_the_same_database_does_not_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    assert_eq!(command(dir.path(), &[]).status().expect("it runs").code(), Some(75));
    assert_eq!(router.caller().stats().last_seq, 0);
}

#[test]
fn sigterm_answers_what_is_under_way() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let _idle = router.caller();
    let stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 8)).expect("a stream");
    for n in 0..500 {
        caller.0.send(&Call::new(method::PUBLISH, &Publish { events: vec![external(json!({"n": n}))] })).expect("sent");
    }
    let begun = Instant::now();
    assert!(router.terminate().success());
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut answered = Vec::new();
    while let Ok((result, _)) = caller.0.receive::<PublishResult>(method::PUBLISH) {
        answered.push(result.results[0].seq);
    }
    drop(stream);
    let router = Router::start(dir.path(), &[]);
    let kept: Vec<u64> = router.caller().replay(&json!({})).iter().map(|d| d.seq).collect();
    assert_eq!(kept, answered, "what was stored was answered and the other way round");
}

#[test]
fn a_reload_takes_new_values_and_keeps_the_old_ones_when_they_are_bad() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let mut caller = router.caller();
    let mut stream = Stream::open(dir.path(), &subscribe("s", Start::Now, 8)).expect("a stream");
    let file = dir.path().join("etc/unified_loop.yaml");
    let log = || std::fs::read_to_string(dir.path().join("log")).expect("the log");
    std::fs::write(&file, "router:\n  max_attempts: 1\n").expect("a configuration");
    router.signal(Signal::SIGHUP);
    says("the new configuration", "configuration reloaded", log);
    std::fs::write(&file, "router:\n  max_attempts: 1000\n").expect("a configuration");
    router.signal(Signal::SIGHUP);
    says("the refusal", "stays in effect", log);
    caller.publish(vec![external(json!({"n": 0}))]).expect("stored");
    let seq = stream.next().seq;
    caller.nack("s", &stream.token, seq, None, false).expect("nacked");
    assert_eq!(caller.letters().letters.len(), 1, "one try is all it gets now");
}
