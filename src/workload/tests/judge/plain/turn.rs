//! The course of a turn, and the ways to win (rules 6, 8 and 9).

use super::board::{Content, Point};
use super::moves::Move;
use super::{Game, Rounds, phase};

impl Game {
    /// Makes a legal move.
    pub fn play(&mut self, mv: &Move) {
        let turn_ends = self.make(mv);
        if !self.somebody_has_won(mv.player) && turn_ends {
            self.next_turn();
        }
    }

    /// What a move does to the board, and which step follows; true if the turn ends with it.
    fn make(&mut self, mv: &Move) -> bool {
        let cell = || mv.to.expect("a cell");
        match mv.kind {
            "place_ring" => self.place(cell(), mv.count.expect("a number of rings")),
            "skip_placement" | "no_placement_action" => self.phase = phase::MOVEMENT,
            "move_stack" => {
                self.move_stack(mv);
                self.after_leg(cell(), phase::CAPTURE);
            }
            "overtaking_capture" | "continue_capture_segment" => {
                self.move_stack(mv);
                self.after_leg(cell(), phase::CHAIN);
            }
            "skip_capture" | "no_movement_action" | "skip_recovery" => self.go_to_lines(),
            "recovery_slide" => {
                self.recover(mv);
                (self.did_something, self.slid) = (true, true);
                self.go_to_lines();
            }
            "process_line" | "choose_line_option" => {
                self.did_something = true;
                self.take_line(mv);
            }
            "no_line_action" => {
                let forced = self.must_eliminate() && self.regions().is_empty();
                self.phase = if forced { phase::FORCED } else { phase::TERRITORY };
            }
            "choose_territory_option" => {
                self.did_something = true;
                self.take_region(mv);
            }
            "skip_territory_processing" | "no_territory_action" if self.must_eliminate() => self.phase = phase::FORCED,
            "skip_territory_processing" | "no_territory_action" => return true,
            "eliminate_rings_from_stack" => {
                match self.owes.take() {
                    Some("line") => self.eliminate_top(cell(), 1),
                    Some("recovery") => self.eliminate_lowest(cell()),
                    _ => self.eliminate_cap(cell()),
                }
                // Lines that are left wait for a later turn; regions do not.
                self.phase = phase::TERRITORY;
                return self.regions().is_empty();
            }
            "forced_elimination" => {
                self.eliminate_cap(cell());
                return true;
            }
            "swap_sides" => self.swap_rule = false,
            other => panic!("no move is called {other}"),
        }
        false
    }

    fn place(&mut self, to: Point, count: u8) {
        let rings = [self.board.rings(to), &vec![self.player; usize::from(count)]].concat();
        self.board.set_stack(to, rings);
        self.hand[usize::from(self.player)] -= u16::from(count);
        self.must = Some(to);
        self.did_something = true;
        self.phase = phase::MOVEMENT;
    }

    /// A stack leaves a marker, turns or collapses the markers that it passes, takes the top ring of a stack that it
    /// jumps under itself, and loses its own top ring when it lands on a marker, which goes.
    fn move_stack(&mut self, mv: &Move) {
        let (from, to) = (mv.from.expect("a stack"), mv.to.expect("a landing"));
        let way = ((to.x - from.x).signum(), (to.y - from.y).signum());
        let mut rings = self.board.rings(from).to_vec();
        self.board.set(from, Content::Marker(self.player));
        let mut at = from.step(way);
        while at != to {
            if mv.target == Some(at) {
                let mut jumped = self.board.rings(at).to_vec();
                rings.insert(0, jumped.pop().expect("a stack is jumped"));
                self.board.set_stack(at, jumped);
            } else if self.board.is_marker_of(at, self.player) {
                self.board.set(at, Content::Territory(self.player));
                // Recorded games forget the cells that a capture collapses in their count of territory.
                self.recorded[usize::from(self.player)] += u16::from(mv.target.is_none());
            } else if self.board.is_marker(at) {
                self.board.set(at, Content::Marker(self.player));
            }
            at = at.step(way);
        }
        let on_marker = self.board.is_marker(to);
        self.board.set_stack(to, rings);
        if on_marker {
            self.eliminate_top(to, 1);
        }
        self.did_something = true;
    }

