//! Where a stack can move and what it can capture.

use super::cells;
use super::geometry::{Cell, NO_CELL};
use super::moves::{Move, MoveKind};
use super::state::State;

impl State {
    /// True if a stack of this height and cap on `from` could move or capture. The cell's own
    /// content does not matter, so it also answers for a stack not yet placed.
    pub(super) fn could_act(&self, from: Cell, height: u8, cap: u8) -> bool {
        let geo = self.geometry();
        (0..geo.directions).any(|d| {
            let (mut at, mut distance) = (from, 0);
            loop {
                at = geo.step[usize::from(at)][d];
                distance += 1;
                if at == NO_CELL {
                    return false;
                }
                let value = self.cells[usize::from(at)];
                if cells::is_open(value) {
                    if distance >= height {
                        return true;
                    }
                } else {
                    return cells::is_stack(value)
                        && cells::cap(value) <= cap
                        && self.could_land(at, d, distance, height);
                }
            }
        })
    }

    /// True if behind the stack on `target`, `distance` from the start, there is a landing.
    fn could_land(&self, target: Cell, d: usize, mut distance: u8, height: u8) -> bool {
        let geo = self.geometry();
        let mut at = target;
        loop {
            at = geo.step[usize::from(at)][d];
            distance += 1;
            if at == NO_CELL || !cells::is_open(self.cells[usize::from(at)]) {
                return false;
            }
            if distance >= height {
                return true;
            }
        }
    }

    /// Appends the moves and captures of the stack on `from`; moves only when `slide` is set.
    pub(super) fn push_stack_moves(&self, from: Cell, slide: bool, capture: MoveKind, out: &mut Vec<Move>) {
        let geo = self.geometry();
        let stack = self.cells[usize::from(from)];
        let (height, cap) = (cells::height(stack), cells::cap(stack));
        for d in 0..geo.directions {
            let (mut at, mut distance, mut target) = (from, 0, NO_CELL);
            loop {
                at = geo.step[usize::from(at)][d];
                distance += 1;
                if at == NO_CELL {
                    break;
                }
                let value = self.cells[usize::from(at)];
                if cells::is_open(value) {
                    if distance < height {
                        continue;
                    }
                    if target != NO_CELL {
                        out.push(Move { target, ..Move::along(capture, from, at) });
                    } else if slide {
                        out.push(Move::along(MoveKind::MoveStack, from, at));
                    }
                } else if target == NO_CELL && cells::is_stack(value) && cells::cap(value) <= cap {
                    target = at;
                } else {
                    break;
                }
            }
        }
    }

    /// True if the player to move controls the stack on `from` and it can capture.
    pub(super) fn can_capture(&self, from: Cell) -> bool {
        let stack = self.cells[usize::from(from)];
        if !cells::is_stack(stack) || cells::owner(stack) != self.head.player {
            return false;
        }
        let geo = self.geometry();
        let (height, cap) = (cells::height(stack), cells::cap(stack));
        (0..geo.directions).any(|d| {
            let (mut at, mut distance) = (from, 0);
            loop {
                at = geo.step[usize::from(at)][d];
                distance += 1;
                if at == NO_CELL {
                    return false;
                }
                let value = self.cells[usize::from(at)];
                if !cells::is_open(value) {
                    return cells::is_stack(value)
                        && cells::cap(value) <= cap
                        && self.could_land(at, d, distance, height);
                }
            }
        })
    }

    /// True if a player has a stack that can move or capture.
    pub(super) fn can_move(&self, player: u8) -> bool {
        self.stacks(player) > 0
            && self
                .controlled(player)
                .any(|(cell, stack)| self.could_act(cell, cells::height(stack), cells::cap(stack)))
    }

    /// True if a player may leave the board as it is when placing: a stack can move or capture, or
    /// meets another stack at a distance it could go. The recorded games take the latter for a
    /// move here, although it is none.
    pub(super) fn seems_mobile(&self, player: u8) -> bool {
        let meets = |from: Cell, height: u8| {
            let geo = self.geometry();
            (0..geo.directions).any(|d| {
                let (mut at, mut distance) = (from, 0);
                loop {
                    at = geo.step[usize::from(at)][d];
                    distance += 1;
                    if at == NO_CELL || !cells::is_open(self.cells[usize::from(at)]) {
                        return at != NO_CELL && distance >= height && cells::is_stack(self.cells[usize::from(at)]);
                    }
                }
            })
        };
        self.can_move(player) || self.controlled(player).any(|(cell, stack)| meets(cell, cells::height(stack)))
    }

    /// The stacks a player controls.
    pub(super) fn controlled(&self, player: u8) -> impl Iterator<Item = (Cell, u64)> + '_ {
        let n = self.head.config.board.cells();
        self.cells[..n]
            .iter()
            .enumerate()
            .filter(move |&(_, &v)| cells::is_stack(v) && cells::owner(v) == player)
            .map(|(c, &v)| (c as Cell, v))
    }

    /// True if a player with rings in hand has a legal placement.
    pub(super) fn can_place(&self, player: u8) -> bool {
        let n = self.head.config.board.cells() as Cell;
        self.hand(player) > 0 && (0..n).any(|cell| self.most_placed(cell, player) > 0)
    }

    /// The most rings a player may place on a cell; every smaller number is allowed too. The recorded
    /// games ask for a move or capture of the largest stack only, so a smaller one may be stuck.
    fn most_placed(&self, cell: Cell, player: u8) -> u8 {
        let value = self.cells[usize::from(cell)];
        let hand = self.hand(player).min(3) as u8;
        if value == 0 {
            (1..=hand).rev().find(|&n| self.could_act(cell, n, n)).unwrap_or(0)
        } else if cells::is_stack(value) && hand > 0 {
            let cap = if cells::owner(value) == player { cells::cap(value) + 1 } else { 1 };
            u8::from(self.could_act(cell, cells::height(value) + 1, cap))
        } else {
            0
        }
    }

    /// Appends all legal placements of the player to move.
    pub(super) fn push_placements(&self, out: &mut Vec<Move>) {
        let player = self.head.player;
        for cell in 0..self.head.config.board.cells() as Cell {
            for count in 1..=self.most_placed(cell, player) {
                out.push(Move { count, ..Move::at(MoveKind::PlaceRing, cell) });
            }
        }
    }
}
