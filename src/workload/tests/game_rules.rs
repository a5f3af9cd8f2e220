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
    let mut free = start.clone();
    play(&mut free, "recover 3,1 → 3,0, collapse 4 from 0,0");
    assert_eq!((free.territory(0), free.markers(0), free.eliminated(0)), (4, 1, 0));
    // The other part that holds the destination is not on offer, but accepted.
    let other =
        json!({"type": "recovery_slide", "recovery_option": 2, "collapsedMarkers": [[1, 0], [2, 0], [3, 0], [4, 0]]});
    let mut free = start;
    let mv = free.move_from_json(&other).expect("it is accepted");
    free.try_apply(&mv).expect("it is accepted");
    assert_eq!((free.territory(0), free.markers(0), free.eliminated(0)), (4, 1, 0));
}

#[test]
fn a_recovery_may_strike_a_neighbouring_stack() {
    let start = position("movement", 1, json!({"4,4": [1, 2], "1,1": [2, 2]}), json!({"0,0": 1}), json!({}), [0, 4]);
    let strike =
        legal(&start).into_iter().find(|mv| mv.aux == recovery_mode::STRIKE).expect("a stack is next to the marker");
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
        (0..64).filter(|c| *c != 9).map(|c| (format!("{},{}", c % 8, c / 8), json!(2 - c % 2))).collect();
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
    assert_eq!(
        rule(Move::along(MoveKind::MoveStack, at("3,3"), at("3,4"))),
        "the player does not control a stack there"
    );
    assert_eq!(rule(Move::bare(MoveKind::NoMovementAction)), "a stack can move or capture, or a recovery is possible");
    assert_eq!(rule(Move::along(MoveKind::MoveStack, 900, at("3,4"))), "the cell is not on the board");
    assert_eq!(
        rule(Move { count: 1, ..Move::at(MoveKind::PlaceRing, at("5,5")) }),
        "this kind of move belongs to another step of the turn"
    );
}

/// H: the line that is left after a payment stays for a later turn.
#[test]
fn after_a_paid_line_the_others_wait_for_a_later_turn() {
    let rows: serde_json::Map<String, Value> =
        (0..4).flat_map(|x| [2, 4].map(|y| (format!("{x},{y}"), json!(1)))).collect();
    let mut state = position("line_processing", 1, json!({"7,7": [2, 1], "0,7": [2]}), json!(rows), json!({}), [5, 5]);
    play(&mut state, "line of 4 at 0,2: take");
    play(&mut state, "eliminate from 7,7");
    assert_eq!((state.to_move(), state.phase(), state.markers(0)), (1, Phase::RingPlacement, 4));
}

/// E: of a line that a slide makes longer in front of it, the free part misses the destination and the move is void.
#[test]
fn a_free_recovery_that_misses_its_destination_changes_nothing() {
    // 5,1 slides to 5,0, the forward end of 1,0 to 5,0.
    let row = json!({"1,0": 1, "2,0": 1, "3,0": 1, "4,0": 1, "5,1": 1});
    let start = position("movement", 1, json!({"4,4": [1, 2]}), row, json!({}), [0, 4]);
    let mut state = start.clone();
    play(&mut state, "recover 5,1 → 5,0, collapse 4 from 1,0");
    assert_eq!(
        (state.to_json()["markers"].clone(), state.phase()),
        (start.to_json()["markers"].clone(), Phase::LineProcessing)
    );
    assert_eq!(state.territory(0), 0);
}

/// E: the first axis counts, not the longest.
#[test]
fn of_two_lines_that_a_recovery_completes_the_first_axis_counts() {
    // 4,3 slides to 3,3 and completes four in the column and five on the diagonal: SE goes before S.
    let cells = ["0,0", "1,1", "2,2", "4,4", "3,4", "3,5", "3,6", "4,3"];
    let markers: serde_json::Map<String, Value> = cells.iter().map(|&c| (c.to_owned(), json!(1))).collect();
    let mut state = position("movement", 1, json!({"7,0": [1, 2]}), json!(markers), json!({}), [0, 4]);
    play(&mut state, "recover 4,3 → 3,3, pay at 7,0");
    assert_eq!((state.territory(0), state.markers(0)), (5, 3));
}

/// J: who may recover but has nowhere to slide or strike can only skip.
#[test]
fn a_recovery_with_nowhere_to_go_is_skipped() {
    let around = json!({"1,0": 2, "0,1": 2, "1,1": 2});
    let state = position("movement", 1, json!({"4,4": [1, 2]}), json!({"0,0": 1}), around, [0, 4]);
    assert_eq!(words(&state), ["skip recovery"]);
}

