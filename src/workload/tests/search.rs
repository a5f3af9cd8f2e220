//! The search and the encodings on real positions of random games.

use std::collections::HashMap;

use ringrift_workload::game::{GameConfig, Move, MoveKind, State, geometry};
use ringrift_workload::nn::{Encoder, Features, Model, NetEvaluator, PolicySpace};
use ringrift_workload::search::{Evaluator, Gumbel, HeuristicEvaluator, Player, SearchConfig, below, game_rng};

/// Walks random games of a configuration and hands each real choice to `see`.
fn positions(config: GameConfig, games: u64, mut see: impl FnMut(&State, &[Move])) {
    let mut legal = Vec::new();
    for game in 0..games {
        let mut rng = game_rng(11, game);
        let mut state = State::new(config, false);
        while state.outcome().is_none() {
            state.legal_moves(&mut legal);
            if legal.len() > 1 {
                see(&state, &legal);
            }
            let mv = legal[below(&mut rng, legal.len())];
            state.apply(&mv);
        }
    }
}

fn small() -> impl Iterator<Item = GameConfig> {
    GameConfig::all().filter(|c| c.board.cells() < 100)
}

#[test]
fn policy_indices_tell_moves_apart() {
    let (mut moves, mut shared) = (0, 0);
    for config in small() {
        let space = PolicySpace::new(config);
        positions(config, 40, |state, legal| {
            let mut seen: HashMap<u32, Move> = HashMap::new();
            for mv in legal {
                let index = space.index(mv, state.to_move());
                assert!((index as usize) < space.size(), "{mv:?}");
                moves += 1;
                if let Some(other) = seen.insert(index, *mv) {
                    let may = [MoveKind::RecoverySlide, MoveKind::ChooseTerritoryOption, MoveKind::EliminateRings];
                    assert!(other.kind == mv.kind && may.contains(&mv.kind), "{other:?} and {mv:?} share {index}");
                    shared += 1;
                }
            }
        });
    }
    assert!(moves > 100_000 && shared * 500 < moves, "{shared} of {moves} moves share an index");
}

/// Mapping an index by a symmetry gives the index of a move of the same kind between the mapped cells, and the
/// symmetries undo each other.
#[test]
fn policy_indices_follow_the_symmetries() {
    for config in small().filter(|c| c.players != 3) {
        let space = PolicySpace::new(config);
        let geo = geometry(config.board);
        let inverse: Vec<usize> = (0..geo.symmetries.len())
            .map(|s| {
                let undo = |t: &usize| {
                    (0..geo.cells).all(|c| usize::from(geo.symmetries[*t][usize::from(geo.symmetries[s][c])]) == c)
                };
                (0..geo.symmetries.len()).find(undo).expect("every symmetry can be undone")
            })
            .collect();
        let mut checked = 0;
        positions(config, 8, |state, legal| {
            for mv in legal {
                let index = space.index(mv, state.to_move());
                for (s, map) in geo.symmetries.iter().enumerate() {
                    let Some(image) = space.transform(index, s) else { continue };
                    assert_eq!(space.transform(image, inverse[s]), Some(index), "{mv:?} under {s}");
                    if matches!(mv.kind, MoveKind::MoveStack | MoveKind::OvertakingCapture | MoveKind::PlaceRing) {
                        let at = |c: u16| map.get(usize::from(c)).copied().unwrap_or(c);
                        let moved = Move { from: at(mv.from), to: at(mv.to), target: at(mv.target), ..*mv };
                        assert_eq!(image, space.index(&moved, state.to_move()), "{mv:?} under {s}");
                        checked += 1;
                    }
                }
            }
        });
        assert!(checked > 10_000);
    }
}

/// What the learner derives from the planes of a sample is what the encoder derived from the position.
#[test]
fn features_are_complete_in_the_planes() {
    for config in small() {
        let encoder = Encoder::new(config);
        let mut features = Features::default();
        positions(config, 3, |state, _| {
            encoder.encode(state, &mut features);
            assert!(features.sparse.iter().all(|&(i, v)| usize::from(i) < encoder.inputs() && v.is_finite()));
            let mut again = Features::default();
            again.sparse.extend_from_slice(&features.sparse[..features.planes]);
            encoder.complete(&mut again);
            assert_eq!(again.sparse, features.sparse);
            assert_eq!(again.classes, features.classes);
        });
    }
}

