//! `strength`: judges a learning run by matches, generation by generation.

use std::path::PathBuf;

use crate::contract::Stop;
use crate::failure::Failure;
use crate::strength::{Plan, judge, redraw};

/// Arguments of `strength`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What scripts/bench-learning left; strength.md, strength.json and strength.svg are written there
    folder: PathBuf,
    /// Games against random, heuristic and the untrained network
    #[arg(long, default_value_t = 100)]
    games: u32,
    /// Games of each promoted generation against the one before; 0: none
    #[arg(long, default_value_t = 400)]
    rematch: u32,
    /// Generations on the curve, at most
    #[arg(long, default_value_t = 8)]
    points: usize,
    /// Search budget of every model
    #[arg(long, default_value_t = 64)]
    simulations: usize,
    /// Seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays nothing: writes table and plot anew from strength.json
    #[arg(long)]
    redraw: bool,
    /// Matches at once; 0: one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// Runs the verb. Ctrl-C ends the matches; what is finished is written.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.games < 2 || args.rematch == 1 || !(1..=800).contains(&args.simulations) {
        return Err(Failure::Usage(
            "--games takes 2 or more, --rematch 0 or at least 2, --simulations 1 to 800".to_owned(),
        ));
    }
    if args.redraw {
        return super::screen::print(&redraw(&args.folder)?);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let plan = Plan {
        games: args.games,
        rematch_games: args.rematch,
        points: args.points,
        simulations: args.simulations,
        seed: args.seed,
        threads: if args.threads == 0 { cores } else { args.threads },
    };
    super::screen::print(&judge(&args.folder, plan, &Stop::on_signals()?)?)
}
