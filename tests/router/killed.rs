//! The router killed at random points while publishers and a subscriber continue: nothing that was acknowledged is
//! lost, nothing that was acknowledged comes again, no cursor goes back. And the same with disks that are full or fail.
//! TORTURE_ROUNDS sets how often.
use crate::power::shim;
use crate::torture::{Random, Rules, rounds, run};
use crate::world::Router;
use std::ffi::OsString;

#[test]
fn killed_again_and_again_it_loses_nothing_and_repeats_nothing() {
    let (rounds, seed) = rounds(30);
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let rules = Rules { acks_hold: true, refusals: false };
    let outcome = run(dir.path(), router, rounds, &mut Random(seed), rules, |mut router, _| {
        router.kill();
        Router::start(dir.path(), &[])
    });
    assert!(outcome.faults.is_empty(), "{outcome:#?}");
    eprintln!(
        "{} events acknowledged in {rounds} kills, {} handled, {} of them more than once and without harm",
        outcome.published, outcome.handled, outcome.repeated
    );
}

/// Some calls of this life fail: no room, a failing write, a failing sync.
fn trouble(random: &mut Random) -> String {
    let mut faults = Vec::new();
    // Of a life of some 60 ms: writes and syncs until the first that fails, and how many fail.
    for (kind, chance, latest, longest) in [("full", 2, 150, 40), ("io", 3, 150, 10), ("sync", 4, 20, 2)] {
        if random.below(chance) == 0 {
            faults.push(format!("{kind}:{}:{}", random.below(latest), 1 + random.below(longest)));
        }
    }
    faults.join(",")
}

#[test]
fn killed_with_failing_disks_it_loses_nothing() {
    let (rounds, seed) = rounds(20);
    let dir = tempfile::tempdir().expect("a directory");
    let shim = shim();
    let start = |faults: String| {
        let root = dir.path().join("state");
        let environment: [(&str, OsString); 3] =
            [("LD_PRELOAD", shim.clone().into()), ("POWER_ROOT", root.into()), ("POWER_FAULTS", faults.into())];
        Router::start_in(dir.path(), &[], &environment)
    };
    let router = start(String::new()).expect("a healthy start");
    let mut refused_starts = 0;
    let rules = Rules { acks_hold: false, refusals: true };
    let outcome = run(dir.path(), router, rounds, &mut Random(seed), rules, |mut router, random| {
        router.kill();
        // A start may fail on such a disk as well; the next one is on a healthy one.
        start(random.map(trouble).unwrap_or_default()).unwrap_or_else(|why| {
            refused_starts += 1;
            start(String::new()).unwrap_or_else(|again| panic!("a healthy disk does not help after {why}: {again}"))
        })
    });
    assert!(outcome.faults.is_empty(), "{outcome:#?}");
    assert!(outcome.refused > 0, "no call ever failed: {outcome:?}");
    let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
    let ended = log.lines().filter(|line| line.contains("ERROR") && line.contains("disk I/O error")).count();
    eprintln!(
        "{} events acknowledged in {rounds} lives with failing disks ({ended} gave up over it, {refused_starts} did not begin), {} calls \
         refused, {} events handled, {} of them more than once and without harm",
        outcome.published, outcome.refused, outcome.handled, outcome.repeated
    );
}
