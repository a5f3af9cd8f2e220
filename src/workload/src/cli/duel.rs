//! `duel`: a match of paired games between any two players.

use crate::contract::Stop;
use crate::failure::Failure;
use crate::game::GameConfig;
use crate::judge::matches::{MatchConfig, Tally, play_pair};
use crate::judge::sprt::elo_interval;
use crate::records::selfplay::move_limit;
use crate::search::{Player, PlayerSpec, SearchConfig};

/// Arguments of `duel`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// First player: random, heuristic, mcts:N, policy:FILE, model:FILE
    first: PlayerSpec,
    /// Second player
    second: PlayerSpec,
    /// Configuration
    #[arg(long, value_parser = super::config, default_value = "square8_2p")]
    config: GameConfig,
    /// Number of games
    #[arg(long, default_value_t = 100)]
    games: u64,
    /// Search budget of models
    #[arg(long, default_value_t = 16)]
    simulations: usize,
    /// Random choices that open each pair
    #[arg(long, default_value_t = 6)]
    opening: usize,
    /// Whether the second of two players may swap sides
    #[arg(long)]
    swap_rule: bool,
    /// Seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let search = SearchConfig { simulations: args.simulations, ..SearchConfig::default() };
    let mut first = Player::new(&args.first, args.config, search)?;
    let mut second = Player::new(&args.second, args.config, search)?;
    let max_moves = move_limit(args.config.board, 0);
    let m = MatchConfig {
        config: args.config,
        opening: args.opening,
        swap_rule: args.swap_rule,
        max_moves,
        seed: args.seed,
    };
    let stop = Stop::on_signals()?;
    let (mut tally, mut moves) = (Tally::default(), 0);
    let started = std::time::Instant::now();
    for index in 0..args.games.div_ceil(2) {
        let pair = play_pair(&m, index, &mut first, &mut second, &stop)?;
        moves += pair[0].moves + pair[1].moves;
        tally.add(&pair);
    }
    let (elo, low, high) = elo_interval(&tally.pairs);
    crate::say::line(format_args!(
        "{} wins, {} draws, {} losses in {} games: {:.1} %",
        tally.wins,
        tally.draws,
        tally.losses,
        tally.games(),
        100.0 * tally.win_rate()
    ));
    crate::say::line(format_args!(
        "Elo {elo:+.0} (95 %: {low:+.0} to {high:+.0}), {:.0} moves a game, {:.2} games/s",
        moves as f64 / f64::from(tally.games().max(1)),
        f64::from(tally.games()) / started.elapsed().as_secs_f64()
    ));
    Ok(())
}
