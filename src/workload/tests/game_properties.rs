//! What holds in every game, tried on random ones of all twelve configurations.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use ringrift_workload::game::{Cell, GameConfig, Move, MoveKind, NO_CELL, State, playout};

/// A configuration, a seed, and whether sides may be swapped.
fn games() -> impl Strategy<Value = (GameConfig, u64, bool)> {
    let all: Vec<GameConfig> = GameConfig::all().collect();
    (prop::sample::select(all), any::<u64>(), any::<bool>())
}

/// Plays random moves, at most `plies`, and shows each state with its moves and the one chosen.
fn play(
    config: GameConfig,
    seed: u64,
    swap: bool,
    plies: usize,
    mut each: impl FnMut(&State, &[Move], &Move),
) -> State {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut state = State::new(config, swap);
    let mut moves = Vec::new();
    for _ in 0..plies {
        state.legal_moves(&mut moves);
        if moves.is_empty() {
            break;
        }
        let mv = moves[rng.random_range(..moves.len())];
        each(&state, &moves, &mv);
        state.apply(&mv);
    }
    state
}

fn same(a: &State, b: &State) -> bool {
    a.hash() == b.hash() && a.to_json() == b.to_json() && a.bound_stack() == b.bound_stack()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_measure_only_grows_and_games_end((config, seed, swap) in games()) {
        let mut last = 0;
        let mut shrunk = false;
        let end = play(config, seed, swap, 100_000, |state, _, _| {
            shrunk |= state.progress() < last;
            last = state.progress();
        });
        prop_assert!(!shrunk && end.progress() >= last);
        let outcome = end.outcome().expect("a game without legal moves is over");
        let mut places = outcome.rank[..usize::from(config.players)].to_vec();
        prop_assert_eq!(places[usize::from(outcome.winner)], 0);
        places.sort_unstable();
        prop_assert_eq!(places, (0..config.players).collect::<Vec<u8>>());
    }

    #[test]
    fn copies_are_independent_and_complete((config, seed, swap) in games()) {
        let mut dirty = State::new(config, !swap);
        let mut wrong = 0;
        play(config, seed, swap, 250, |state, _, mv| {
            let mut copy = state.clone();
            copy.apply(mv);
            dirty.clone_from(state);
            wrong += usize::from(!same(&dirty, state));
            dirty.apply(mv);
            wrong += usize::from(!same(&dirty, &copy) || copy.move_count() != state.move_count() + 1);
        });
        prop_assert_eq!(wrong, 0);
    }

    #[test]
    fn the_hash_is_that_of_the_cells((config, seed, swap) in games()) {
        let mut wrong = 0;
        let end = play(config, seed, swap, 400, |state, _, _| {
            wrong += usize::from(state.cell_hash() != state.recomputed_cell_hash());
        });
        prop_assert_eq!(wrong, 0);
        let read = State::from_json(config, &end.to_json()).expect("own JSON is readable");
        prop_assert_eq!(read.cell_hash(), end.cell_hash());
        for p in 0..config.players {
            prop_assert_eq!(
                (read.markers(p), read.stacks(p), read.rings_on_board(p), read.territory(p)),
                (end.markers(p), end.stacks(p), end.rings_on_board(p), end.territory(p))
            );
            // No ring is lost: in hand, on the board, or eliminated to somebody's credit.
            let all: u16 = (0..config.players).map(|q| end.hand(q) + end.rings_on_board(q) + end.eliminated(q)).sum();
            prop_assert_eq!(all, config.board.rings_per_player() * u16::from(config.players));
        }
    }

    #[test]
    fn legal_moves_are_accepted_and_all_others_refused((config, seed, swap) in games(), noise in any::<u64>()) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(noise);
        let cells = config.board.cells() as Cell;
        let mut wrong = Vec::new();
        play(config, seed, swap, 120, |state, moves, mv| {
            let mut copy = state.clone();
            if copy.try_apply(mv).is_err() {
                wrong.push(format!("refused {}", state.describe(mv)));
            }
            for _ in 0..4 {
                let mut other = *mv;
                match rng.random_range(..7_u8) {
                    0 => other.from = rng.random_range(..cells + 2),
                    1 => other.to = rng.random_range(..cells + 2),
                    2 => other.target = rng.random_range(..cells),
                    3 => other.count = rng.random_range(..6),
                    4 => other.aux = rng.random_range(..9),
                    5 => other.part = rng.random_range(..6),
                    _ => other.kind = MoveKind::ALL[rng.random_range(..MoveKind::ALL.len())].0,
                }
                if moves.contains(&other) {
                    continue;
                }
                let mut copy = state.clone();
                match copy.try_apply(&other) {
                    Ok(()) => wrong.push(format!("accepted {other:?}")),
                    Err(refusal) if refusal.rule.is_empty() || !same(&copy, state) => wrong.push(format!("changed by {other:?}")),
                    Err(_) => {}
                }
            }
        });
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
    }

    #[test]
    fn moves_survive_their_json((config, seed, swap) in games()) {
        let mut wrong = Vec::new();
        play(config, seed, swap, 150, |state, _, mv| {
            let json = state.move_to_json(mv);
            match state.move_from_json(&json) {
                Ok(read) if read == *mv => {}
                other => wrong.push(format!("{json}: {mv:?} became {other:?}")),
            }
        });
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
    }

    #[test]
    fn mirrored_boards_have_mirrored_moves((config, seed, _) in games(), which in 0usize..12) {
        let geo = ringrift_workload::game::geometry(config.board);
        let map = &geo.symmetries[which % geo.symmetries.len()];
        let mut image = State::new(config, false);
        let (mut wrong, mut done) = (Vec::new(), false);
        let mut there = Vec::new();
        play(config, seed, false, 200, |state, moves, mv| {
            if done {
                return;
            }
            image.legal_moves(&mut there);
            let ours: BTreeSet<_> = moves.iter().map(|m| shape(state, m, Some(map))).collect();
            let theirs: BTreeSet<_> = there.iter().map(|m| shape(&image, m, None)).collect();
            if ours != theirs {
                wrong.push(format!("{:?}", ours.symmetric_difference(&theirs).collect::<Vec<_>>()));
            }
            let wanted = shape(state, mv, Some(map));
            match there.iter().find(|m| shape(&image, m, None) == wanted) {
                Some(twin) => image.apply(&twin.clone()),
                None => done = true,
            }
            // Which axis of a recovery counts goes by direction, so from there on the boards may differ.
            done |= mv.kind == MoveKind::RecoverySlide || !wrong.is_empty();
        });
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
    }
}

