//! Handlers that fail: what becomes of the input.
use super::toy::INTERFACE;
use super::world::World;
use ringrift::contract::health::HealthStatus;
use ringrift::platform::varlink::Client;
use std::time::Duration;

/// A failure is a Nack, a rejection a dead letter at once, and neither leaves half a change behind.
pub fn failed_and_rejected_events() {
    let mut world = World::new();
    let _toy = world.ready(&[("TOY_KEEPS", "1")]);
    let first = world.export("fail");
    let rejected = world.export("reject");
    let unreadable = world
        .hubs
        .emit("npz_export_complete", serde_json::json!({"config_key": "square8_2p", "samples_exported": "many"}));
    let last = world.export("well");
    world.hubs.until("settled", |held| (held.acked == [last]).then_some(()));
    world.hubs.with(|held| {
        let ends: Vec<_> = held.nacked.iter().map(|n| (n.seq, n.dead)).collect();
        assert_eq!(ends, [(first, false), (rejected, true), (unreadable, true)]);
        assert_eq!(held.nacked[0].reason, "it was told to fail");
        assert!(held.nacked[2].reason.contains("NPZ_EXPORT_COMPLETE"), "{}", held.nacked[2].reason);
        assert_eq!(held.said(), [(1, 320)], "failed handlers were undone");
    });
}

/// What a handler shows and that it is not well is seen also when it fails; that it is well and what it did is not, for
/// it is undone.
pub fn what_a_failed_handler_saw_is_shown() {
    let mut world = World::new();
    let _toy = world.ready(&[]);
    world.export("fail degraded");
    world.export("fail");
    let shown = crate::until::until("what the second failure shows", Duration::from_secs(20), || {
        let status = world.status();
        if status.snapshot == serde_json::json!({ "seen": 2 }) { Ok(status) } else { Err(format!("{status:?}")) }
    });
    assert_eq!(shown.health.status, HealthStatus::Degraded);
    assert!(shown.health.message.ends_with("it does not feel well"), "{}", shown.health.message);
    assert!(!shown.last.contains("event"), "{}", shown.last);
}

/// A panic ends the process with 1; the event comes again to the next one.
pub fn a_panic_ends_the_process_and_not_the_event() {
    let world = World::new();
    world.export("panic");
    let mut toy = world.start(&[]);
    assert_eq!(toy.end().code(), Some(1));
    assert!(world.hubs.with(|held| held.acked.is_empty() && held.nacked.is_empty()));
}

/// A database that is of no use ends the process with 1, which says so; the event is neither done nor failed.
pub fn a_broken_database_ends_the_process_and_not_the_event() {
    let world = World::new();
    world.export("broken");
    let mut toy = world.start(&[]);
    assert_eq!(toy.end().code(), Some(1));
    assert!(world.hubs.with(|held| held.acked.is_empty() && held.nacked.is_empty()));
}

/// So it does when a call meets the database.
pub fn a_broken_database_that_a_call_meets_ends_the_process() {
    let mut world = World::new();
    let mut toy = world.ready(&[]);
    let mut client = Client::connect(world.path("run/toy.sock"), Some(Duration::from_secs(5))).expect("connects");
    let answer = client.call::<serde_json::Value>(&format!("{INTERFACE}.Prune"), &serde_json::json!({}));
    assert!(answer.as_ref().is_err_and(|error| error.is_transport()), "nobody is answered: {answer:?}");
    assert_eq!(toy.end().code(), Some(1));
}

/// A handler that asks an absent peer is run again until it answers.
pub fn an_absent_peer_is_waited_for() {
    let mut world = World::new();
    world.coordinator = None;
    let _toy = world.ready(&[("TOY_KEEPS", "1")]);
    let seq = world.export("ask");
    world.note("waiting: connecting over");
    world.coordinator_up();
    world.hubs.until("handled", |held| (held.acked == [seq]).then_some(()));
    world.hubs.with(|held| {
        assert_eq!(held.said(), [(1, 320)], "tries that had to wait were undone");
        assert!(held.nacked.is_empty());
    });
}

/// Restarts are delayed where systemd does not do it, and the delay is shown.
pub fn restarts_are_delayed() {
    let mut world = World::new();
    let none = [("RINGRIFT_BACKOFF", "")];
    for restart in 0..3 {
        let mut toy = world.start(&none);
        if restart == 2 {
            let status = world.note("backing off 2s (restart 2/5)");
            assert!(status.contains("STATUS="), "{status}");
        }
        world.note("READY=1");
        toy.signal(nix::sys::signal::Signal::SIGKILL);
        toy.end();
    }
}
