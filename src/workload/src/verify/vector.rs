//! A contract vector: a state, a move, and assertions about what follows.
//!
//! Vectors are hand-made positions, not moments of a game, so some moves are taken as given: a
//! region that the vector spells out, a payment, a swap of sides, a capture shorter than the
//! attacker is high. A choice of line or territory that is not on offer is refused and leaves the
//! state as it was, which is what such vectors assert.

use serde_json::{Map, Value, json};

use super::assertion;
use super::{Case, Verdict};
use crate::game::{Cell, Content, GameConfig, Move, MoveKind, Phase, State, geometry, recovery_mode};

/// Vectors that the original's own engines contradict, by its own account.
const STALE: [&str; 11] = [
    "chain_capture.depth3.segment2.hexagonal",
    "territory.square_two_regions_then_elim.step2_regionA",
    "territory.square19_two_regions_then_elim.step2_regionA",
    "territory.hex_two_regions_then_elim.step2_regionA",
    "territory_line.overlong_line.step1.square8",
    "territory.hex_region_then_elim.step1_region",
    "territory.hex_region_then_elim.step2_elim",
    "territory.square_region_then_elim.step2_elim",
    "recovery.exact_length_option1",
    "territory.forced_elimination.simple_square8",
    "territory.forced_elimination.simple_hexagonal",
];

/// Vectors that no play of their own moves can fulfil: two captures are all that happens until the
/// asserted player and phase, every capture adds exactly one to markers + collapsed + eliminated in
/// all recorded games, and a change of four is asserted. A test plays all continuations through. Two
/// of them carry a `skip` note of their own. The last one pays a recovery with the player's only ring and asserts that
/// the game goes on, though then one player alone has rings; it is of the kind of `recovery.exact_length_option1`.
const CONTRADICTORY: [&str; 4] = [
    "multi_phase.placement_capture_line",
    "multi_phase.full_sequence_with_territory",
    "multi_phase.full_sequence_with_territory_square19",
    "recovery.fallback_reposition",
];

/// What a vector was checked against: the state before and after, and the captures made.
pub(super) struct Played {
    pub before: State,
    pub after: State,
    /// The stacks jumped, in order.
    pub targets: Vec<Cell>,
    /// Where the last capture landed.
    pub landing: Option<Cell>,
}

/// Why a vector was not played to its end.
#[derive(Debug)]
enum Trouble {
    /// It names a cell that its board does not have, so that nobody can play it.
    NoSuchCell(String),
    /// Anything else: the vector or the rules here are wrong.
    Wrong(String),
}

impl From<String> for Trouble {
    fn from(what: String) -> Self {
        Self::Wrong(what)
    }
}

/// Checks the vector at a place of its file.
pub(super) fn check(place: usize, vector: &Value) -> Case {
    let Some(id) = vector["id"].as_str().map(str::to_owned) else {
        let what = format!("ply 0: id: expected text, got {}", vector["id"]);
        return Case { id: format!("vector {}", place + 1), verdict: Verdict::Fail(what) };
    };
    let skip = &vector["skip"];
    let verdict = if !matches!(skip, Value::Null | Value::Bool(false)) {
        let why = skip.as_str().map_or_else(|| "the vector gives no reason".to_owned(), str::to_owned);
        Verdict::Skipped(match judge(vector) {
            Verdict::Fail(what) | Verdict::Unplayable(what) => {
                format!("{why} (played all the same, it differs: {what})")
            }
            _ => format!("{why} (played all the same, it passes)"),
        })
    } else if STALE.contains(&id.as_str()) || CONTRADICTORY.contains(&id.as_str()) {
        Verdict::Disputed
    } else {
        judge(vector)
    };
    Case { id, verdict }
}

fn judge(vector: &Value) -> Verdict {
    let expected = &vector["expectedOutput"];
    match play(&vector["input"], &expected["assertions"]) {
        Ok(played) => match assertion::first_broken(expected, &played) {
            Some(what) => Verdict::Fail(format!("ply 0: {what}")),
            None => Verdict::Pass,
        },
        Err(Trouble::NoSuchCell(what)) => Verdict::Unplayable(what),
        Err(Trouble::Wrong(what)) => Verdict::Fail(format!("ply 0: {what}")),
    }
}