type Shape = (MoveKind, u8, Vec<Cell>, BTreeSet<Cell>);

/// A move without what depends on the numbering of cells, its cells mapped.
fn shape(state: &State, mv: &Move, map: Option<&[Cell]>) -> Shape {
    let image = |c: Cell| if c == NO_CELL { c } else { map.map_or(c, |m| m[usize::from(c)]) };
    let json = state.move_to_json(mv);
    let set = |key: &str| -> Vec<Cell> {
        let list = json[key].as_array().into_iter().flatten();
        let cell = |p: &serde_json::Value| state.geometry().at(p[0].as_i64()?, p[1].as_i64()?, p[2].as_i64());
        list.filter_map(cell).map(image).collect()
    };
    let cells: BTreeSet<Cell> = ["line", "region", "collapsedMarkers"].iter().flat_map(|k| set(k)).collect();
    let collapsed = set("collapsedMarkers").len() as u8;
    match mv.kind {
        MoveKind::ProcessLine | MoveKind::ChooseLineOption => {
            let part: BTreeSet<Cell> = set("collapsedMarkers").into_iter().collect();
            (mv.kind, collapsed, part.into_iter().collect(), cells)
        }
        MoveKind::ChooseTerritoryOption => (mv.kind, 0, Vec::new(), cells),
        MoveKind::RecoverySlide => (mv.kind, mv.aux, vec![image(mv.from), image(mv.to)], cells),
        _ => (mv.kind, mv.count, vec![image(mv.from), image(mv.to), image(mv.target)], cells),
    }
}

#[test]
fn a_playout_reaches_an_outcome_and_is_repeatable() {
    let config: GameConfig = "hex8_3p".parse().expect("a configuration");
    let game = |seed| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut state = State::new(config, false);
        let outcome = playout(&mut state, &mut Vec::new(), |n| rng.random_range(..n));
        (outcome, state.hash(), state.move_count())
    };
    assert!(game(5).0.is_some());
    assert_eq!(game(5), game(5));
    assert_ne!(game(5).1, game(6).1);
}

#[test]
fn a_swap_of_sides_is_offered_once_and_changes_only_the_seats() {
    let mut state = State::new("square8_2p".parse().expect("a configuration"), true);
    let mut moves = Vec::new();
    while state.to_move() == 0 {
        state.legal_moves(&mut moves);
        assert!(moves.iter().all(|m| m.kind != MoveKind::SwapSides));
        let first = moves[0];
        state.apply(&first);
    }
    state.legal_moves(&mut moves);
    let swap = *moves.iter().find(|m| m.kind == MoveKind::SwapSides).expect("the second player may swap");
    let before = state.to_json();
    assert_eq!((state.seat(0), state.seat(1)), (0, 1));
    state.try_apply(&swap).expect("it is legal");
    assert_eq!((state.seat(0), state.seat(1)), (1, 0));
    assert_eq!(state.to_json(), before);
    state.legal_moves(&mut moves);
    assert!(moves.iter().all(|m| m.kind != MoveKind::SwapSides));
}
