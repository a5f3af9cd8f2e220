//! The power fails at random points: of what the router wrote since its files' last syncs a random part is lost, in any
//! order and torn at sectors. Nothing that was acknowledged may be lost. TORTURE_ROUNDS sets how often.
mod disk;

use crate::torture::{Outcome, Random, Rules, rounds, run};
use crate::world::Router;
use disk::{Damage, Disk};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// How long a sync takes, in microseconds: so that many cuts come while one is under way.
const SYNC_US: &str = "1500";

/// The shim, built once for this run.
pub fn shim() -> PathBuf {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("libpower.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/router/power/shim.rs");
        let mut build = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        build
            .args(["--edition", "2024", "--crate-type", "cdylib", "-O", "-C", "panic=abort"])
            .arg(source)
            .arg("-o")
            .arg(&path);
        let built = build.output().expect("rustc runs");
        assert!(built.status.success(), "building the shim: {}", String::from_utf8_lossy(&built.stderr));
        (dir, path)
    });
    path.clone()
}

fn cut_again_and_again(rounds: u64, seed: u64, args: &[&str]) -> (Outcome, Damage) {
    let dir = tempfile::tempdir().expect("a directory");
    let (state, journal) = (dir.path().join("state"), dir.path().join("journal"));
    std::fs::create_dir(&state).expect("a directory");
    let shim = shim();
    let start = || {
        let environment: [(&str, OsString); 4] = [
            ("LD_PRELOAD", shim.clone().into()),
            ("POWER_ROOT", state.clone().into()),
            ("POWER_JOURNAL", journal.clone().into()),
            ("POWER_SYNC_US", SYNC_US.into()),
        ];
        let disk = Disk::of(&state);
        let router = Router::start_in(dir.path(), args, &environment).unwrap_or_else(|why| {
            let log = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            panic!("{why}; its log: {log}")
        });
        (router, disk)
    };
    let (router, mut disk) = start();
    let mut total = Damage::default();
    let rules = Rules { acks_hold: false, refusals: false };
    let outcome = run(dir.path(), router, rounds, &mut Random(seed), rules, |mut router, random| {
        // In the end it stays as it is: its disk is never worse than at a cut.
        let Some(random) = random else { return router };
        router.kill();
        let mut found = std::mem::take(&mut disk);
        found.play(&std::fs::read(&journal).expect("the journal"));
        std::fs::remove_file(&journal).expect("the journal goes");
        let damage = found.cut(&state, random);
        total.add(damage);
        let (router, begun) = start();
        disk = begun;
        router
    });
    (outcome, total)
}

#[test]
fn power_cuts_lose_nothing_that_was_acknowledged() {
    let (rounds, seed) = rounds(8);
    let (outcome, damage) = cut_again_and_again(rounds, seed, &[]);
    assert!(outcome.faults.is_empty(), "{outcome:#?}");
    assert!(damage.dropped > 0 && damage.torn > 0, "nothing was lost in any cut: {damage:?}");
    eprintln!(
        "{} events acknowledged over {rounds} power cuts that dropped {} writes, tore {} and kept {} (and dropped {} names); {} handled, {} of \
         them more than once and without harm",
        outcome.published,
        damage.dropped,
        damage.torn,
        damage.kept,
        damage.names_dropped,
        outcome.handled,
        outcome.repeated
    );
}

/// The proof's own proof: a router that does not wait for the disk is found out.
#[test]
fn a_router_that_does_not_sync_is_found_out() {
    let (_, seed) = rounds(8);
    let (outcome, _) = cut_again_and_again(8, seed, &["--no-sync"]);
    let lost = outcome.faults.iter().filter(|fault| fault.contains("was answered with")).count();
    assert!(lost > 0, "no event was lost without syncs, so the test would not notice: {outcome:#?}");
    eprintln!("without syncs {lost} of {} acknowledged events were lost in 8 power cuts", outcome.published);
}
