//! Choosing moves: evaluators, Gumbel search, and the players built from them.

pub mod gumbel;
pub mod heuristic;
pub mod player;
mod tree;

pub use gumbel::{Gumbel, SearchConfig, SearchResult};
pub use heuristic::HeuristicEvaluator;
pub use player::{Player, PlayerSpec};

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::game::{MAX_PLAYERS, Move, Outcome, State};

/// The random numbers of a game: a named algorithm, so a seed means the same game on each machine.
pub type GameRng = Xoshiro256PlusPlus;

/// Judges positions for the search.
pub trait Evaluator {
    /// Fills one logit per legal move and returns the value of each colour (−1 to 1).
    fn evaluate(&mut self, state: &State, moves: &[Move], logits: &mut Vec<f32>) -> [f32; MAX_PLAYERS];
}

/// The random numbers of game `index` under a job's seed.
pub fn game_rng(seed: u64, index: u64) -> GameRng {
    let mut mixer = GameRng::seed_from_u64(seed);
    let base = mixer.next_u64();
    GameRng::seed_from_u64(base ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A uniform number in (0, 1).
pub fn open01(rng: &mut GameRng) -> f64 {
    ((rng.random::<u64>() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// A uniform index below `n`, which is at least 1.
pub fn below(rng: &mut GameRng, n: usize) -> usize {
    (open01(rng) * n as f64) as usize
}

/// What an outcome is worth to each colour: from 1 for the first place evenly down to −1 for the last.
pub fn outcome_values(outcome: &Outcome, players: u8) -> [f32; MAX_PLAYERS] {
    let mut values = [0.0; MAX_PLAYERS];
    for (value, &rank) in values.iter_mut().zip(&outcome.rank).take(usize::from(players)) {
        *value = 1.0 - 2.0 * f32::from(rank) / f32::from(players - 1);
    }
    values
}
