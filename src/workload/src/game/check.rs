//! Moves from outside: made if legal, refused with the rule that forbids them if not.

use super::cells;
use super::geometry::NO_CELL;
use super::moves::{Move, MoveKind, recovery};
use super::state::{Debt, Phase, State};

/// A refused move, with the rule that forbids it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal move {mv}: {rule}")]
pub struct IllegalMove {
    /// The move as text.
    pub mv: String,
    /// The rule that forbids it.
    pub rule: &'static str,
}

impl State {
    /// Makes a move if it is legal.
    ///
    /// # Errors
    /// The rule that forbids it; the state is then unchanged.
    pub fn try_apply(&mut self, mv: &Move) -> Result<(), IllegalMove> {
        let mut moves = Vec::new();
        self.legal_moves(&mut moves);
        let parts = moves.iter().filter(|l| l.kind == MoveKind::RecoverySlide && l.aux == recovery::LINE_FREE);
        if moves.contains(mv) || parts.flat_map(|l| self.free_parts(l)).any(|part| part == *mv) {
            self.apply(mv);
            return Ok(());
        }
        Err(IllegalMove { mv: self.describe(mv), rule: self.broken_rule(mv) })
    }

    /// Why a move that is not among the legal ones is not.
    fn broken_rule(&self, mv: &Move) -> &'static str {
        let cells = self.geometry().cells;
        if [mv.from, mv.to, mv.target].iter().any(|&c| c != NO_CELL && usize::from(c) >= cells) {
            return "the cell is not on the board";
        }
        if self.head.phase == Phase::GameOver {
            return "the game is over";
        }
        if self.head.debt != Debt::None && mv.kind != MoveKind::EliminateRings {
            return "a controlled stack must first pay for the line or territory";
        }
        if !in_phase(mv.kind, self.head.phase) {
            return "this kind of move belongs to another step of the turn";
        }
        match mv.kind {
            MoveKind::PlaceRing => self.why_no_placement(mv),
            MoveKind::SkipPlacement => {
                "placement may be skipped only by a player with rings in hand who can move a stack or recover"
            }
            MoveKind::NoPlacementAction => "a placement is possible",
            MoveKind::MoveStack | MoveKind::OvertakingCapture | MoveKind::ContinueCaptureSegment => self.why_no_leg(mv),
            MoveKind::NoMovementAction => "a stack can move or capture, or a recovery is possible",
            MoveKind::SkipRecovery | MoveKind::RecoverySlide => {
                "recovery is for a player without stacks, with a marker and a buried ring; slides that complete a \
                    line go first"
            }
            MoveKind::NoLineAction => "a line must be processed",
            MoveKind::ProcessLine | MoveKind::ChooseLineOption => {
                "these cells are no line of the player's markers, or no allowed part of one"
            }
            MoveKind::ChooseTerritoryOption => "this is no region the player may process",
            MoveKind::NoTerritoryAction => "a region can be processed: process it or skip",
            MoveKind::SkipTerritoryProcessing => "there is no region to skip",
            MoveKind::EliminateRings if self.head.debt == Debt::None => "nothing is to be paid",
            MoveKind::EliminateRings | MoveKind::ForcedElimination => "the player does not control a stack there",
            MoveKind::SwapSides => {
                "sides are swapped only once, instead of the second player's first turn, with two players"
            }
            MoveKind::SkipCapture => "captures go on while any is possible",
        }
    }

    fn why_no_placement(&self, mv: &Move) -> &'static str {
        if mv.to == NO_CELL || mv.count == 0 || mv.from != NO_CELL || mv.target != NO_CELL {
            return "a placement names a cell and 1 to 3 rings";
        }
        let value = self.cells[usize::from(mv.to)];
        if self.hand(self.to_move()) < u16::from(mv.count) {
            "not so many rings in hand"
        } else if value != 0 && !cells::is_stack(value) {
            "rings are placed on empty cells or stacks"
        } else if mv.count > if value == 0 { 3 } else { 1 } {
            "at most three rings on an empty cell, one on a stack"
        } else {
            "the placed stack would have no move or capture"
        }
    }

    fn why_no_leg(&self, mv: &Move) -> &'static str {
        if mv.from == NO_CELL || mv.to == NO_CELL {
            return "a movement names where it starts and ends";
        }
        let stack = self.cells[usize::from(mv.from)];
        if !cells::is_stack(stack) || cells::owner(stack) != self.to_move() {
            "the player does not control a stack there"
        } else if self.bound_stack().is_some_and(|c| c != mv.from) {
            "the stack just placed or just capturing must go on"
        } else if mv.kind == MoveKind::MoveStack {
            "a stack moves straight, at least as far as it is high, over no stack and no collapsed cell"
        } else {
            "a capture jumps one stack in line whose cap is not higher, at least as far as the attacker is high, over \
                free cells"
        }
    }
}

fn in_phase(kind: MoveKind, phase: Phase) -> bool {
    use MoveKind::*;
    match phase {
        Phase::RingPlacement => matches!(kind, PlaceRing | SkipPlacement | NoPlacementAction | SwapSides),
        Phase::Movement => {
            matches!(kind, MoveStack | OvertakingCapture | NoMovementAction | RecoverySlide | SkipRecovery)
        }
        Phase::Capture => matches!(kind, OvertakingCapture | SkipCapture),
        Phase::ChainCapture => matches!(kind, ContinueCaptureSegment),
        Phase::LineProcessing => matches!(kind, ProcessLine | ChooseLineOption | NoLineAction | EliminateRings),
        Phase::TerritoryProcessing => {
            matches!(kind, ChooseTerritoryOption | SkipTerritoryProcessing | NoTerritoryAction | EliminateRings)
        }
        Phase::ForcedElimination => kind == ForcedElimination,
        Phase::GameOver => false,
    }
}
