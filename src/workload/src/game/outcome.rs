//! How a game ends: the winner, the reason, and every player's place.

use super::board::MAX_PLAYERS;
use super::cells::NOBODY;
use super::state::{Phase, State};

/// How a game ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Enough eliminated rings.
    RingElimination,
    /// Enough territory.
    TerritoryControl,
    /// The only player with rings left, or the only one with real actions for three rounds.
    LastPlayerStanding,
    /// Nobody can do anything.
    Stalemate,
}

impl Reason {
    /// The wire name, as in `ring_elimination`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RingElimination => "ring_elimination",
            Self::TerritoryControl => "territory_control",
            Self::LastPlayerStanding => "last_player_standing",
            Self::Stalemate => "stalemate",
        }
    }
}

/// The end of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// The winner, 0-based (a colour; see [`State::seat`]).
    pub winner: u8,
    /// Why the game ended.
    pub reason: Reason,
    /// Place of each player (0 = winner, no ties), entries past the number of players are 255.
    pub rank: [u8; MAX_PLAYERS],
}

impl State {
    /// The end of the game, if it has ended.
    pub fn outcome(&self) -> Option<Outcome> {
        if self.head.phase != Phase::GameOver {
            return None;
        }
        let players = self.head.config.players;
        let mut order: [u8; MAX_PLAYERS] = [0, 1, 2, 3];
        let order = &mut order[..usize::from(players)];
        order.sort_unstable_by_key(|&p| std::cmp::Reverse((p == self.head.winner, self.standing_key(p))));
        let mut rank = [NOBODY; MAX_PLAYERS];
        for (place, &p) in order.iter().enumerate() {
            rank[usize::from(p)] = place as u8;
        }
        Some(Outcome { winner: self.head.winner, reason: self.head.reason, rank })
    }

    /// What places a player at the end: territory (all collapsed cells), eliminated rings (with those in hand),
    /// markers, having moved last; then the lower number, so that no two players tie.
    pub(super) fn standing_key(&self, player: u8) -> (u16, u16, u16, bool, u8) {
        let p = usize::from(player);
        let h = &self.head;
        (h.collapsed[p], h.eliminated[p] + h.hand[p], h.markers[p], h.last_actor == player, u8::MAX - player)
    }

    pub(super) fn finish(&mut self, winner: u8, reason: Reason) {
        let h = &mut self.head;
        h.phase = Phase::GameOver;
        h.winner = winner;
        h.reason = reason;
        h.player = winner;
    }
}