fn play(input: &Value, assertions: &Value) -> Result<Played, Trouble> {
    let given = if input["move"].is_object() { &input["move"] } else { &input["initialMove"] };
    let before = read_state(&input["state"], given)?;
    let mut played = Played { after: before.clone(), before, targets: Vec::new(), landing: None };
    make(given, &mut played)?;
    let segments = input["expectedChainSequence"].as_array().into_iter().flatten().skip(1);
    for segment in segments {
        let mv = json!({"type": "continue_capture_segment", "from": segment["from"], "captureTarget": segment["captureTarget"], "to": segment["landing"]});
        make(&mv, &mut played)?;
    }
    for step in input["phaseTransitions"].as_array().into_iter().flatten() {
        if played.after.phase() == Phase::ChainCapture && step["expectedLandingPosition"].is_object() {
            let mv = json!({"type": "continue_capture_segment", "to": step["expectedLandingPosition"]});
            make(&mv, &mut played)?;
        }
    }
    settle(&mut played.after, assertions);
    Ok(played)
}

/// Plays the no-ops that the rest of the turn consists of, up to the asserted player and phase.
fn settle(state: &mut State, assertions: &Value) {
    let reached = |s: &State| {
        assertions["currentPhase"].as_str().is_none_or(|p| p == s.phase().name())
            && assertions["currentPlayer"].as_u64().is_none_or(|p| p == u64::from(s.to_move()) + 1)
    };
    let mut moves = Vec::new();
    while !reached(state) {
        state.legal_moves(&mut moves);
        match moves[..] {
            [only] if matches!(only.kind, MoveKind::NoLineAction | MoveKind::NoTerritoryAction) => state.apply(&only),
            _ => return,
        }
    }
}

fn make(given: &Value, played: &mut Played) -> Result<(), Trouble> {
    let state = &mut played.after;
    let kind = given["type"]
        .as_str()
        .and_then(MoveKind::from_name)
        .ok_or_else(|| format!("no such type of move {}", given["type"]))?;
    if !is_bare(given) {
        for key in ["from", "to", "captureTarget"] {
            known_cell(state, &given[key], &format!("the move's field {key}"))?;
        }
    }
    let to = cell(state, &given["to"]);
    match kind {
        MoveKind::SwapSides => state.apply(&Move::bare(kind)),
        MoveKind::EliminateRings | MoveKind::ForcedElimination => {
            let to = to.ok_or_else(|| "the payment names no cell of the board".to_owned())?;
            if kind == MoveKind::EliminateRings {
                state.owe_stack(given["eliminationContext"] == "recovery");
            }
            state.apply(&Move::at(kind, to));
        }
        MoveKind::ChooseTerritoryOption if given["disconnectedRegions"].is_array() => {
            let mut cells = Vec::new();
            for space in given["disconnectedRegions"][0]["spaces"].as_array().into_iter().flatten() {
                known_cell(state, space, "the region")?;
                cells.extend(cell(state, space));
            }
            state.process_given_region(&cells);
        }
        _ => {
            let refusable =
                matches!(kind, MoveKind::ChooseTerritoryOption | MoveKind::ChooseLineOption | MoveKind::ProcessLine);
            let found =
                state.move_from_json(&trace_form(state, given)).or_else(|e| short_capture(state, kind, given).ok_or(e));
            match found {
                Ok(mut mv) => {
                    if let Some(payer) =
                        given["extractionStacks"][0].as_str().and_then(|name| state.geometry().parse(name))
                    {
                        mv.target = if mv.aux == recovery_mode::LINE_FREE { mv.target } else { payer };
                    }
                    if matches!(kind, MoveKind::OvertakingCapture | MoveKind::ContinueCaptureSegment) {
                        played.targets.push(mv.target);
                        played.landing = Some(mv.to);
                    }
                    played.after.apply(&mv);
                }
                Err(_) if refusable => {}
                Err(refused) => return Err(Trouble::Wrong(format!("move: {refused}"))),
            }
        }
    }
    Ok(())
}

