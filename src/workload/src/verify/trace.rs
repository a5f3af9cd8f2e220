//! A whole recorded game: the legal moves and the state at every ply.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Verdict;
use crate::game::{GameConfig, Move, State};

/// What a recorded state shows.
const FIELDS: [&str; 10] =
    ["phase", "player", "status", "winner", "stacks", "markers", "collapsed", "hand", "eliminated", "territory"];

/// Replays a trace and compares all it records. The error is a failure too: the trace lacks something or names no
/// board.
pub(super) fn check(trace: &Value) -> Result<Verdict, String> {
    let lacks = |ply: usize, field: &str, wanted: &str, got: &Value| {
        format!("ply {ply}: {field}: expected {wanted}, got {}", short(got))
    };
    let board = trace["boardType"].as_str().and_then(|b| b.parse().ok());
    let board =
        board.ok_or_else(|| lacks(0, "boardType", "square8, square19, hex8 or hexagonal", &trace["boardType"]))?;
    let players = trace["numPlayers"].as_u64().filter(|n| (2..=4).contains(n));
    let players = players.ok_or_else(|| lacks(0, "numPlayers", "2, 3 or 4", &trace["numPlayers"]))?;
    let config = GameConfig { board, players: players as u8 };
    let plies = trace["plies"].as_array().ok_or_else(|| lacks(0, "plies", "a list", &trace["plies"]))?;
    let swaps = |ply: &Value| ply["legal"].as_array().is_some_and(|l| l.iter().any(|mv| mv["type"] == "swap_sides"));
    let mut state = State::new(config, plies.iter().any(swaps));
    if difference(&trace["initial"], &state.to_json()).is_some() {
        // A game recorded from a later position: what it shows of that position has to do.
        state = State::from_json(config, &trace["initial"]).map_err(|e| format!("ply 0: initial: {}", e.problem))?;
    }
    let mut moves = Vec::new();
    for (number, ply) in plies.iter().enumerate() {
        let recorded = ply["legal"].as_array().ok_or_else(|| lacks(number, "legal", "a list", &ply["legal"]))?;
        let chosen = ply["chosen"].as_u64().and_then(|i| recorded.get(i as usize));
        let chosen = chosen
            .ok_or_else(|| lacks(number, "chosen", &format!("an index below {}", recorded.len()), &ply["chosen"]))?;
        state.legal_moves(&mut moves);
        if let Some(what) = moves_difference(&state, &moves, recorded) {
            return Ok(Verdict::Fail(format!("ply {number}: legal: {what}")));
        }
        let made = moves.iter().find(|mv| same_move(&state.move_to_json(mv), chosen)).copied();
        let Some(made) = made else {
            return Ok(Verdict::Fail(format!("ply {number}: chosen: no legal move {chosen}")));
        };
        state.apply(&made);
        if let Some(field) = FIELDS.iter().find(|f| ply["after"].get(**f).is_none()) {
            return Err(lacks(number, field, "a value in the recorded state", &Value::Null));
        }
        if let Some(what) = difference(&ply["after"], &state.to_json()) {
            return Ok(Verdict::Fail(format!("ply {number}: {what} (after {})", state.describe(&made))));
        }
    }
    let shown: serde_json::Map<String, Value> =
        ["status", "winner"].into_iter().filter_map(|f| Some((f.to_owned(), trace.get(f)?.clone()))).collect();
    Ok(match difference(&json!(shown), &state.to_json()) {
        Some(what) => Verdict::Fail(format!("ply {}: {what}", plies.len())),
        None => Verdict::Pass,
    })
}

/// A value as text that fits a line.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
}

/// A move as comparable text: its fields in order, null ones left out.
fn canonical(mv: &Value) -> String {
    match mv.as_object() {
        Some(map) => {
            let fields: BTreeSet<String> =
                map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| format!("{k}={v}")).collect();
            fields.into_iter().collect::<Vec<_>>().join(" ")
        }
        None => mv.to_string(),
    }
}

fn same_move(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

/// The moves missing and the moves too many; nothing when the sets are equal.
fn moves_difference(state: &State, moves: &[Move], recorded: &[Value]) -> Option<String> {
    let ours: BTreeSet<String> = moves.iter().map(|mv| canonical(&state.move_to_json(mv))).collect();
    let theirs: BTreeSet<String> = recorded.iter().map(canonical).collect();
    if ours == theirs {
        return None;
    }
    let list = |mut it: Box<dyn Iterator<Item = &String> + '_>| {
        let shown: Vec<&str> = it.by_ref().take(8).map(String::as_str).collect();
        let more = it.count();
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("[{}]{tail}", shown.join("; "))
    };
    Some(format!(
        "expected {} moves, got {}; missing {}; too many {}",
        theirs.len(),
        ours.len(),
        list(Box::new(theirs.difference(&ours))),
        list(Box::new(ours.difference(&theirs)))
    ))
}

/// The first field in which a recorded state and ours differ.
fn difference(expected: &Value, got: &Value) -> Option<String> {
    let fields = expected.as_object()?;
    fields.iter().find_map(|(key, want)| {
        let have = &got[key];
        match (want.as_object(), have.as_object()) {
            (Some(want), Some(have)) => {
                let cells: BTreeSet<&String> = want.keys().chain(have.keys()).collect();
                cells.into_iter().find(|c| want.get(*c) != have.get(*c)).map(|cell| {
                    let show =
                        |m: &serde_json::Map<String, Value>| m.get(cell).map_or("nothing".to_owned(), Value::to_string);
                    format!("{key} {cell}: expected {}, got {}", show(want), show(have))
                })
            }
            _ => (want != have).then(|| format!("{key}: expected {want}, got {have}")),
        }
    })
}
