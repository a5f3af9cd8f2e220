//! Killing between any two steps: the effects of an input happen exactly once.
use super::hubs::Held;
use super::world::World;
use ringrift::contract::wire::errors;

const STEPS: [&str; 5] = ["after_handler", "after_save", "after_enqueue", "after_publish", "before_ack"];

/// A daemon with state of its own: each event is counted once, published once, enqueued once, in order.
pub fn events_of_a_daemon_that_keeps_state() {
    for step in STEPS {
        let mut world = World::new();
        world.export("1");
        world.export("2");
        world.export("3");
        // The second event's turn is killed; the first one is through, the third one waits.
        let mut toy = world.start(&[("TOY_KEEPS", "1"), ("RINGRIFT_CRASH_AT", &format!("{step}:2"))]);
        assert!(toy.end().code().is_none(), "{step}: killed by a signal");
        let mut toy = world.ready(&[("TOY_KEEPS", "1")]);
        world.hubs.until(step, |held| (held.acked.len() == 3).then_some(()));
        toy.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(toy.end().success(), "{step}");
        world.hubs.with(|held| {
            assert_eq!(held.said(), [(1, 320), (2, 320), (3, 320)], "{step}");
            let seen: Vec<_> = held.work.iter().map(|w| w.params["seen"].as_u64().expect("a number")).collect();
            assert_eq!(seen, [1, 2, 3], "{step}");
            assert_eq!(held.acked, [1, 2, 3], "{step}");
            // Whose output it is: the event's.
            let said = held.of("training_threshold")[1];
            assert_eq!(said.cause.as_ref(), Some(&held.log[1].id), "{step}");
            assert_eq!(held.work[1].cause.as_ref(), Some(&held.log[1].id), "{step}");
        });
    }
}

/// A daemon without state: what it says for an event is said once, whatever was killed.
pub fn events_of_a_daemon_without_state() {
    for step in STEPS.into_iter().filter(|s| *s != "after_save") {
        let mut world = World::new();
        world.export("1");
        let mut toy = world.start(&[("RINGRIFT_CRASH_AT", step)]);
        assert!(toy.end().code().is_none(), "{step}: killed by a signal");
        let _toy = world.ready(&[]);
        world.hubs.until(step, |held| (held.acked.len() == 1).then_some(()));
        world.hubs.with(|held| {
            assert_eq!(held.said(), [(1, 320)], "{step}");
            assert_eq!(held.work.len(), 1, "{step}");
        });
    }
}

/// Ticks have no router to deliver them again: the number and the outputs are on disk before they are sent.
pub fn ticks() {
    for step in ["after_handler", "after_save", "after_publish"] {
        let mut world = World::new();
        world.configure("daemons: {training_trigger: {interval: 1}}\n");
        let mut toy =
            world.start(&[("TOY_KEEPS", "1"), ("TOY_TICKS", "1"), ("RINGRIFT_CRASH_AT", &format!("{step}:2"))]);
        assert!(toy.end().code().is_none(), "{step}: killed by a signal");
        let _toy = world.ready(&[("TOY_KEEPS", "1"), ("TOY_TICKS", "1")]);
        let said = world.hubs.until(step, |held| (held.said().len() == 3).then(|| held.said()));
        assert_eq!(said, [(1, 0), (2, 1), (3, 2)], "{step}: each tick's number once, each count once");
    }
}

/// An acknowledgement that the router never got: the event comes again and is not handled again.
pub fn a_lost_acknowledgement() {
    let mut world = World::new();
    let _toy = world.ready(&[]);
    let seq = world.export("1");
    world.hubs.until("the first", |held| (held.acked == [seq]).then_some(()));
    world.hubs.with(|held| held.forget_ack(seq));
    world.router = None;
    world.router_up();
    world.hubs.until("the second", |held| (held.acked == [seq, seq]).then_some(()));
    world.hubs.with(|held| {
        assert_eq!(held.said(), [(1, 320)]);
        assert_eq!(held.work.len(), 1);
    });
}

/// What the router has acknowledged is not kept as unsent, whether the process ends in order or is killed right after.
pub fn acknowledged_events_are_not_kept() {
    let mut world = World::new();
    let keeps = [("TOY_KEEPS", "1")];
    let mut toy = world.ready(&keeps);
    let first = world.export("1");
    world.hubs.until("the first", |held| (held.acked == [first]).then_some(()));
    toy.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(toy.end().success());
    assert_eq!(pending(&world), 0, "after an end in order");
    let mut toy = world.ready(&keeps);
    let second = world.export("2");
    world.hubs.until("the second", |held| (held.acked == [first, second]).then_some(()));
    toy.signal(nix::sys::signal::Signal::SIGKILL);
    toy.end();
    assert_eq!(pending(&world), 1, "the disk hears of an acknowledgement with the next write");
    let mut toy = world.ready(&keeps);
    assert_eq!(pending(&world), 0, "what was pending is sent again, which does no harm");
    // The router did not get the acknowledgement after all: the event is not handled again.
    world.hubs.with(|held| held.forget_ack(second));
    world.router = None;
    world.router_up();
    world.hubs.until("the second again", |held| (held.acked == [first, second, second]).then_some(()));
    toy.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(toy.end().success());
    world.hubs.with(|held| {
        assert_eq!(held.said(), [(1, 320), (2, 320)]);
        assert_eq!(held.work.len(), 2);
    });
}

/// Outputs that a hub refused are the router's with their event: no start sends them, days later perhaps and after a
/// person deleted the dead letter. When the event is delivered again they are sent, and its handler does not run twice.
pub fn outputs_of_a_dead_letter_are_not_sent_at_a_start() {
    for (refusal, dead) in [(errors::INVALID_PARAMETER, true), (errors::REFUSED, false)] {
        let mut world = World::new();
        let keeps = [("TOY_KEEPS", "1")];
        world.hubs.with(|held| held.refusal = Some(refusal));
        let mut toy = world.ready(&keeps);
        let refused = world.export("1");
        world
            .hubs
            .until("refused", |held| held.nacked.iter().any(|n| (n.seq, n.dead) == (refused, dead)).then_some(()));
        toy.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(toy.end().success());
        world.hubs.with(|held| held.refusal = None);
        let mut toy = world.ready(&keeps);
        let next = world.export("2");
        world.hubs.until("the next", |held| (held.acked == [next]).then_some(()));
        let seen = |held: &mut Held| {
            held.work.iter().map(|w| w.params["seen"].as_u64().expect("a number")).collect::<Vec<_>>()
        };
        assert_eq!(world.hubs.with(seen), [2], "{refusal}: the start sent nothing");
        world.hubs.with(|held| held.forget_ack(refused));
        world.hubs.until("delivered again", |held| (held.acked == [next, refused]).then_some(()));
        assert_eq!(world.hubs.with(seen), [2, 1], "{refusal}");
        assert_eq!(world.hubs.with(|held| held.said()), [(2, 320), (1, 320)], "{refusal}");
        toy.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(toy.end().success());
        assert_eq!(pending(&world), 0, "{refusal}");
    }
}

fn pending(world: &World) -> usize {
    let state = std::fs::read(world.path("state/training-trigger/state.json")).expect("a state");
    let state: serde_json::Value = serde_json::from_slice(&state).expect("JSON");
    state["pending"].as_object().map_or(0, |pending| pending.len())
}
