//! The engine that plays is judged by a second one, written only to be read: both play the same games, and the legal
//! moves, with all their fields, and the state must be equal at every ply.

mod compare;
mod plain;
mod policy;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use compare::Pair;
use policy::Policy;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use ringrift_workload::game::{GameConfig, MoveKind};
use ringrift_workload::verify;
use serde_json::Value;

/// Games are stopped here.
const MOST_PLIES: u32 = 900;
/// And so are those that begin with a position made at random.
const PLIES_FROM_POSITION: u32 = 40;

/// How often each kind of move was played.
type Played = [u64; MoveKind::ALL.len()];

/// Where games begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Start,
    Position,
}

/// Plays games of a configuration until so many plies are made, with one way of choosing moves after the other.
fn play(config: GameConfig, begin: Begin, seed: u64, plies: u64, played: &mut Played) -> Result<u64, String> {
    let mut games = 0;
    let mut made = 0;
    while made < plies {
        let policy = Policy::ALL[games as usize % Policy::ALL.len()];
        let swap_rule = games % 3 == 0;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(games).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut pair, most) = match begin {
            Begin::Start => (Pair::new(config, swap_rule), MOST_PLIES),
            Begin::Position => (Pair::from_position(config, &policy::position(config, &mut rng)), PLIES_FROM_POSITION),
        };
        let told = |what: String| {
            format!("{config}, {begin:?}, seed {seed}, game {games} ({policy:?}, swap rule {swap_rule}): {what}")
        };
        loop {
            let moves = pair.legal().map_err(told)?;
            if moves.is_empty() || pair.fast.move_count() >= most {
                break;
            }
            let chosen = policy.choose(&pair.fast, &moves, &mut rng);
            played[moves[chosen].kind as usize] += 1;
            pair.play(&moves[chosen]).map_err(told)?;
            made += 1;
        }
        games += 1;
    }
    Ok(made)
}

/// All configurations, each with so many plies; says what was played and returns how many plies in all.
fn play_all(begin: Begin, seed: u64, plies: u64) -> u64 {
    let configs: Vec<GameConfig> = GameConfig::all().collect();
    let next = AtomicUsize::new(0);
    let total = Mutex::new((0, Played::default()));
    let worker = || -> Result<(), String> {
        while let Some(&config) = configs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (mut played, begun) = (Played::default(), Instant::now());
            let made = play(config, begin, seed, plies, &mut played)?;
            println!(
                "{config}, {begin:?}, seed {seed}: {made} plies agree, {:.0} a second",
                made as f64 / begun.elapsed().as_secs_f64()
            );
            let mut total = total.lock().expect("no thread panics with it");
            total.0 += made;
            total.1.iter_mut().zip(played).for_each(|(all, n)| *all += n);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = number("JUDGE_THREADS").map_or(threads, |n| n as usize);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().expect("a thread that does not panic").unwrap_or_else(|difference| panic!("{difference}"));
        }
    });
    let (made, played) = total.into_inner().expect("no thread panicked");
    println!("{}", kinds(&played));
    let rare = |kind: MoveKind| begin == Begin::Position && matches!(kind, MoveKind::SwapSides);
    let never = MoveKind::ALL.iter().filter(|(kind, _)| played[*kind as usize] == 0 && !rare(*kind));
    let never: Vec<&str> = never.map(|(_, name)| *name).collect();
    assert!(never.is_empty(), "never played: {never:?}");
    made
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

fn kinds(played: &Played) -> String {
    let some = MoveKind::ALL.iter().filter(|(kind, _)| played[*kind as usize] > 0);
    some.map(|(kind, name)| format!("{name} {}", played[*kind as usize])).collect::<Vec<_>>().join(", ")
}

/// 10,000 plies of each configuration.
#[test]
fn both_engines_agree_at_every_ply_of_random_and_biased_games() {
    play_all(Begin::Start, number("JUDGE_SEED").unwrap_or(1), 10_000);
}

/// 2,000 plies of each configuration.
#[test]
fn both_engines_agree_from_positions_made_at_random() {
    play_all(Begin::Position, number("JUDGE_SEED").unwrap_or(1), 2_000);
}

/// `scripts/torture rules` sets JUDGE_PLIES, the number of plies in all; without it there is nothing to do.
#[test]
fn both_engines_agree_for_as_long_as_asked() {
    let (Some(plies), first) = (number("JUDGE_PLIES"), number("JUDGE_SEED").unwrap_or(1000)) else { return };
    let mut made = 0;
    for seed in (first..).step_by(1000) {
        made += play_all(Begin::Start, seed, 10_000) + play_all(Begin::Position, seed, 2_000);
        println!("{made} of {plies} plies agree");
        if made >= plies {
            return;
        }
    }
}

/// The recorded games of this project.
fn traces() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/traces");
    let entries = std::fs::read_dir(folder).expect("the folder of traces is part of the project");
    let files = entries.map(|e| e.expect("a readable folder").path());
    files.filter(|p| p.to_string_lossy().ends_with(".trace.json.gz")).collect()
}

/// The judge itself is judged by the recorded games.
#[test]
fn the_plain_rules_replay_all_recorded_games() {
    let files = traces();
    assert_eq!(files.len(), 76);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let trace = verify::read(file).expect("a trace");
                    compare::replay(&trace).unwrap_or_else(|difference| panic!("{}: {difference}", file.display()));
                }
            });
        }
    });
}

/// A trace of the judge's own that lacks a move or has another state is found out: the comparison compares.
#[test]
fn a_spoilt_recording_is_found_out() {
    let file = traces().into_iter().find(|p| p.to_string_lossy().contains("N_hex8")).expect("a trace");
    let good: Value = verify::read(&file).expect("a trace");
    compare::replay(&good).expect("it is as recorded");
    let spoil: [(&str, Value); 4] = [
        ("/plies/20/after/hand/0", 99.into()),
        ("/plies/20/after/phase", "movement_".into()),
        ("/plies/20/legal/0/player", 9.into()),
        ("/winner", 3.into()),
    ];
    for (pointer, value) in spoil {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).expect("a place") = value;
        assert!(compare::replay(&wrong).is_err(), "{pointer}");
    }
}
