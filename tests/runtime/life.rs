//! A daemon's life: ready, paused, reloaded, drained, and what it says of itself.
use super::toy::{INTERFACE, UNWELCOME};
use super::world::{Toy, World};
use nix::sys::signal::Signal;
use ringrift::contract::health::{HealthStatus, State};
use ringrift::platform::varlink::Client;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// READY comes only with the subscription; the start and the stop are said once each.
pub fn ready_means_subscribed_and_sigterm_drains() {
    let mut world = World::new();
    world.router = None;
    let mut toy = world.start(&[]);
    let waiting = world.note("waiting for the event router");
    assert!(waiting.contains("INITIALIZING"), "{waiting}");
    assert!(!world.noted("READY=1", Duration::from_millis(500)));
    world.router_up();
    assert!(world.note("READY=1").contains("RUNNING (healthy): toying"));
    let seq = world.export("1");
    world.hubs.until("handled", |held| (held.acked == [seq]).then_some(()));
    toy.signal(Signal::SIGTERM);
    world.note("STOPPING=1");
    assert_eq!(toy.end().code(), Some(0));
    assert_eq!(world.status().state, State::Stopped);
    world.hubs.with(|held| {
        assert_eq!((held.of("daemon_started").len(), held.of("daemon_stopped").len()), (1, 1));
        assert_eq!(held.subscribers.last().map(String::as_str), Some("training-trigger"));
        assert_eq!(held.released, 1, "what was handed out goes back in order");
    });
}

/// A pause takes no events and no ticks, outlives a restart, and loses nothing.
pub fn a_pause_survives_a_restart() {
    let mut world = World::new();
    let mut toy = world.ready(&[]);
    world.control(&json!({"paused": true, "reason": "a look", "who": "ann", "when_us": 1}));
    let status = world.note("PAUSED");
    assert!(status.contains("paused by ann: a look"), "{status}");
    world.hubs.until("closed", |held| (held.released == 1).then_some(()));
    world.hubs.until("told", |held| (held.of("daemon_status_changed").len() == 1).then_some(()));
    let seq = world.export("1");
    toy.signal(Signal::SIGKILL);
    toy.end();
    let toy = world.ready(&[]);
    assert_eq!(world.status().state, State::Paused);
    world.hubs.with(|held| {
        assert_eq!(held.registered, ["training-trigger"], "its place in the log is kept");
        assert!(held.acked.is_empty() && held.said().is_empty());
    });
    world.control(&json!({"paused": false, "who": "ann"}));
    world.note("RUNNING");
    world.hubs.until("handled", |held| (held.acked == [seq]).then_some(()));
    world.hubs.until("told", |held| (held.of("daemon_status_changed").len() == 2).then_some(()));
    drop(toy);
}

/// A bad file changes nothing but the status; a good one is taken.
pub fn a_bad_reload_keeps_the_old_configuration() {
    let mut world = World::new();
    world.configure("daemons:\n  training_trigger:\n    threshold_games: 7\n");
    let toy = world.ready(&[]);
    assert_eq!(seen(&world)["threshold"], 7);
    world.configure("daemons:\n  training_trigger:\n    threshold_games: 8\n    treshold_samples: 3\n");
    toy.signal(Signal::SIGHUP);
    assert!(world.note("RELOADING=1").contains("MONOTONIC_USEC="));
    let status = world.note("READY=1");
    assert!(
        status.contains("unified_loop.yaml:4:5: daemons.training_trigger.treshold_samples: unknown key"),
        "{status}"
    );
    assert!(status.contains("the previous one stays in effect"), "{status}");
    assert_eq!(seen(&world)["threshold"], 7);
    world.configure("daemons:\n  training_trigger:\n    threshold_games: 8\n");
    toy.signal(Signal::SIGHUP);
    assert!(world.note("READY=1").contains("RUNNING (healthy)"));
    assert_eq!(seen(&world)["threshold"], 8);
}

