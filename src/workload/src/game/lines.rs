//! Lines: straight runs of one player's markers.

use super::cells;
use super::geometry::{Cell, NO_CELL};
use super::moves::{Move, MoveKind};
use super::state::State;

/// A maximal run: its first cell, direction and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub first: Cell,
    pub direction: u8,
    pub length: u8,
}

/// Directions in which lines are walked, one an axis; they fix which end of a line is its first cell.
pub(super) fn axes(square: bool) -> &'static [u8] {
    if square { &[0, 2, 1, 7] } else { &[0, 5, 4] }
}

impl State {
    /// Calls `found` with each line of the player to move until it returns false.
    pub(super) fn each_line(&self, mut found: impl FnMut(Line) -> bool) {
        let player = self.head.player;
        let needed = self.head.config.line_length();
        if usize::from(self.markers(player)) < needed {
            return;
        }
        let geo = self.geometry();
        let own = cells::marker(player);
        let is_own = |c: Cell| c != NO_CELL && self.cells[usize::from(c)] == own;
        let half = geo.directions / 2;
        for first in 0..geo.cells as Cell {
            if self.cells[usize::from(first)] != own {
                continue;
            }
            for &direction in axes(geo.board.is_square()) {
                let d = usize::from(direction);
                let back = (d + half) % geo.directions;
                if is_own(geo.step[usize::from(first)][back]) {
                    continue;
                }
                let (mut at, mut length) = (first, 1);
                loop {
                    at = geo.step[usize::from(at)][d];
                    if !is_own(at) {
                        break;
                    }
                    length += 1;
                }
                if usize::from(length) >= needed && !found(Line { first, direction, length }) {
                    return;
                }
            }
        }
    }

    /// True if the player to move has a line.
    pub(super) fn has_line(&self) -> bool {
        let mut any = false;
        self.each_line(|_| {
            any = true;
            false
        });
        any
    }

    /// Appends the choices for each line: all of it, or for a longer line each part of line length.
    pub(super) fn push_line_moves(&self, out: &mut Vec<Move>) {
        let needed = self.head.config.line_length() as u8;
        self.each_line(|line| {
            let base = Move { count: line.length, aux: line.direction, ..Move::at(MoveKind::ProcessLine, line.first) };
            out.push(base);
            let option = |part, target| Move { kind: MoveKind::ChooseLineOption, part, target, ..base };
            out.push(option(line.length, line.first));
            if line.length > needed {
                let mut start = line.first;
                for _ in 0..=line.length - needed {
                    out.push(option(needed, start));
                    start = self.geometry().step[usize::from(start)][usize::from(line.direction)];
                }
            }
            true
        });
    }

    /// The cells of a run from `first`.
    pub(super) fn run(&self, first: Cell, direction: u8, length: u8) -> impl Iterator<Item = Cell> + use<> {
        let geo = self.geometry();
        let mut next = first;
        (0..length).map(move |_| {
            let here = next;
            next = geo.step[usize::from(here)][usize::from(direction)];
            here
        })
    }

    /// Collapses a run to the player to move.
    pub(super) fn collapse_run(&mut self, first: Cell, direction: u8, length: u8) {
        for cell in self.run(first, direction, length) {
            self.collapse(cell);
        }
    }
}