/// G and B: of several stacks the oldest goes, whatever its cell.
#[test]
fn a_player_who_could_have_acted_loses_the_oldest_stack() {
    let mut played = position("ring_placement", 1, json!({"4,4": [2]}), json!({}), json!({}), [9, 5]);
    let turns = [
        ["place 1 at 6,6", "move 6,6 → 7,6", "no line", "no territory"],
        ["skip placement", "move 4,4 → 4,5", "no line", "no territory"],
        ["place 1 at 0,3", "move 0,3 → 0,4", "no line", "no territory"],
        ["skip placement", "move 4,5 → 4,4", "no line", "no territory"],
    ];
    turns.iter().flatten().for_each(|text| play(&mut played, text));
    // A position that is read does not know which stack is older: its cells count in their order.
    let read = State::from_json(played.config(), &played.to_json()).expect("a position");
    for (mut state, oldest) in [(played, "7,6"), (read, "0,4")] {
        play(&mut state, "skip placement");
        // Made to do nothing, though there is a move: in play only a quirk of skipping leads here.
        state.apply(&Move::bare(MoveKind::NoMovementAction));
        state.apply(&Move::bare(MoveKind::NoLineAction));
        assert_eq!(words(&state), [format!("forced elimination at {oldest}")]);
    }
}

/// C: with one player's rings alone on the board, a region without them is offered all the same.
#[test]
fn a_region_is_offered_to_the_only_player_on_the_board() {
    let state =
        position("territory_processing", 1, json!({"7,7": [1, 1]}), json!({"0,1": 1, "1,0": 1}), json!({}), [5, 5]);
    assert_eq!(words(&state), ["territory at 0,0", "skip territory"]);
}

/// K: without any marker on the board, a region counts only if exactly one player controls stacks in it.
#[test]
fn without_markers_a_region_needs_exactly_one_player_in_it() {
    let wall: serde_json::Map<String, Value> = (0..8).map(|y| (format!("3,{y}"), json!(1))).collect();
    let offered = |stacks: Value| {
        let config: GameConfig = "square8_3p".parse().expect("a configuration");
        let form = json!({"phase": "territory_processing", "player": 1, "stacks": stacks, "markers": {}, "collapsed": wall,
                          "hand": [5, 5, 5], "eliminated": [0, 0, 0], "territory": [0, 0, 0]});
        words(&State::from_json(config, &form).expect("a position")).len() - 1
    };
    assert_eq!(
        offered(json!({"7,7": [1], "0,0": [2], "0,7": [3]})),
        0,
        "two in the one region, the other has the only stack that pays"
    );
    assert_eq!(offered(json!({"7,7": [1], "0,0": [2], "7,0": [3]})), 1, "one is in it");
    assert_eq!(offered(json!({"7,7": [1], "7,6": [2], "7,0": [3]})), 0, "nobody is in it");
}

/// A: cells that a capture collapses are territory, though recorded games leave them out of their count.
#[test]
fn cells_collapsed_by_a_capture_win_too() {
    let mut half: serde_json::Map<String, Value> =
        (0..32).map(|c| (format!("{},{}", c % 8, c / 8), json!(1))).collect();
    half.insert("0,7".into(), json!(2));
    let stacks = json!({"0,5": [1, 1], "2,5": [2]});
    let mut state = position("movement", 1, stacks, json!({"1,5": 1}), json!(half), [5, 5]);
    play(&mut state, "capture 0,5 × 2,5 → 3,5");
    assert_eq!((state.territory(0), state.recorded_territory(0)), (33, 0));
    assert_eq!(state.outcome().map(|o| o.reason), Some(Reason::TerritoryControl));
}

/// D: in a turn with a recovery slide a buried ring pays for a region, in whatever stack it is.
#[test]
fn after_a_recovery_slide_a_buried_ring_pays_for_a_region() {
    // 3,1 slides to 2,1; the markers then cut the corner 0,0 off.
    let markers = json!({"0,1": 1, "1,0": 1, "3,6": 1});
    let stacks = json!({"0,0": [2], "7,7": [1, 2, 1, 2], "5,5": [2, 1, 2]});
    let mut state = position("movement", 1, stacks, markers, json!({}), [0, 4]);
    play(&mut state, "recover 3,6 → 3,7, pay at 5,5");
    play(&mut state, "no line");
    play(&mut state, "territory at 0,0");
    let moves: Vec<Value> = legal(&state).iter().map(|mv| state.move_to_json(mv)).collect();
    assert_eq!(
        moves,
        [json!({"type": "eliminate_rings_from_stack", "player": 1, "to": [7, 7], "elimination_context": "recovery"})]
    );
    play(&mut state, "eliminate from 7,7");
    let seven = state.geometry().parse("7,7").expect("a cell");
    assert_eq!((state.rings(seven).collect::<Vec<_>>(), state.eliminated(0)), (vec![1, 0, 1], 3));
}