/// A configuration whose reload the daemon fails is in effect, and the failure is shown until a reload that works.
pub fn a_reload_that_fails_is_shown() {
    let mut world = World::new();
    let toy = world.ready(&[]);
    world.configure("daemons:\n  training_trigger:\n    threshold_games: 13\n");
    toy.signal(Signal::SIGHUP);
    world.note("RELOADING=1");
    let status = world.note("READY=1");
    assert!(
        status.contains("the new configuration is in effect, but the reload failed: it was told to fail"),
        "{status}"
    );
    assert_eq!(seen(&world)["threshold"], UNWELCOME);
    let seq = world.export("1");
    world.hubs.until("handled", |held| (held.acked == [seq]).then_some(()));
    assert_eq!(world.status().health.status, HealthStatus::Degraded, "an event does not make up for it");
    world.configure("daemons:\n  training_trigger:\n    threshold_games: 8\n");
    toy.signal(Signal::SIGHUP);
    assert!(world.note("READY=1").contains("RUNNING (healthy)"));
}

/// A disabled daemon that a dependent pulls in ends well and at once: no failure, no restart, nothing handled.
pub fn a_disabled_daemon_ends_at_once() {
    let mut world = World::new();
    world.configure("daemons:\n  training_trigger: {enabled: false}\n");
    let mut toy = world.start(&[]);
    assert!(world.note("READY=1").contains("disabled by daemons.training_trigger.enabled: false"));
    assert_eq!(toy.end().code(), Some(0));
    world.hubs.with(|held| assert!(held.subscribers.is_empty(), "{:?}", held.subscribers));
}

/// A bad configuration at the start is exit 78: systemd does not restart on it.
pub fn a_bad_configuration_is_exit_78() {
    let mut world = World::new();
    world.configure("safeguards:\n  disk: {warning: 80, critical: 70}\n");
    let mut toy = world.start(&[]);
    let status = world.note("configuration refused");
    assert!(
        status.contains(
            "unified_loop.yaml:2:10: safeguards.disk.warning: 80 must be below safeguards.disk.critical = 70"
        ),
        "{status}"
    );
    assert_eq!(toy.end().code(), Some(78));
    world.configure("");
    let mut toy = world.start(&[("RINGRIFT_PID_KP", "much")]);
    assert!(world.note("configuration refused").contains("RINGRIFT_PID_KP"));
    assert_eq!(toy.end().code(), Some(78));
}

/// Calls are answered also while an input waits for a peer.
pub fn calls_do_not_wait_for_peers() {
    let mut world = World::new();
    world.coordinator = None;
    let _toy = world.ready(&[]);
    let seq = world.export("1");
    world.note("RUNNING (degraded): waiting:");
    assert_eq!(seen(&world)["seen"], 1);
    assert_eq!(world.status().health.status, HealthStatus::Degraded);
    world.coordinator_up();
    world.hubs.until("handled", |held| (held.acked == [seq]).then_some(()));
    world.note("RUNNING (healthy)");
    assert!(world.hubs.with(|held| held.nacked.is_empty()), "waiting is no failed try");
}

/// Its threads are the loop, the subscription and that of the toy's own socket; what publishes ends when all is
/// published.
pub fn an_idle_daemon_has_few_threads() {
    let mut world = World::new();
    let toy = world.ready(&[]);
    world.hubs.until("told", |held| (held.of("daemon_started").len() == 1).then_some(()));
    let end = Instant::now() + Duration::from_secs(20);
    let names = |toy: &Toy| toy.threads().into_iter().filter(|name| !name.starts_with("runtime-")).collect::<Vec<_>>();
    while names(&toy) != ["socket", "subscription"] || toy.threads().len() != 3 {
        assert!(Instant::now() < end, "{:?}", toy.threads());
        std::thread::yield_now();
    }
}

/// The router's restart ends nothing; events go on.
pub fn a_router_that_restarts() {
    let mut world = World::new();
    let _toy = world.ready(&[]);
    world.router = None;
    world.router_up();
    let seq = world.export("1");
    world.hubs.until("handled", |held| (held.acked == [seq]).then_some(()));
    assert!(world.hubs.with(|held| held.subscribers.len() >= 2));
}

fn seen(world: &World) -> Value {
    let mut client = Client::connect(world.path("run/toy.sock"), Some(Duration::from_secs(5))).expect("connects");
    client.call(&format!("{INTERFACE}.Stages"), &json!({})).expect("answers")
}
