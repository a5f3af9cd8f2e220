//! How many random games a second one core plays.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::game::{GameConfig, State, playout};

/// Plays random games of a configuration for a time and says games, moves and rates.
pub fn playouts(config: GameConfig, time: Duration, seed: u64) {
    let start = State::new(config, false);
    let mut state = start.clone();
    let mut moves = Vec::new();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (mut games, mut plies, begun) = (0_u64, 0_u64, Instant::now());
    while begun.elapsed() < time {
        state.clone_from(&start);
        playout(&mut state, &mut moves, |n| rng.random_range(..n));
        games += 1;
        plies += u64::from(state.move_count());
    }
    let seconds = begun.elapsed().as_secs_f64();
    crate::say::line(format_args!(
        "{config}: {games} games, {plies} moves in {seconds:.2} s: {:.0} games/s, {:.0} moves/s",
        games as f64 / seconds,
        plies as f64 / seconds
    ));
}
