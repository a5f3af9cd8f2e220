//! Paired games between two players: the same random opening twice, with the seats exchanged.

use serde::{Deserialize, Serialize};

use super::sprt::Pairs;
use crate::contract::Stop;
use crate::failure::Failure;
use crate::game::{GameConfig, MAX_PLAYERS, State};
use crate::search::{GameRng, Player, below, game_rng, outcome_values};

/// How the games of a match are played.
#[derive(Clone, Copy, Debug)]
pub struct MatchConfig {
    /// The configuration.
    pub config: GameConfig,
    /// Random choices at the start of each game.
    pub opening: usize,
    /// Whether the second of two players may swap sides.
    pub swap_rule: bool,
    /// Moves after which a game counts as drawn.
    pub max_moves: usize,
    /// Seed of the openings.
    pub seed: u64,
}

/// One game of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GameScore {
    /// Seats of the first player (bit n = player n + 1).
    pub seats: u8,
    /// Points of the first player: 0, ½ or 1.
    pub points: f32,
    /// Moves played.
    pub moves: usize,
}

/// The count of a match, from the first player's side.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Tally {
    /// Games won.
    pub wins: u32,
    /// Games drawn.
    pub draws: u32,
    /// Games lost.
    pub losses: u32,
    /// Pairs by points: 0, ½, 1, 1½, 2.
    pub pairs: Pairs,
}

impl Tally {
    /// Games played.
    pub fn games(&self) -> u32 {
        self.wins + self.draws + self.losses
    }

    /// Points of points possible; 0 before the first game.
    pub fn win_rate(&self) -> f64 {
        if self.games() == 0 {
            0.0
        } else {
            (f64::from(self.wins) + f64::from(self.draws) / 2.0) / f64::from(self.games())
        }
    }

    /// Counts a pair.
    pub fn add(&mut self, pair: &[GameScore; 2]) {
        for game in pair {
            match game.points {
                p if p > 0.75 => self.wins += 1,
                p if p < 0.25 => self.losses += 1,
                _ => self.draws += 1,
            }
        }
        self.pairs[((pair[0].points + pair[1].points) * 2.0).round() as usize] += 1;
    }
}

/// Seats of the first player in pair `index`; the other game of the pair has the complement. With three players one
/// side holds one seat and the other two, and the sides change over within the pair.
fn seats(config: GameConfig, index: u64) -> u8 {
    match config.players {
        2 => 0b01,
        3 => 1 << (index % 3),
        _ => [0b0101, 0b0011, 0b1001][(index % 3) as usize],
    }
}

/// Plays pair `index` of a match: the same opening, the seats exchanged.
pub fn play_pair(
    m: &MatchConfig,
    index: u64,
    first: &mut Player,
    second: &mut Player,
    stop: &Stop,
) -> Result<[GameScore; 2], Failure> {
    let mask = seats(m.config, index);
    let all = (1u8 << m.config.players) - 1;
    let a = play(m, index, mask, first, second, stop)?;
    let b = play(m, index, all & !mask, first, second, stop)?;
    Ok([a, b])
}

fn play(
    m: &MatchConfig,
    index: u64,
    mask: u8,
    first: &mut Player,
    second: &mut Player,
    stop: &Stop,
) -> Result<GameScore, Failure> {
    let mut opening: GameRng = game_rng(m.seed, 2 * index);
    let mut rng: GameRng = game_rng(m.seed ^ u64::from(mask), 2 * index + 1);
    let mut state = State::new(m.config, m.swap_rule);
    let mut legal = Vec::new();
    let (mut choices, mut moves) = (0, 0);
    while state.outcome().is_none() && moves < m.max_moves {
        stop.check("the match is dropped")?;
        state.legal_moves(&mut legal);
        if legal.is_empty() {
            return Err(Failure::internal(
                "playing a match",
                format!("no legal move in an unfinished position (seed {}, pair {index})", m.seed),
            ));
        }
        let chosen = match legal.len() {
            1 => 0,
            n if choices < m.opening => {
                choices += 1;
                below(&mut opening, n)
            }
            _ if is_first(mask, &state) => first.choose(&state, &legal, &mut rng),
            _ => second.choose(&state, &legal, &mut rng),
        };
        state.apply(&legal[chosen]);
        moves += 1;
    }
    Ok(GameScore { seats: mask, points: points(mask, &state), moves })
}

/// True if the first player has the seat that moves.
fn is_first(mask: u8, state: &State) -> bool {
    mask >> state.seat(state.to_move()) & 1 == 1
}

/// Points of the first player, whose seats are given; an unfinished game is drawn.
fn points(mask: u8, state: &State) -> f32 {
    let players = state.config().players;
    let values = state.outcome().map_or([0.0; MAX_PLAYERS], |o| state.reseat(outcome_values(&o, players)));
    let mean = |side: bool| {
        let mine = (0..players).filter(|p| (mask >> p & 1 == 1) == side).map(|p| values[usize::from(p)]);
        let (sum, count) = mine.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
        sum / count
    };
    let lead: f32 = mean(true) - mean(false);
    if lead.abs() < 1e-3 { 0.5 } else { f32::from(u8::from(lead > 0.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::MoveKind;

    /// Random games with the swap rule: who moves and who is credited are the seats, also after a swap.
    #[test]
    fn points_go_to_the_seat() {
        let mut swaps = 0;
        for game in 0..40 {
            let (mut rng, mut legal) = (game_rng(7, game), Vec::new());
            let mut state = State::new("square8_2p".parse().expect("a configuration"), true);
            while state.outcome().is_none() {
                state.legal_moves(&mut legal);
                let swap = legal.iter().position(|mv| mv.kind == MoveKind::SwapSides).filter(|_| game % 2 == 0);
                let colour = state.to_move();
                assert_eq!(is_first(0b01, &state), (colour == 0) != state.swapped());
                state.apply(&legal[swap.unwrap_or_else(|| below(&mut rng, legal.len()))]);
            }
            swaps += u32::from(state.swapped());
            let winner = state.outcome().expect("finished").winner;
            let first_won = (winner == 0) != state.swapped();
            assert_eq!(points(0b01, &state), f32::from(u8::from(first_won)));
            assert_eq!(points(0b10, &state), f32::from(u8::from(!first_won)));
        }
        assert!((20..40).contains(&swaps), "{swaps} swaps");
    }
}
