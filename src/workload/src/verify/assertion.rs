//! What a vector asserts of the state after its move.

use serde_json::{Value, json};

use super::vector::Played;
use crate::game::{Cell, Content, Phase, State};

/// The first assertion that does not hold, as `field: expected X, got Y`.
pub(super) fn first_broken(expected: &Value, played: &Played) -> Option<String> {
    let Some(assertions) = expected["assertions"].as_object() else {
        return Some(format!("assertions: expected an object, got {}", expected["assertions"]));
    };
    status(&expected["status"], &played.after)
        .or_else(|| first_broken_of(assertions, played))
        .or_else(|| last_look(expected, &played.after))
}

/// The vectors' status of the move: whether the mover has more to decide. A step in which there is nothing to decide
/// is either, in the vectors.
fn status(want: &Value, after: &State) -> Option<String> {
    let got = match after.phase() {
        Phase::RingPlacement | Phase::Movement | Phase::GameOver => "complete",
        Phase::ChainCapture => "awaiting_decision",
        _ => want.as_str().filter(|w| matches!(*w, "complete" | "awaiting_decision")).unwrap_or("awaiting_decision"),
    };
    (!want.is_null() && want != got).then(|| format!("status: expected {want}, got \"{got}\""))
}

/// Positions that some vectors list beside their assertions.
fn last_look(expected: &Value, after: &State) -> Option<String> {
    let geo = after.geometry();
    let content = |p: &Value| Some(after.content(geo.at(p["x"].as_i64()?, p["y"].as_i64()?, p["z"].as_i64())?));
    let list = &expected["finalState"];
    let markers = list["markerPositions"].as_array().into_iter().flatten();
    let missing =
        markers.filter(|p| !matches!(content(p), Some(Content::Marker(_)))).map(|p| ("markerPositions", "a marker", p));
    let stack = Some(&list["finalStackPosition"])
        .filter(|p| !p.is_null() && !matches!(content(p), Some(Content::Stack { .. })));
    let broken = missing.chain(stack.map(|p| ("finalStackPosition", "a stack", p))).next();
    broken.map(|(field, wanted, p)| format!("{field}: expected {wanted} at {p}, got none"))
}

fn first_broken_of(assertions: &serde_json::Map<String, Value>, played: &Played) -> Option<String> {
    assertions.iter().find_map(|(key, want)| match value_of(key, played) {
        Some(got) if got == *want => None,
        Some(got) => Some(format!("{key}: expected {want}, got {got}")),
        None => Some(format!("{key}: expected {want}, got nothing known by that name")),
    })
}

fn value_of(key: &str, played: &Played) -> Option<Value> {
    let (before, after) = (&played.before, &played.after);
    let mover = before.to_move();
    let outcome = after.outcome();
    let stacks = |s: &State| count(s, |c| matches!(c, Content::Stack { .. }));
    let markers = |s: &State| count(s, |c| matches!(c, Content::Marker(_)));
    let collapsed = |s: &State| count(s, |c| matches!(c, Content::Collapsed(_)));
    Some(match key {
        "currentPlayer" => json!(after.to_move() + 1),
        "currentPhase" => json!(after.phase().name()),
        "gameStatus" => json!(if outcome.is_some() { "completed" } else { "active" }),
        "victoryWinner" => json!(outcome?.winner + 1),
        "victoryReason" => json!(outcome?.reason.name()),
        "stackCount" => json!(stacks(after)),
        "markerCount" => json!(markers(after)),
        "collapsedCount" => json!(collapsed(after)),
        "sInvariantDelta" => json!(i64::from(after.progress()) - i64::from(before.progress())),
        "totalCapturesInChain" => json!(if after.phase() == Phase::ChainCapture { 0 } else { played.targets.len() }),
        "finalStackHeight" => match after.content(played.landing?) {
            Content::Stack { height, .. } => json!(height),
            _ => json!(0),
        },
        "finalStackController" => match after.content(played.landing?) {
            Content::Stack { owner, .. } => json!(owner + 1),
            _ => Value::Null,
        },
        "targetStacksRemaining" => {
            json!(played.targets.iter().filter(|&&c| matches!(after.content(c), Content::Stack { .. })).count())
        }
        "markersCreated" => json!(markers(after) as i64 - markers(before) as i64),
        // A recovery is paid with rings that were buried; nothing else takes rings of the mover from the board.
        "extractionCount" => json!(i32::from(before.rings_on_board(mover)) - i32::from(after.rings_on_board(mover))),
        "noLineCollapse" => json!(collapsed(after) == collapsed(before)),
        "pendingDecisionType" => json!(pending(after)),
        _ => return of_player(key, after),
    })
}

/// `player2RingsInHand` and the like.
fn of_player(key: &str, state: &State) -> Option<Value> {
    let rest = key.strip_prefix("player")?;
    let number = rest.get(..1)?.parse::<u8>().ok().filter(|n| (1..=state.config().players).contains(n))?;
    match rest.get(1..)? {
        "RingsInHand" => Some(json!(state.hand(number - 1))),
        "EliminatedRings" => Some(json!(state.eliminated(number - 1))),
        "TerritorySpaces" => Some(json!(state.recorded_territory(number - 1))),
        _ => None,
    }
}

/// The vectors' name for the choice that the step of the turn is about.
fn pending(state: &State) -> &'static str {
    match state.phase() {
        Phase::LineProcessing => "select_line_to_process",
        Phase::TerritoryProcessing => "select_territory_region",
        Phase::ForcedElimination => "select_stack_to_eliminate",
        _ => "none",
    }
}

fn count(state: &State, holds: impl Fn(Content) -> bool) -> usize {
    (0..state.geometry().cells as Cell).filter(|&c| holds(state.content(c))).count()
}
