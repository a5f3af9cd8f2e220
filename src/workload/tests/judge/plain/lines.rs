//! Rule 4: lines.

use super::board::Point;
use super::moves::Move;
use super::{Game, phase};

impl Game {
    /// The whole straight runs of the player's markers that are long enough, each from its backward end.
    pub(super) fn lines(&self) -> Vec<Vec<Point>> {
        let mut lines = Vec::new();
        for first in self.board.markers_of(self.player) {
            for &way in self.shape.axes() {
                if self.board.is_marker_of(first.back(way), self.player) {
                    continue;
                }
                let run = std::iter::successors(Some(first), |at| Some(at.step(way)));
                let line: Vec<Point> = run.take_while(|&at| self.board.is_marker_of(at, self.player)).collect();
                if line.len() >= self.shape.line_length(self.players) {
                    lines.push(line);
                }
            }
        }
        lines
    }

    pub(super) fn line_moves(&self) -> Vec<Move> {
        if self.owes.is_some() {
            return self.payments();
        }
        let length = self.shape.line_length(self.players);
        let mut moves = Vec::new();
        for line in self.lines() {
            let named = |kind| Move { to: Some(line[0]), line: Some(line.clone()), ..self.bare(kind) };
            moves.push(named("process_line"));
            moves.push(Move { collapsed: Some(line.clone()), ..named("choose_line_option") });
            if line.len() > length {
                let part = |part: &[Point]| Move { collapsed: Some(part.to_vec()), ..named("choose_line_option") };
                moves.extend(line.windows(length).map(part));
            }
        }
        if moves.is_empty() {
            moves.push(self.bare("no_line_action"));
        }
        moves
    }

    /// All of a line collapses for a ring, a part of a longer one for nothing; without a stack all is for nothing.
    pub(super) fn take_line(&mut self, mv: &Move) {
        let line = mv.line.as_ref().expect("a line");
        let taken = mv.collapsed.as_ref().unwrap_or(line);
        taken.iter().for_each(|&at| self.collapse(at));
        if taken.len() == line.len() && !self.board.stacks_of(self.player).is_empty() {
            self.owes = Some("line");
        } else if self.lines().is_empty() {
            self.phase = phase::TERRITORY;
        }
    }

    /// The stacks that can pay what is owed.
    pub(super) fn payments(&self) -> Vec<Move> {
        let stacks = match self.owes {
            Some("recovery") => self.board.stacks_burying(self.player),
            _ => self.board.stacks_of(self.player),
        };
        let pay = |to| Move { to: Some(to), context: self.owes, ..self.bare("eliminate_rings_from_stack") };
        stacks.into_iter().map(pay).collect()
    }
}