/// Identity is content: the untrained network has one hash on every machine.
#[test]
fn the_untrained_network_is_the_same_everywhere() {
    let hash = |key: &str| Model::untrained(key.parse().expect("a configuration")).expect("a model").sha256;
    assert_eq!(hash("square8_2p"), "874a02380e83c83fa84f0ca52921be5afee3ef732800530b6ed1647eb46fe803");
    assert_eq!(hash("square8_2p"), hash("square8_2p"));
    assert_ne!(hash("square8_2p"), hash("hex8_2p"));
}

#[test]
fn a_model_comes_back_from_its_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("m.safetensors");
    for config in GameConfig::all() {
        let model = Model::untrained(config).expect("a model");
        model.save(&path).expect("saved");
        let back = Model::load_for(&path, config).expect("loaded");
        assert_eq!((back.sha256, back.lineage), (model.sha256, model.lineage));
        assert!(back.params == model.params);
    }
}

#[test]
fn search_results_are_distributions_and_repeat() {
    for config in small() {
        let mut net = NetEvaluator::new(Model::untrained(config).expect("a model"));
        let search = SearchConfig { simulations: 24, exploration: 1.0, ..SearchConfig::default() };
        let (mut gumbel, mut seen) = (Gumbel::default(), 0);
        positions(config, 2, |state, legal| {
            seen += 1;
            if seen % 7 > 0 {
                return;
            }
            let mut run = |gumbel: &mut Gumbel| gumbel.search(state, &search, &mut net, &mut game_rng(3, seen));
            let found = run(&mut gumbel);
            assert_eq!(found, run(&mut Gumbel::default()), "memory of earlier searches must not matter");
            assert_eq!(found.policy.len(), legal.len());
            assert!((found.policy.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            assert_eq!(found.visits.iter().sum::<u32>(), 24);
            assert!(found.visits[found.best] > 0);
            assert!(found.values.iter().all(|v| v.abs() <= 1.0));
        });
        assert!(seen > 50);
    }
}

/// With a move that wins at once among few, search finds it whatever the network thinks.
#[test]
fn search_takes_a_win() {
    let config: GameConfig = "square8_2p".parse().expect("a configuration");
    let mut net = NetEvaluator::new(Model::untrained(config).expect("a model"));
    let (mut found, mut scratch, mut gumbel) = (0, State::new(config, false), Gumbel::default());
    positions(config, 30, |state, legal| {
        let mover = state.to_move();
        let mut wins = |mv: &Move| {
            scratch.clone_from(state);
            scratch.apply(mv);
            scratch.outcome().is_some_and(|o| o.winner == mover)
        };
        let winning: Vec<bool> = legal.iter().map(&mut wins).collect();
        if legal.len() <= 32 && winning.contains(&true) {
            let search = SearchConfig { simulations: 200, sampled_actions: 32, ..SearchConfig::default() };
            let result = gumbel.search(state, &search, &mut net, &mut game_rng(1, 1));
            assert!(result.values[usize::from(mover)] > 0.9);
            assert!(winning[result.best] || result.policy[result.best] > 0.01);
            found += 1;
        }
    });
    assert!(found > 5, "only {found} positions with a win");
}

#[test]
fn the_heuristic_beats_random_on_every_small_board() {
    use ringrift_workload::contract::Stop;
    use ringrift_workload::judge::matches::{MatchConfig, Tally, play_pair};
    for config in small() {
        let m = MatchConfig { config, opening: 4, swap_rule: false, max_moves: 2000, seed: 3 };
        let mut tally = Tally::default();
        for index in 0..30 {
            let pair = play_pair(&m, index, &mut Player::heuristic(config), &mut Player::Random, &Stop::default());
            tally.add(&pair.expect("a pair"));
        }
        assert!(tally.win_rate() > 0.65, "{config}: {tally:?}");
    }
}

#[test]
fn heuristic_values_lie_in_range_for_every_player() {
    for config in small() {
        let mut logits = Vec::new();
        positions(config, 2, |state, legal| {
            let values = HeuristicEvaluator.evaluate(state, legal, &mut logits);
            assert_eq!(logits.len(), legal.len());
            assert!(values.iter().all(|v| v.abs() <= 1.0));
            assert!(values[usize::from(config.players)..].iter().all(|&v| v == 0.0));
        });
    }
}