/// A capture along a line as the vector gives it, without regard to how far it must go.
fn short_capture(state: &State, kind: MoveKind, given: &Value) -> Option<Move> {
    let (from, target, to) =
        (cell(state, &given["from"])?, cell(state, &given["captureTarget"])?, cell(state, &given["to"])?);
    let geo = state.geometry();
    let stacks = [from, target].iter().all(|&c| matches!(state.content(c), Content::Stack { .. }));
    let straight =
        geo.direction(from, target) == geo.direction(target, to) && geo.on_line(from, to) && geo.on_line(from, target);
    (stacks && straight).then_some(Move { target, ..Move::along(kind, from, to) })
}

/// A vector's move in the form of the traces.
fn trace_form(state: &State, given: &Value) -> Value {
    let mut out = Map::new();
    let point = |v: &Value| {
        let list: Vec<&Value> = ["x", "y", "z"].iter().filter_map(|k| v.get(k)).collect();
        json!(list)
    };
    let bare = is_bare(given);
    out.insert("type".into(), given["type"].clone());
    for key in ["from", "to", "captureTarget"] {
        if given[key].is_object() && !bare {
            out.insert(key.into(), point(&given[key]));
        }
    }
    if !given["placementCount"].is_null() {
        out.insert("placementCount".into(), given["placementCount"].clone());
    }
    for (theirs, ours) in [("recoveryOption", "recovery_option"), ("recoveryMode", "recovery_mode")] {
        if given["type"] == "recovery_slide" && !given[theirs].is_null() {
            out.insert(ours.into(), given[theirs].clone());
        }
    }
    for (theirs, ours) in [("collapsePositions", "collapsedMarkers"), ("collapsedMarkers", "collapsedMarkers")] {
        if let Some(list) = given[theirs].as_array() {
            let mut cells: Vec<Cell> = list.iter().filter_map(|p| cell(state, p)).collect();
            cells.sort_unstable();
            let names = cells.into_iter().map(|c| match state.geometry().coordinates(c) {
                (x, y, Some(z)) => json!([x, y, z]),
                (x, y, None) => json!([x, y]),
            });
            out.insert(ours.into(), names.collect());
        }
    }
    Value::Object(out)
}

/// Moves that do nothing carry a cell without a meaning in some vectors.
fn is_bare(given: &Value) -> bool {
    given["type"].as_str().is_some_and(|t| t.starts_with("skip_") || t.starts_with("no_") || t == "swap_sides")
}

fn cell(state: &State, point: &Value) -> Option<Cell> {
    let (x, y) = (point["x"].as_i64()?, point["y"].as_i64()?);
    let third = if state.config().board.is_square() { None } else { Some(-x - y) };
    state.geometry().at(x, y, point["z"].as_i64().or(third))
}

/// That a point, if there is one, is on the board.
fn known_cell(state: &State, point: &Value, whose: &str) -> Result<(), Trouble> {
    match cell(state, point) {
        None if point["x"].is_i64() && point["y"].is_i64() => {
            let text: Vec<String> =
                ["x", "y", "z"].iter().filter_map(|k| point[*k].as_i64()).map(|n| n.to_string()).collect();
            Err(Trouble::NoSuchCell(format!(
                "{whose} names the cell {}, which {} does not have",
                text.join(","),
                state.config().board
            )))
        }
        _ => Ok(()),
    }
}

/// That the cells that hold something are on the board.
fn known_cells(config: GameConfig, board: &Value) -> Result<(), Trouble> {
    for what in ["stacks", "markers", "collapsedSpaces"] {
        for name in board[what].as_object().into_iter().flatten().map(|(name, _)| name) {
            let numbers = name.split(',').map(|n| n.trim().parse::<i64>()).collect::<Result<Vec<_>, _>>();
            let is_cell = numbers.is_ok_and(|n| n.len() == if config.board.is_square() { 2 } else { 3 });
            if is_cell && geometry(config.board).parse(name).is_none() {
                return Err(Trouble::NoSuchCell(format!(
                    "{what} names the cell {name}, which {} does not have",
                    config.board
                )));
            }
        }
    }
    Ok(())
}

