//! Making a move: its effect on the board, then the next step of the turn.

use super::cells;
use super::geometry::Cell;
use super::moves::{Move, MoveKind};
use super::state::{Debt, Phase, State};

impl State {
    /// Makes a legal move, without allocation. It is not checked: an illegal one gives a
    /// meaningless state. Use [`State::try_apply`] for moves from outside.
    pub fn apply(&mut self, mv: &Move) {
        self.head.moves += 1;
        self.head.last_actor = self.head.player;
        match mv.kind {
            MoveKind::PlaceRing => self.place(mv),
            MoveKind::SkipPlacement | MoveKind::NoPlacementAction => self.head.phase = Phase::Movement,
            MoveKind::MoveStack => {
                self.relocate(mv.from, mv.to, None);
                self.after_leg(mv.to, Phase::Capture);
            }
            MoveKind::OvertakingCapture | MoveKind::ContinueCaptureSegment => {
                self.relocate(mv.from, mv.to, Some(mv.target));
                self.after_leg(mv.to, Phase::ChainCapture);
            }
            MoveKind::SkipCapture | MoveKind::NoMovementAction | MoveKind::SkipRecovery => self.begin_lines(),
            MoveKind::RecoverySlide => {
                self.recover(mv);
                self.head.acted = true;
                self.head.recovered = true;
                self.begin_lines();
            }
            MoveKind::ProcessLine => self.take_line(mv, mv.to, mv.count),
            MoveKind::ChooseLineOption => self.take_line(mv, mv.target, mv.part),
            MoveKind::NoLineAction => self.begin_territory(),
            MoveKind::ChooseTerritoryOption => {
                self.take_region(mv);
                self.territory_taken();
                return;
            }
            MoveKind::SkipTerritoryProcessing | MoveKind::NoTerritoryAction => self.after_territory(),
            MoveKind::EliminateRings => self.pay(mv.to),
            MoveKind::ForcedElimination => {
                self.eliminate_cap(mv.to);
                self.end_turn_unless_over();
                return;
            }
            MoveKind::SwapSides => {
                self.head.swapped = true;
                self.head.swap_rule = false;
            }
        }
        self.check_victory();
    }

    fn place(&mut self, mv: &Move) {
        let p = self.head.player;
        let mut stack = self.cells[usize::from(mv.to)];
        for _ in 0..mv.count {
            stack = cells::push(stack, p);
        }
        self.set(mv.to, stack);
        let h = &mut self.head;
        h.hand[usize::from(p)] -= u16::from(mv.count);
        h.rings[usize::from(p)] += u16::from(mv.count);
        h.bound = mv.to;
        h.acted = true;
        h.phase = Phase::Movement;
    }

    /// Moves a stack in a line, over `target` if it captures, and settles the markers it meets.
    fn relocate(&mut self, from: Cell, to: Cell, target: Option<Cell>) {
        let geo = self.geometry();
        let player = self.head.player;
        self.head.acted = true;
        let mut stack = self.cells[usize::from(from)];
        let direction = geo.direction(from, to);
        self.set(from, cells::marker(player));
        let mut at = geo.step[usize::from(from)][direction];
        while at != to {
            let value = self.cells[usize::from(at)];
            if Some(at) == target {
                stack = cells::push_below(stack, cells::owner(value));
                self.set(at, cells::pop(value, 1));
            } else if cells::is_marker(value) {
                if cells::owner(value) != player {
                    self.set(at, cells::marker(player));
                } else if target.is_none() {
                    self.collapse(at);
                } else {
                    // Territory all the same, but the recorded games do not show it in their count.
                    self.set(at, cells::collapsed(player));
                }
            }
            at = geo.step[usize::from(at)][direction];
        }
        if cells::is_marker(self.cells[usize::from(to)]) {
            self.set(to, stack);
            self.eliminate_top(to, 1);
        } else {
            self.set(to, stack);
        }
    }

    /// After a leg: captures from the landing, or the lines.
    fn after_leg(&mut self, landing: Cell, more: Phase) {
        if self.can_capture(landing) {
            self.head.phase = more;
            self.head.bound = landing;
        } else {
            self.begin_lines();
        }
    }

    /// Eliminates up to `count` rings from the top of a stack to the credit of the player to move.
    pub(super) fn eliminate_top(&mut self, cell: Cell, count: u8) {
        let stack = self.cells[usize::from(cell)];
        if !cells::is_stack(stack) {
            return;
        }
        let count = count.min(cells::height(stack));
        for depth in 0..count {
            self.head.rings[usize::from(cells::ring(stack, depth))] -= 1;
        }
        self.head.eliminated[usize::from(self.head.player)] += u16::from(count);
        self.set(cell, cells::pop(stack, count));
    }

    fn eliminate_cap(&mut self, cell: Cell) {
        let stack = self.cells[usize::from(cell)];
        if cells::is_stack(stack) {
            self.eliminate_top(cell, cells::cap(stack));
        }
    }

    /// Collapses a line or a part of it; all of it costs a ring, waived when no stack can pay.
    fn take_line(&mut self, mv: &Move, first: Cell, length: u8) {
        self.collapse_run(first, mv.aux, length);
        self.head.acted = true;
        let player = self.head.player;
        if length == mv.count && self.stacks(player) > 0 {
            self.head.debt = Debt::Line;
        } else if !self.has_line() {
            self.head.phase = Phase::TerritoryProcessing;
        }
    }

    /// After a region: a stack has to pay for it.
    pub(super) fn territory_taken(&mut self) {
        self.head.acted = true;
        self.head.debt = if self.head.recovered { Debt::Recovery } else { Debt::Territory };
        self.check_victory();
    }

    /// Pays a line or a territory with a stack. Lines that are left after a payment stay for a later turn.
    fn pay(&mut self, cell: Cell) {
        match std::mem::replace(&mut self.head.debt, Debt::None) {
            Debt::Line => self.eliminate_top(cell, 1),
            Debt::Recovery => self.eliminate_buried(cell),
            Debt::Territory | Debt::None => self.eliminate_cap(cell),
        }
        self.head.phase = Phase::TerritoryProcessing;
        if !self.has_region() {
            self.end_turn_unless_over();
        }
    }
}
