//! A swap of sides: search, records, samples and matches credit who plays a colour, not the colour.

mod common;

use std::collections::HashMap;

use common::{World, reference};
use ringrift_workload::game::{MAX_PLAYERS, Move, MoveKind, State};
use ringrift_workload::records::ShardReader;
use ringrift_workload::search::{Evaluator, Gumbel, Player, PlayerSpec, SearchConfig, game_rng};
use serde_json::json;

/// Holds one colour for the winner, whoever plays it.
struct Believer(u8);

impl Evaluator for Believer {
    fn evaluate(&mut self, state: &State, moves: &[Move], logits: &mut Vec<f32>) -> [f32; MAX_PLAYERS] {
        logits.clear();
        logits.resize(moves.len(), 0.0);
        let mut values = [0.0; MAX_PLAYERS];
        for colour in 0..state.config().players {
            values[usize::from(colour)] = if colour == self.0 { 0.9 } else { -0.9 };
        }
        values
    }
}

/// The position in which the second player may swap, and its moves.
fn offer() -> (State, Vec<Move>) {
    let mut state = State::new("square8_2p".parse().expect("a configuration"), true);
    let mut legal = Vec::new();
    for _ in 0..50 {
        state.legal_moves(&mut legal);
        if legal.iter().any(|mv| mv.kind == MoveKind::SwapSides) {
            return (state, legal);
        }
        let mv = legal[legal.len() / 2];
        state.apply(&mv);
    }
    panic!("no swap was offered");
}

#[test]
fn search_swaps_to_the_better_side_and_only_then() {
    let (state, legal) = offer();
    let search =
        SearchConfig { simulations: legal.len() + 50, sampled_actions: legal.len(), ..SearchConfig::default() };
    let seat = usize::from(state.seat(state.to_move()));
    for colour in [0, 1] {
        let found = Gumbel::default().search(&state, &search, &mut Believer(colour), &mut game_rng(1, 1));
        let swapped = legal[found.best].kind == MoveKind::SwapSides;
        // Colour 0 is the other player's before a swap.
        assert_eq!(swapped, colour == 0);
        assert!(found.values[seat] > 0.5, "the chooser gets the better side: {:?}", found.values);
    }
}

#[test]
fn values_after_a_swap_are_those_of_the_seats() {
    let (mut state, legal) = offer();
    state.apply(legal.iter().find(|mv| mv.kind == MoveKind::SwapSides).expect("offered"));
    assert_eq!((state.seat(0), state.seat(1)), (1, 0));
    let search = SearchConfig { simulations: 8, ..SearchConfig::default() };
    let found = Gumbel::default().search(&state, &search, &mut Believer(0), &mut game_rng(1, 1));
    assert!(found.values[1] > 0.5 && found.values[0] < -0.5, "{:?}", found.values);
}

/// One ply of the heuristic looks through the swap too: with material on the other side, it takes that side.
#[test]
fn the_heuristic_player_swaps_to_the_better_side() {
    let (state, legal) = offer();
    let mut player = Player::new(&PlayerSpec::Heuristic, state.config(), SearchConfig::default()).expect("a player");
    let chosen = legal[player.choose(&state, &legal, &mut game_rng(1, 1))];
    let value = |mv: &Move| {
        let mut after = state.clone();
        after.apply(mv);
        let values = ringrift_workload::search::heuristic::values(&after);
        values[usize::from(after.seat(state.seat(state.to_move())))]
    };
    let best = legal.iter().map(&value).fold(f32::NEG_INFINITY, f32::max);
    assert!((value(&chosen) - best).abs() < 1e-6, "{} instead of {best}", value(&chosen));
}

/// Self-play with swaps: every game replays in export, the winner is a seat, and each sample's value is that of who
/// moves.
#[test]
fn records_and_samples_credit_the_seat() {
    let mut world = World::new();
    // So many games that some are swapped, though a swap is one of some two hundred moves.
    let play = json!({"games": 300, "simulations": 2, "temperature": 20.0, "swap_rule": true});
    let (games, _) = world.run("square8_2p", "selfplay", json!({}), play);
    let db = games.join("games.db");
    let shard = ShardReader::open(&db).expect("a shard");
    let (mut swapped, mut wins) = (0, HashMap::new());
    for id in shard.ids().expect("ids") {
        let game = shard.game(&id).expect("a game");
        assert!(game.swap_rule);
        let mut state = State::new(shard.config, true);
        for stored in &game.moves {
            assert_eq!(stored.player, state.seat(state.to_move()) + 1, "{id}: the seat that moves");
            assert_eq!(stored.json["player"], state.to_move() + 1, "{id}: the colour that moves");
            let mv = state.move_from_json(&stored.json).expect("a legal move");
            state.apply(&mv);
        }
        let outcome = state.outcome().expect("finished");
        let seat = state.seat(outcome.winner);
        assert_eq!(game.winner, Some(seat + 1), "{id}");
        assert_eq!(game.values[usize::from(seat)], 1.0, "{id}");
        assert_eq!(game.values[usize::from(1 - seat)], -1.0, "{id}");
        swapped += usize::from(state.swapped());
        *wins.entry((state.swapped(), outcome.winner, seat)).or_insert(0) += 1;
    }
    assert!(swapped > 0, "no game of 300 was swapped: {wins:?}");
    let (_, result) = world.run("square8_2p", "export", json!({"shards": [reference(&db)]}), json!({}));
    assert_eq!(result["metrics"]["games_quarantined"], 0, "{result}");
}

/// Matches with swaps are played by seats: the better player wins them as it wins those without.
#[test]
fn matches_with_swaps_are_those_of_the_seats() {
    let mut world = World::new();
    let model = world.path("model.safetensors");
    let config = "square8_2p".parse().expect("a configuration");
    ringrift_workload::nn::Model::untrained(config).and_then(|m| m.save(&model)).expect("saved");
    let trial =
        json!({"max_games": 4, "simulations": 2, "baseline_games": 2, "opponents": ["heuristic"], "swap_rule": true});
    let (out, result) = world.run("square8_2p", "evaluation", json!({"candidate": reference(&model)}), trial);
    assert_eq!(result["metrics"]["games_played"], 4);
    assert!(std::fs::read_to_string(out.join("match.json")).expect("a record").contains("\"swap_rule\": true"));
}
