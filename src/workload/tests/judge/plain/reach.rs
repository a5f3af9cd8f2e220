//! Rules 1 to 3: where rings may be placed, where a stack may move, and what it may capture.

use super::Game;
use super::board::{Content, Point, cap};
use super::moves::Move;

impl Game {
    /// Straight, over open cells only, at least as far as the stack is high.
    pub(super) fn slides_from(&self, from: Point) -> Vec<Move> {
        let height = self.board.rings(from).len();
        let mut moves = Vec::new();
        for &way in self.shape.directions() {
            let (mut at, mut distance) = (from.step(way), 1);
            while self.board.is_open(at) {
                if distance >= height {
                    moves.push(Move { from: Some(from), to: Some(at), ..self.bare("move_stack") });
                }
                (at, distance) = (at.step(way), distance + 1);
            }
        }
        moves
    }

    /// In a line: open cells, one stack whose cap is not higher, open cells; in all at least as far as the stack is
    /// high.
    pub(super) fn captures_from(&self, from: Point, kind: &'static str) -> Vec<Move> {
        let rings = self.board.rings(from);
        let mut moves = Vec::new();
        for &way in self.shape.directions() {
            let (mut at, mut distance) = (from.step(way), 1);
            while self.board.is_open(at) {
                (at, distance) = (at.step(way), distance + 1);
            }
            let target = at;
            let jumped = self.board.rings(target);
            if jumped.is_empty() || cap(jumped) > cap(rings) {
                continue;
            }
            (at, distance) = (at.step(way), distance + 1);
            while self.board.is_open(at) {
                if distance >= rings.len() {
                    moves.push(Move { from: Some(from), target: Some(target), to: Some(at), ..self.bare(kind) });
                }
                (at, distance) = (at.step(way), distance + 1);
            }
        }
        moves
    }

    /// True if a stack of these rings, on this cell, could move or capture.
    pub(super) fn board_allows_move(&self, from: Point, rings: &[u8]) -> bool {
        self.shape.directions().iter().any(|&way| {
            let (mut at, mut distance) = (from.step(way), 1);
            while self.board.is_open(at) {
                if distance >= rings.len() {
                    return true;
                }
                (at, distance) = (at.step(way), distance + 1);
            }
            let jumped = self.board.rings(at);
            if jumped.is_empty() || cap(jumped) > cap(rings) {
                return false;
            }
            (at, distance) = (at.step(way), distance + 1);
            while self.board.is_open(at) {
                if distance >= rings.len() {
                    return true;
                }
                (at, distance) = (at.step(way), distance + 1);
            }
            false
        })
    }

    pub(super) fn placements(&self, player: u8) -> Vec<Move> {
        self.placements_until(player, usize::MAX)
    }

    /// One to three rings on an empty cell, one on a stack. If some number of rings could go on from there, so may be
    /// placed every smaller number, stuck or not. Stops when there are enough.
    pub(super) fn placements_until(&self, player: u8, enough: usize) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.hand_of(player) == 0 {
            return moves;
        }
        for to in self.shape.cells() {
            let below = self.board.rings(to);
            let most = match self.board.get(to) {
                Some(Content::Empty) => 3.min(self.hand_of(player)),
                Some(Content::Stack(_)) => 1,
                _ => 0,
            };
            let goes_on = |count: &u16| {
                let rings = [below, &vec![player; usize::from(*count)]].concat();
                self.board_allows_move(to, &rings)
            };
            let largest = (1..=most).rev().find(goes_on).unwrap_or(0);
            let kind = Move::bare("place_ring", player);
            moves.extend((1..=largest).map(|count| Move { to: Some(to), count: Some(count as u8), ..kind.clone() }));
            if moves.len() >= enough {
                break;
            }
        }
        moves
    }

    /// A stack can move or capture, or meets another stack no nearer than it must go.
    pub(super) fn seems_able_to_move(&self) -> bool {
        self.board.stacks_of(self.player).into_iter().any(|from| {
            let rings = self.board.rings(from);
            let meets = |&way: &(i8, i8)| {
                let (mut at, mut distance) = (from.step(way), 1);
                while self.board.is_open(at) {
                    (at, distance) = (at.step(way), distance + 1);
                }
                !self.board.rings(at).is_empty() && distance >= rings.len()
            };
            self.board_allows_move(from, rings) || self.shape.directions().iter().any(meets)
        })
    }
}