    /// From where a stack has landed it may capture, and after a capture it must.
    fn after_leg(&mut self, at: Point, more: &'static str) {
        let mine = self.board.rings(at).last() == Some(&self.player);
        if mine && !self.captures_from(at, "").is_empty() {
            self.must = Some(at);
            self.phase = more;
        } else {
            self.go_to_lines();
        }
    }

    fn go_to_lines(&mut self) {
        self.must = None;
        self.phase = phase::LINES;
    }

    /// Stacks, and nothing done in this turn.
    fn must_eliminate(&self) -> bool {
        !self.did_something && !self.board.stacks_of(self.player).is_empty()
    }

    /// The next player with a ring anywhere begins a turn.
    fn next_turn(&mut self) {
        let after = |player: u8| player % self.players + 1;
        let mut next = after(self.player);
        while !self.has_rings(next) && next != self.player {
            next = after(next);
        }
        self.player = next;
        self.phase = phase::PLACEMENT;
        (self.must, self.owes) = (None, None);
        (self.did_something, self.slid) = (false, false);
        self.turns += 1;
        self.count_rounds();
    }

    /// Three rounds in a row with one and the same player able to act, who still is when the turn comes, end the game.
    fn count_rounds(&mut self) {
        let me = self.player;
        let mut rounds = std::mem::take(&mut self.rounds);
        if !rounds.first.is_some_and(|first| self.has_rings(first)) {
            rounds = Rounds { first: Some(me), alone: rounds.alone, ..Rounds::default() };
        } else if rounds.first == Some(me) && !rounds.seen.is_empty() {
            let able: Vec<u8> =
                rounds.seen.iter().filter(|&(&p, &able)| able && self.has_rings(p)).map(|(&p, _)| p).collect();
            rounds.alone = match (&able[..], rounds.alone) {
                (&[only], Some((before, times))) if only == before => Some((only, times + 1)),
                (&[only], _) => Some((only, 1)),
                _ => None,
            };
            rounds.seen.clear();
        }
        rounds.seen.insert(me, self.can_act(me));
        let wins = rounds.alone.is_some_and(|(only, times)| only == me && times >= 3) && self.can_act(me);
        self.rounds = rounds;
        if wins && !(1..=self.players).any(|p| p != me && self.can_act(p)) {
            self.end(me);
        }
    }

    fn somebody_has_won(&mut self, mover: u8) -> bool {
        let everybody = || 1..=self.players;
        let rings = u32::from(self.shape.rings_per_player());
        // A third of two and of each opponent's share, rounded.
        let enough_rings = (rings * (2 + u32::from(self.players) - 1) * 2 + 3) / 6;
        let half = self.shape.cells().len() / 2;
        if let Some(p) = everybody().find(|&p| u32::from(self.eliminated[usize::from(p)]) >= enough_rings) {
            self.end(p);
        } else if let Some(p) = everybody().find(|&p| self.board.territory_of(p) > half) {
            self.end(p);
        } else if self.board.all_stacks().is_empty() {
            if everybody().all(|p| self.placements_until(p, 1).is_empty()) {
                let standing = |&p: &u8| {
                    let rings = self.eliminated[usize::from(p)] + self.hand_of(p);
                    (
                        self.board.territory_of(p),
                        rings,
                        self.board.markers_of(p).len(),
                        p == mover,
                        std::cmp::Reverse(p),
                    )
                };
                let best = everybody().max_by_key(standing).expect("players");
                self.end(best);
            }
        } else {
            let alive: Vec<u8> = everybody().filter(|&p| self.has_rings(p)).collect();
            if let [only] = alive[..] {
                self.end(only);
            }
        }
        self.winner.is_some()
    }

    fn end(&mut self, winner: u8) {
        self.winner = Some(winner);
        self.player = winner;
        self.phase = phase::OVER;
    }
}