/// The vector's state, by way of the form of the traces. Positions with one player get an absent second.
fn read_state(state: &Value, given: &Value) -> Result<State, Trouble> {
    let board = &state["board"];
    let kind = board["type"].as_str().unwrap_or_default().parse().map_err(|e| format!("board: {e}"))?;
    let players = state["players"].as_array().map_or(&[][..], Vec::as_slice);
    if !(1..=4).contains(&players.len()) {
        return Err(Trouble::Wrong(format!("players: expected 1 to 4, got {}", players.len())));
    }
    let config = GameConfig { board: kind, players: players.len().clamp(2, 4) as u8 };
    known_cells(config, board)?;
    // Vectors list a stack's rings from the top, the traces from the bottom.
    let mut stacks = Map::new();
    for (name, stack) in board["stacks"].as_object().into_iter().flatten() {
        let rings: Vec<&Value> = stack["rings"].as_array().into_iter().flatten().rev().collect();
        stacks.insert(name.clone(), json!(rings));
    }
    let map = |key: &str, field: Option<&str>| -> Map<String, Value> {
        let entries = board[key].as_object().into_iter().flatten();
        entries.map(|(name, v)| (name.clone(), field.map_or_else(|| v.clone(), |f| v[f].clone()))).collect()
    };
    let count = |key: &str| -> Vec<u64> {
        (0..usize::from(config.players)).map(|i| players.get(i).map_or(0, |p| p[key].as_u64().unwrap_or(0))).collect()
    };
    let form = json!({
        "phase": state["currentPhase"], "player": state["currentPlayer"],
        "stacks": stacks, "markers": map("markers", Some("player")), "collapsed": map("collapsedSpaces", None),
        "hand": count("ringsInHand"), "eliminated": count("eliminatedRings"), "territory": count("territorySpaces"),
    });
    let mut read = State::from_json(config, &form).map_err(|e| e.to_string())?;
    if let (Phase::Capture | Phase::ChainCapture, Some(from)) = (read.phase(), cell(&read, &given["from"])) {
        read.bind_stack(from);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays every continuation of the turn; collects how far the measure has grown when the next player begins.
    fn growths(state: &State, mover: u8, begin: u32, seen: &mut Vec<i64>, nodes: &mut u32) {
        *nodes += 1;
        assert!(*nodes < 2_000_000, "the turn has too many continuations to play all");
        if state.to_move() != mover || state.outcome().is_some() {
            let growth = i64::from(state.progress()) - i64::from(begin);
            if !seen.contains(&growth) {
                seen.push(growth);
            }
            return;
        }
        let mut moves = Vec::new();
        state.legal_moves(&mut moves);
        for mv in moves {
            let mut next = state.clone();
            next.apply(&mv);
            growths(&next, mover, begin, seen, nodes);
        }
    }

    /// The vectors called contradictory are so: however their turn goes on from the landing that they name, the measure
    /// never grows by what they assert.
    #[test]
    fn contradictory_vectors_have_no_play_that_fulfils_them() {
        let Some(folder) = std::env::var_os("RINGRIFT_RULES_VECTORS") else {
            println!("skipped: RINGRIFT_RULES_VECTORS names no folder of *.vectors.json files");
            return;
        };
        let file = std::path::Path::new(&folder).join("multi_phase_turn.vectors.json");
        let Ok(bytes) = std::fs::read(&file) else {
            println!("skipped: there is no {}", file.display());
            return;
        };
        let whole: Value = serde_json::from_slice(&bytes).expect("JSON");
        for vector in whole["vectors"]
            .as_array()
            .expect("vectors")
            .iter()
            .filter(|v| CONTRADICTORY.iter().any(|id| v["id"] == *id))
        {
            let input = &vector["input"];
            let before = read_state(&input["state"], &input["initialMove"]).expect("a state");
            let mut played = Played { after: before.clone(), before, targets: Vec::new(), landing: None };
            make(&input["initialMove"], &mut played).expect("the first capture");
            let landing = input["phaseTransitions"][1]["expectedLandingPosition"].clone();
            make(&json!({"type": "continue_capture_segment", "to": landing}), &mut played).expect("the second capture");
            let mut seen = Vec::new();
            growths(&played.after, played.before.to_move(), played.before.progress(), &mut seen, &mut 0);
            let asserted = vector["expectedOutput"]["assertions"]["sInvariantDelta"].as_i64().expect("a number");
            assert!(
                !seen.is_empty() && !seen.contains(&asserted),
                "{}: {seen:?} can be reached, {asserted} is asserted",
                vector["id"]
            );
        }
    }
}
