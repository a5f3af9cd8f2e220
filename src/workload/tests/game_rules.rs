//! Rules that random recorded games seldom or never meet, on positions made for them.

use ringrift_workload::game::{Content, GameConfig, Move, MoveKind, Phase, Reason, State, recovery_mode};
use serde_json::{Value, json};

/// A two-player square8 position; stacks bottom to top.
fn position(phase: &str, player: u8, stacks: Value, markers: Value, collapsed: Value, hand: [u16; 2]) -> State {
    let config: GameConfig = "square8_2p".parse().expect("a configuration");
    let form = json!({"phase": phase, "player": player, "stacks": stacks, "markers": markers, "collapsed": collapsed,
                      "hand": hand, "eliminated": [0, 0], "territory": [0, 0]});
    State::from_json(config, &form).expect("a position")
}

fn legal(state: &State) -> Vec<Move> {
    let mut moves = Vec::new();
    state.legal_moves(&mut moves);
    moves
}

fn words(state: &State) -> Vec<String> {
    legal(state).iter().map(|mv| state.describe(mv)).collect()
}

fn play(state: &mut State, text: &str) {
    let mv = legal(state).into_iter().find(|mv| state.describe(mv) == text);
    let mv = mv.unwrap_or_else(|| panic!("{text:?} is not among {:?}", words(state)));
    state.apply(&mv);
}

#[test]
fn a_line_of_five_may_collapse_in_part_for_nothing_or_wholly_for_a_ring() {
    let row = json!({"1,2": 1, "2,2": 1, "3,2": 1, "4,2": 1, "5,2": 1});
    let start = position("line_processing", 1, json!({"7,7": [2, 1], "0,7": [2]}), row, json!({}), [5, 5]);
    let mut sorted = words(&start);
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "line of 5 at 1,2: collapse 4 from 1,2",
            "line of 5 at 1,2: collapse 4 from 2,2",
            "line of 5 at 1,2: collapse all",
            "line of 5 at 1,2: take"
        ]
    );

    let mut free = start.clone();
    play(&mut free, "line of 5 at 1,2: collapse 4 from 2,2");
    assert_eq!((free.territory(0), free.markers(0), free.eliminated(0)), (4, 1, 0));
    assert_eq!(free.phase(), Phase::TerritoryProcessing);

    let mut paid = start;
    play(&mut paid, "line of 5 at 1,2: collapse all");
    assert_eq!((paid.territory(0), paid.markers(0), paid.eliminated(0)), (5, 0, 0));
    let refusal = paid.try_apply(&Move::bare(MoveKind::NoLineAction)).expect_err("the ring is owed");
    assert_eq!(refusal.rule, "a controlled stack must first pay for the line or territory");
    play(&mut paid, "eliminate from 7,7");
    assert_eq!((paid.eliminated(0), paid.rings_on_board(0)), (1, 0));
    assert_eq!((paid.to_move(), paid.phase()), (1, Phase::RingPlacement));
}

#[test]
fn a_line_without_a_stack_to_pay_costs_nothing() {
    let row = json!({"1,2": 1, "2,2": 1, "3,2": 1, "4,2": 1});
    let mut state = position("line_processing", 1, json!({"0,7": [1, 2]}), row, json!({}), [5, 5]);
    play(&mut state, "line of 4 at 1,2: take");
    assert_eq!((state.territory(0), state.eliminated(0), state.phase()), (4, 0, Phase::TerritoryProcessing));
}

#[test]
fn recovery_slides_that_complete_a_line_exclude_all_others() {
    let row = json!({"0,0": 1, "1,0": 1, "2,0": 1, "4,0": 1, "3,1": 1});
    let start = position("movement", 1, json!({"4,4": [1, 2], "6,6": [2, 1, 2]}), row, json!({}), [0, 4]);
    let mut slides = words(&start);
    slides.sort();
    // 3,1 completes five; 4,0 completes four.
    assert_eq!(
        slides,
        [
            "recover 3,1 → 3,0, collapse 4 from 0,0",
            "recover 3,1 → 3,0, collapse 4 from 1,0",
            "recover 3,1 → 3,0, pay at 4,4",
            "recover 4,0 → 3,0, pay at 4,4",
            "skip recovery"
        ]
    );
    let mut paid = start.clone();
    play(&mut paid, "recover 3,1 → 3,0, pay at 4,4");
    assert_eq!((paid.territory(0), paid.markers(0), paid.eliminated(0)), (5, 0, 1));
    assert_eq!(paid.rings(paid.geometry().parse("4,4").expect("a cell")).collect::<Vec<_>>(), [1]);
    assert_eq!(paid.phase(), Phase::LineProcessing);
    let mut free = start;
    play(&mut free, "recover 3,1 → 3,0, collapse 4 from 1,0");
    assert_eq!((free.territory(0), free.markers(0), free.eliminated(0)), (4, 1, 0));
}

