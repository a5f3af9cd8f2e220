//! All legal moves of a state, step by step of the turn.

use super::moves::{Move, MoveKind};
use super::state::{Debt, Phase, State};

impl State {
    /// Writes all legal moves into `out` (cleared first). Never empty while the game goes on: a
    /// step in which nothing can be done has its recorded no-op as the only move.
    pub fn legal_moves(&self, out: &mut Vec<Move>) {
        out.clear();
        match self.head.phase {
            Phase::RingPlacement => self.placement_step(out),
            Phase::Movement => self.movement_step(out),
            Phase::Capture | Phase::ChainCapture => self.capture_step(out),
            Phase::LineProcessing => self.line_step(out),
            Phase::TerritoryProcessing => self.territory_step(out),
            Phase::ForcedElimination => self.forced_step(out),
            Phase::GameOver => {}
        }
    }

    fn placement_step(&self, out: &mut Vec<Move>) {
        let h = &self.head;
        if self.may_swap() {
            out.push(Move::bare(MoveKind::SwapSides));
        }
        if self.hand(h.player) == 0 {
            out.push(Move::bare(MoveKind::NoPlacementAction));
            return;
        }
        self.push_placements(out);
        if self.seems_mobile(h.player) || self.may_recover() {
            out.push(Move::bare(MoveKind::SkipPlacement));
        } else if out.is_empty() {
            out.push(Move::bare(MoveKind::NoPlacementAction));
        }
    }

    /// The second player's first turn, with the rule on and nothing done in it yet.
    pub(super) fn may_swap(&self) -> bool {
        let h = &self.head;
        h.swap_rule && h.player == 1 && h.turns == 1 && h.phase == Phase::RingPlacement
    }

    fn movement_step(&self, out: &mut Vec<Move>) {
        let player = self.head.player;
        if let Some(bound) = self.bound_stack() {
            self.push_stack_moves(bound, true, MoveKind::OvertakingCapture, out);
        } else {
            for (cell, _) in self.controlled(player) {
                self.push_stack_moves(cell, true, MoveKind::OvertakingCapture, out);
            }
        }
        if out.is_empty() {
            self.push_recoveries(out);
            let nothing = if self.may_recover() { MoveKind::SkipRecovery } else { MoveKind::NoMovementAction };
            out.push(Move::bare(nothing));
        }
    }

    fn capture_step(&self, out: &mut Vec<Move>) {
        let chain = self.head.phase == Phase::ChainCapture;
        let kind = if chain { MoveKind::ContinueCaptureSegment } else { MoveKind::OvertakingCapture };
        if let Some(bound) = self.bound_stack() {
            self.push_stack_moves(bound, false, kind, out);
        }
        if !chain {
            out.push(Move::bare(MoveKind::SkipCapture));
        }
    }

    fn line_step(&self, out: &mut Vec<Move>) {
        if self.head.debt == Debt::Line {
            self.push_stacks(MoveKind::EliminateRings, Debt::Line as u8, out);
            return;
        }
        self.push_line_moves(out);
        if out.is_empty() {
            out.push(Move::bare(MoveKind::NoLineAction));
        }
    }

    fn territory_step(&self, out: &mut Vec<Move>) {
        match self.head.debt {
            Debt::None => {}
            Debt::Recovery => {
                let aux = Debt::Recovery as u8;
                let holders = self.holders_of_buried(self.head.player);
                return out.extend(holders.map(|cell| Move { aux, ..Move::at(MoveKind::EliminateRings, cell) }));
            }
            debt => return self.push_stacks(MoveKind::EliminateRings, debt as u8, out),
        }
        self.each_region(|mv| {
            out.push(mv);
            true
        });
        let end = if out.is_empty() { MoveKind::NoTerritoryAction } else { MoveKind::SkipTerritoryProcessing };
        out.push(Move::bare(end));
    }

    /// Any controlled stack may go; a player who could have acted loses the oldest.
    fn forced_step(&self, out: &mut Vec<Move>) {
        let player = self.head.player;
        if self.can_act(player) {
            let oldest = self.controlled(player).min_by_key(|&(cell, _)| self.ages[usize::from(cell)]);
            out.extend(oldest.map(|(cell, _)| Move::at(MoveKind::ForcedElimination, cell)));
        } else {
            self.push_stacks(MoveKind::ForcedElimination, 0, out);
        }
    }

    /// Appends a move for each stack that the player to move controls.
    fn push_stacks(&self, kind: MoveKind, aux: u8, out: &mut Vec<Move>) {
        out.extend(self.controlled(self.head.player).map(|(cell, _)| Move { aux, ..Move::at(kind, cell) }));
    }
}
