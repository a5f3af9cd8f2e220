//! Rule 7: recovery.

use super::Game;
use super::board::{Content, Point};
use super::moves::Move;

impl Game {
    /// No stack, a marker on the board, and a ring buried in another's stack.
    pub(super) fn may_recover(&self) -> bool {
        self.board.stacks_of(self.player).is_empty()
            && !self.board.markers_of(self.player).is_empty()
            && !self.board.stacks_burying(self.player).is_empty()
    }

    /// The slides that complete a line; only if there are none, all others and the strikes.
    pub(super) fn recoveries(&self) -> Vec<Move> {
        let (mut lines, mut others) = (Vec::new(), Vec::new());
        let payer = self.board.stacks_burying(self.player)[0];
        for from in self.board.markers_of(self.player) {
            for to in self.shape.directions().iter().map(|&way| from.step(way)) {
                let slide =
                    |mode| Move { from: Some(from), to: Some(to), mode: Some(mode), ..self.bare("recovery_slide") };
                match self.board.get(to) {
                    Some(Content::Stack(_)) => others.push(Move { extraction: Some(payer), ..slide("stack_strike") }),
                    Some(Content::Empty) => {
                        others.push(Move { extraction: Some(payer), ..slide("fallback") });
                        if let Some(line) = self.line_after_slide(from, to) {
                            lines.push(Move { option: Some(1), ..slide("line") });
                            let length = self.shape.line_length(self.players);
                            if line.len() > length {
                                lines.push(Move {
                                    option: Some(2),
                                    collapsed: Some(line[..length].to_vec()),
                                    ..slide("line")
                                });
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        if lines.is_empty() { others } else { lines }
    }

    /// The line through the destination on the first axis that has one, once the marker has slid.
    fn line_after_slide(&self, from: Point, to: Point) -> Option<Vec<Point>> {
        let mine = |at: Point| at != from && self.board.is_marker_of(at, self.player);
        self.shape.axes().iter().find_map(|&way| {
            let mut first = to;
            while mine(first.back(way)) {
                first = first.back(way);
            }
            let mut line = vec![first];
            let mut next = first.step(way);
            while next == to || mine(next) {
                line.push(next);
                next = next.step(way);
            }
            (line.len() >= self.shape.line_length(self.players)).then_some(line)
        })
    }

    pub(super) fn recover(&mut self, mv: &Move) {
        let (from, to) = (mv.from.expect("a marker"), mv.to.expect("a destination"));
        let line = self.line_after_slide(from, to);
        if mv.option == Some(2) {
            let taken = mv.collapsed.as_ref().expect("markers");
            if taken.contains(&to) {
                self.board.set(from, Content::Empty);
                taken.iter().for_each(|&at| self.collapse(at));
            }
            return;
        }
        let payer = self.board.stacks_burying(self.player)[0];
        self.board.set(from, Content::Empty);
        match mv.mode {
            Some("stack_strike") => self.eliminate_top(to, 1),
            Some("line") => line.expect("a line").into_iter().for_each(|at| self.collapse(at)),
            _ => self.board.set(to, Content::Marker(self.player)),
        }
        self.eliminate_lowest(payer);
    }
}