#[test]
fn a_recovery_may_strike_a_neighbouring_stack() {
    let start = position("movement", 1, json!({"4,4": [1, 2], "1,1": [2, 2]}), json!({"0,0": 1}), json!({}), [0, 4]);
    let strike = legal(&start).into_iter().find(|mv| mv.aux == recovery_mode::STRIKE).expect("a stack is next to the marker");
    assert_eq!(start.move_to_json(&strike)["recovery_mode"], "stack_strike");
    let mut state = start;
    state.try_apply(&strike).expect("it is legal");
    let at = |name: &str| state.content(state.geometry().parse(name).expect("a cell"));
    assert_eq!((at("0,0"), at("1,1")), (Content::Empty, Content::Stack { owner: 1, height: 1, cap: 1 }));
    assert_eq!((state.eliminated(0), state.rings_on_board(0)), (2, 0));
}

#[test]
fn rings_buried_and_captured_keep_their_order() {
    let mut state = position("movement", 1, json!({"0,0": [2, 1, 1], "0,2": [1, 2]}), json!({}), json!({}), [5, 5]);
    play(&mut state, "capture 0,0 × 0,2 → 0,3");
    let landing = state.geometry().parse("0,3").expect("a cell");
    assert_eq!(state.rings(landing).collect::<Vec<_>>(), [1, 1, 0, 0]);
    assert_eq!(state.content(landing), Content::Stack { owner: 0, height: 4, cap: 2 });
}

#[test]
fn the_eighteenth_eliminated_ring_wins() {
    let config: GameConfig = "square8_2p".parse().expect("a configuration");
    let form = json!({"phase": "forced_elimination", "player": 1, "stacks": {"0,0": [2, 1, 1], "5,5": [2]}, "markers": {}, "collapsed": {},
                      "hand": [0, 9], "eliminated": [16, 3], "territory": [0, 0]});
    let mut state = State::from_json(config, &form).expect("a position");
    play(&mut state, "forced elimination at 0,0");
    let outcome = state.outcome().expect("the game is over");
    assert_eq!((outcome.winner, outcome.reason, outcome.rank[..2].to_vec()), (0, Reason::RingElimination, vec![0, 1]));
    assert!(legal(&state).is_empty());
    let refusal = state.try_apply(&Move::bare(MoveKind::SkipPlacement)).expect_err("nothing is legal now");
    assert_eq!(refusal.rule, "the game is over");
}

#[test]
fn a_bare_board_on_which_nobody_can_place_is_ranked_by_territory() {
    let all: serde_json::Map<String, Value> =
        (0..64).filter(|c| *c != 9).map(|c| (format!("{},{}", c % 8, c / 8), json!(1 + c % 2))).collect();
    let config: GameConfig = "square8_2p".parse().expect("a configuration");
    let form = json!({"phase": "forced_elimination", "player": 1, "stacks": {"1,1": [1]}, "markers": {}, "collapsed": all,
                      "hand": [0, 9], "eliminated": [8, 0], "territory": [29, 31]});
    let mut state = State::from_json(config, &form).expect("a position");
    play(&mut state, "forced elimination at 1,1");
    let outcome = state.outcome().expect("nobody can do anything");
    assert_eq!((outcome.winner, outcome.reason), (1, Reason::Stalemate));
}

#[test]
fn a_refusal_names_the_rule() {
    let mut state = position("movement", 1, json!({"0,0": [1, 1], "3,3": [2]}), json!({}), json!({}), [5, 5]);
    let geo = state.geometry();
    let at = |name: &str| geo.parse(name).expect("a cell");
    let mut rule = |mv: Move| state.try_apply(&mv).expect_err("it is illegal").rule;
    assert_eq!(
        rule(Move::along(MoveKind::MoveStack, at("0,0"), at("0,1"))),
        "a stack moves straight, at least as far as it is high, over no stack and no collapsed cell"
    );
    assert_eq!(rule(Move::along(MoveKind::MoveStack, at("3,3"), at("3,4"))), "the player does not control a stack there");
    assert_eq!(rule(Move::bare(MoveKind::NoMovementAction)), "a stack can move or capture, or a recovery is possible");
    assert_eq!(rule(Move::along(MoveKind::MoveStack, 900, at("3,4"))), "the cell is not on the board");
    assert_eq!(
        rule(Move { count: 1, ..Move::at(MoveKind::PlaceRing, at("5,5")) }),
        "this kind of move belongs to another step of the turn"
    );
}
