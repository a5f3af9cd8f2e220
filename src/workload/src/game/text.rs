//! Moves in words.

use super::geometry::{Cell, NO_CELL};
use super::moves::{Move, MoveKind, recovery};
use super::state::State;

impl State {
    /// The move in words, as in `move 1,1 → 1,4`, `capture 1,1 × 1,3 → 1,5`, `place 2 at 3,4`.
    pub fn describe(&self, mv: &Move) -> String {
        let geo = self.geometry();
        let name = |c: Cell| if usize::from(c) < geo.cells { geo.name(c) } else { "?".to_owned() };
        let (from, to, target) = (name(mv.from), name(mv.to), name(mv.target));
        match mv.kind {
            MoveKind::PlaceRing => format!("place {} at {to}", mv.count),
            MoveKind::SkipPlacement => "skip placement".into(),
            MoveKind::NoPlacementAction => "no placement".into(),
            MoveKind::MoveStack => format!("move {from} → {to}"),
            MoveKind::OvertakingCapture => format!("capture {from} × {target} → {to}"),
            MoveKind::ContinueCaptureSegment => format!("capture on {from} × {target} → {to}"),
            MoveKind::SkipCapture => "skip capture".into(),
            MoveKind::NoMovementAction => "no movement".into(),
            MoveKind::RecoverySlide => match mv.aux {
                recovery::STRIKE => format!("recover {from} strikes {to}, pay at {target}"),
                recovery::LINE_FREE => format!("recover {from} → {to}, collapse {} from {target}", mv.count),
                _ => format!("recover {from} → {to}, pay at {target}"),
            },
            MoveKind::SkipRecovery => "skip recovery".into(),
            MoveKind::ProcessLine => format!("line of {} at {to}: take", mv.count),
            MoveKind::ChooseLineOption if mv.target == NO_CELL || mv.part == mv.count => {
                format!("line of {} at {to}: collapse all", mv.count)
            }
            MoveKind::ChooseLineOption => format!("line of {} at {to}: collapse {} from {target}", mv.count, mv.part),
            MoveKind::NoLineAction => "no line".into(),
            MoveKind::ChooseTerritoryOption => format!("territory at {to}"),
            MoveKind::SkipTerritoryProcessing => "skip territory".into(),
            MoveKind::NoTerritoryAction => "no territory".into(),
            MoveKind::EliminateRings => format!("eliminate from {to}"),
            MoveKind::ForcedElimination => format!("forced elimination at {to}"),
            MoveKind::SwapSides => "swap sides".into(),
        }
    }
}
