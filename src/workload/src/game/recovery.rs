//! Recovery: what a player without stacks can do with a marker and a buried ring.

use super::cells;
use super::geometry::{Cell, NO_CELL};
use super::lines::axes;
use super::moves::{Move, MoveKind, recovery};
use super::state::State;

impl State {
    /// True if the player to move has the means of a recovery: no stack, a marker, a buried ring.
    pub(super) fn may_recover(&self) -> bool {
        let p = self.head.player;
        self.stacks(p) == 0 && self.markers(p) > 0 && self.rings_on_board(p) > 0
    }

    /// Appends the recovery slides: those that complete a line, or all others when none does.
    pub(super) fn push_recoveries(&self, out: &mut Vec<Move>) {
        if !self.may_recover() {
            return;
        }
        let begin = out.len();
        let geo = self.geometry();
        let own = cells::marker(self.head.player);
        for from in (0..geo.cells as Cell).filter(|&c| self.cells[usize::from(c)] == own) {
            for &to in geo.step[usize::from(from)].iter().take(geo.directions).filter(|&&c| c != NO_CELL) {
                if self.cells[usize::from(to)] == 0 {
                    self.push_line_slides(from, to, out);
                }
            }
        }
        if out.len() > begin {
            return;
        }
        let target = self.paying_stack();
        for from in (0..geo.cells as Cell).filter(|&c| self.cells[usize::from(c)] == own) {
            for &to in geo.step[usize::from(from)].iter().take(geo.directions).filter(|&&c| c != NO_CELL) {
                let value = self.cells[usize::from(to)];
                let aux = if value == 0 {
                    recovery::FALLBACK
                } else if cells::is_stack(value) {
                    recovery::STRIKE
                } else {
                    continue;
                };
                out.push(Move { aux, target, ..Move::along(MoveKind::RecoverySlide, from, to) });
            }
        }
    }

    /// Appends the slides from one marker to an empty cell that complete a line there, free ones first.
    fn push_line_slides(&self, from: Cell, to: Cell, out: &mut Vec<Move>) {
        let needed = self.head.config.line_length() as u8;
        let base = Move::along(MoveKind::RecoverySlide, from, to);
        let mut completes = false;
        for &direction in axes(self.geometry().board.is_square()) {
            let (first, length) = self.run_after_slide(from, to, direction);
            completes |= length >= needed;
            let mut target = first;
            // A line of exactly the length has no free part; a longer one as many as parts fit.
            let parts = if length > needed { length - needed + 1 } else { 0 };
            for _ in 0..parts {
                out.push(Move { aux: recovery::LINE_FREE, target, count: needed, part: direction, ..base });
                target = self.geometry().step[usize::from(target)][usize::from(direction)];
            }
        }
        if completes {
            out.push(Move { aux: recovery::LINE_PAID, target: self.paying_stack(), ..base });
        }
    }

    /// First cell and length of the run through `to` on an axis, once the marker on `from` is there.
    fn run_after_slide(&self, from: Cell, to: Cell, direction: u8) -> (Cell, u8) {
        let geo = self.geometry();
        let own = cells::marker(self.head.player);
        let joins = |c: Cell| c != NO_CELL && c != from && self.cells[usize::from(c)] == own;
        let d = usize::from(direction);
        let back = (d + geo.directions / 2) % geo.directions;
        let (mut first, mut length) = (to, 1);
        while joins(geo.step[usize::from(first)][back]) {
            first = geo.step[usize::from(first)][back];
            length += 1;
        }
        let mut last = geo.step[usize::from(to)][d];
        while joins(last) {
            last = geo.step[usize::from(last)][d];
            length += 1;
        }
        (first, length)
    }

    /// The stack that pays a recovery: the first, by rows, that holds a ring of the player to move.
    fn paying_stack(&self) -> Cell {
        let geo = self.geometry();
        let player = self.head.player;
        let holds = |c: Cell| {
            let value = self.cells[usize::from(c)];
            cells::is_stack(value) && (0..cells::height(value)).any(|d| cells::ring(value, d) == player)
        };
        (0..geo.cells as Cell).filter(|&c| holds(c)).min_by_key(|&c| geo.position[usize::from(c)]).unwrap_or(NO_CELL)
    }

    /// Makes a recovery slide.
    pub(super) fn recover(&mut self, mv: &Move) {
        let player = self.head.player;
        let needed = self.head.config.line_length() as u8;
        if mv.aux == recovery::STRIKE {
            self.set(mv.from, 0);
            self.eliminate_top(mv.to, 1);
        } else {
            let runs = axes(self.geometry().board.is_square()).iter().map(|&d| (d, self.run_after_slide(mv.from, mv.to, d)));
            let line = runs.filter(|&(_, (_, length))| length >= needed).max_by_key(|&(_, (_, length))| length);
            self.set(mv.from, 0);
            self.set(mv.to, cells::marker(player));
            match (mv.aux, line) {
                (recovery::LINE_PAID, Some((d, (first, length)))) => self.collapse_run(first, d, length),
                (recovery::LINE_FREE, _) => self.collapse_run(mv.target, mv.part, mv.count),
                _ => {}
            }
        }
        if mv.aux != recovery::LINE_FREE && mv.target != NO_CELL {
            let stack = self.cells[usize::from(mv.target)];
            if let Some(rest) = Some(stack).filter(|&s| cells::is_stack(s)).and_then(|s| cells::without_lowest(s, player)) {
                self.set(mv.target, rest);
                self.head.rings[usize::from(player)] -= 1;
                self.head.eliminated[usize::from(player)] += 1;
            }
        }
    }
}
