//! The steps of a turn after the board has changed, the rounds, and the ways to win.

use super::board::MAX_PLAYERS;
use super::cells::NOBODY;
use super::geometry::NO_CELL;
use super::outcome::Reason;
use super::state::{Debt, Phase, State};

/// Rounds in a row that make the only acting player the last one standing.
const ROUNDS_ALONE: u8 = 3;

impl State {
    pub(super) fn begin_lines(&mut self) {
        self.head.bound = NO_CELL;
        self.head.phase = Phase::LineProcessing;
    }

    /// After the lines: territory, or at once forced elimination when there is nothing to process.
    pub(super) fn begin_territory(&mut self) {
        let must_eliminate = self.must_eliminate() && !self.has_region();
        self.head.phase = if must_eliminate { Phase::ForcedElimination } else { Phase::TerritoryProcessing };
    }

    pub(super) fn after_territory(&mut self) {
        if self.must_eliminate() {
            self.head.phase = Phase::ForcedElimination;
        } else {
            self.end_turn_unless_over();
        }
    }

    /// The player did nothing in this turn although there is a stack of theirs.
    fn must_eliminate(&self) -> bool {
        !self.head.acted && self.stacks(self.head.player) > 0
    }

    /// True if a player has a real action: a placement, a move or a capture.
    pub(super) fn can_act(&self, player: u8) -> bool {
        self.can_move(player) || self.can_place(player)
    }

    /// True if a player has any ring, in hand or on the board.
    fn in_game(&self, player: u8) -> bool {
        let p = usize::from(player);
        self.head.hand[p] > 0 || self.head.rings[p] > 0
    }

    /// Ends the turn unless the move just made has won the game.
    pub(super) fn end_turn_unless_over(&mut self) {
        self.check_victory();
        if self.head.phase == Phase::GameOver {
            return;
        }
        let players = self.head.config.players;
        let after = |p: u8| (p + 1) % players;
        let mut next = after(self.head.player);
        while !self.in_game(next) && next != self.head.player {
            next = after(next);
        }
        let h = &mut self.head;
        h.player = next;
        h.phase = Phase::RingPlacement;
        h.debt = Debt::None;
        h.acted = false;
        h.recovered = false;
        h.bound = NO_CELL;
        h.turns += 1;
        self.count_round();
    }

    /// Books the start of a turn; three rounds with one acting player end the game.
    fn count_round(&mut self) {
        let player = self.head.player;
        let bit = 1 << player;
        let real = self.can_act(player);
        let mut s = self.head.standing;
        if s.first == NOBODY || !self.in_game(s.first) {
            (s.first, s.seen, s.real) = (player, 0, 0);
        } else if player == s.first && s.seen != 0 {
            let acting = (0..self.head.config.players).filter(|&p| s.real >> p & 1 != 0 && self.in_game(p));
            let (count, only) = acting.fold((0, NOBODY), |(n, _), p| (n + 1, p));
            if count == 1 {
                s.rounds = if s.alone == only { s.rounds.saturating_add(1) } else { 1 };
                s.alone = only;
            } else {
                (s.alone, s.rounds) = (NOBODY, 0);
            }
            (s.seen, s.real) = (0, 0);
        }
        s.seen |= bit;
        if real {
            s.real |= bit;
        }
        self.head.standing = s;
        let others = || (0..self.head.config.players).any(|p| p != player && self.can_act(p));
        if s.alone == player && s.rounds >= ROUNDS_ALONE && real && !others() {
            self.finish(player, Reason::LastPlayerStanding);
        }
    }

    /// Ends the game if the board says so. Only the mover gains by a move, so only the mover is asked.
    pub(super) fn check_victory(&mut self) {
        if self.head.phase == Phase::GameOver {
            return;
        }
        let h = &self.head;
        let mover = usize::from(h.player);
        if h.eliminated[mover] >= h.config.elimination_threshold() {
            self.finish(h.player, Reason::RingElimination);
        } else if h.collapsed[mover] >= h.config.territory_threshold() {
            self.finish(h.player, Reason::TerritoryControl);
        } else if h.stacks == [0; MAX_PLAYERS] {
            if !(0..h.config.players).any(|p| self.can_place(p)) {
                self.stalemate();
            }
        } else {
            let mut alive = (0..h.config.players).filter(|&p| self.in_game(p));
            if let (Some(only), None) = (alive.next(), alive.next()) {
                self.finish(only, Reason::LastPlayerStanding);
            }
        }
    }

    fn stalemate(&mut self) {
        let winner = (0..self.head.config.players).max_by_key(|&p| self.standing_key(p)).unwrap_or(0);
        self.finish(winner, Reason::Stalemate);
    }
}
