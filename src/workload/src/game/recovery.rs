//! Recovery: what a player without stacks can do with a marker and a buried ring.

use super::cells;
use super::geometry::{Cell, NO_CELL};
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

    /// Appends the slides from one marker to an empty cell that complete a line there.
    fn push_line_slides(&self, from: Cell, to: Cell, out: &mut Vec<Move>) {
        let needed = self.head.config.line_length() as u8;
        let Some((direction, first, length)) = self.completed_line(from, to) else { return };
        let base = Move::along(MoveKind::RecoverySlide, from, to);
        // Of a longer line one free part is on offer, even if it misses the destination and so is void.
        if length > needed {
            out.push(Move { aux: recovery::LINE_FREE, target: first, count: needed, part: direction, ..base });
        }
        out.push(Move { aux: recovery::LINE_PAID, target: self.paying_stack(), ..base });
    }

    /// Direction, first cell and length of the line that a slide completes: the one on the first axis that has one.
    fn completed_line(&self, from: Cell, to: Cell) -> Option<(u8, Cell, u8)> {
        let axes: &[u8] = if self.geometry().board.is_square() { &[0, 1, 2, 7] } else { &[0, 5, 4] };
        let runs = axes.iter().map(|&direction| {
            let (first, length) = self.run_after_slide(from, to, direction);
            (direction, first, length)
        });
        runs.into_iter().find(|&(_, _, length)| usize::from(length) >= self.head.config.line_length())
    }

    /// The parts of line length of the line that a free recovery completes, those that hold its destination.
    /// Only the first is ever on offer; the others are accepted from outside.
    pub(super) fn free_parts(&self, offered: &Move) -> Vec<Move> {
        let Some((direction, first, length)) = self.completed_line(offered.from, offered.to) else { return Vec::new() };
        let line: Vec<Cell> = self.run(first, direction, length).collect();
        let parts = line.windows(usize::from(offered.count)).filter(|part| part.contains(&offered.to));
        parts.map(|part| Move { target: part[0], ..*offered }).collect()
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

    /// The stack that pays a recovery: the oldest that holds a buried ring of the player to move.
    fn paying_stack(&self) -> Cell {
        self.holders_of_buried(self.head.player).min_by_key(|&c| self.ages[usize::from(c)]).unwrap_or(NO_CELL)
    }

    /// The stacks, whoever controls them, with a ring of a player below the top one.
    pub(super) fn holders_of_buried(&self, player: u8) -> impl Iterator<Item = Cell> + '_ {
        let n = self.head.config.board.cells();
        let buries = move |&(_, &value): &(usize, &u64)| cells::is_stack(value) && cells::buries(value, player);
        self.cells[..n].iter().enumerate().filter(buries).map(|(cell, _)| cell as Cell)
    }

    /// Makes a recovery slide. A free one whose part of the line misses the destination changes nothing.
    pub(super) fn recover(&mut self, mv: &Move) {
        match mv.aux {
            recovery::STRIKE => {
                self.set(mv.from, 0);
                self.eliminate_top(mv.to, 1);
            }
            recovery::LINE_FREE if !self.run(mv.target, mv.part, mv.count).any(|c| c == mv.to) => return,
            _ => {
                let line = self.completed_line(mv.from, mv.to);
                self.set(mv.from, 0);
                self.set(mv.to, cells::marker(self.head.player));
                match (mv.aux, line) {
                    (recovery::LINE_PAID, Some((direction, first, length))) => {
                        self.collapse_run(first, direction, length)
                    }
                    (recovery::LINE_FREE, _) => self.collapse_run(mv.target, mv.part, mv.count),
                    _ => {}
                }
            }
        }
        if mv.aux != recovery::LINE_FREE && mv.target != NO_CELL {
            self.eliminate_buried(mv.target);
        }
    }

    /// Eliminates the lowest ring of the player to move in a stack, to their own credit.
    pub(super) fn eliminate_buried(&mut self, cell: Cell) {
        let player = self.head.player;
        let stack = self.cells[usize::from(cell)];
        if let Some(rest) = Some(stack).filter(|&s| cells::is_stack(s)).and_then(|s| cells::without_lowest(s, player)) {
            self.set(cell, rest);
            self.head.rings[usize::from(player)] -= 1;
            self.head.eliminated[usize::from(player)] += 1;
        }
    }
}
