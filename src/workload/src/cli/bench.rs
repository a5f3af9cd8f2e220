//! `bench`: one measurement a call, so that each has a process and a peak of memory of its own.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::game::GameConfig;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to measure
    #[arg(value_enum)]
    what: What,
    /// Configuration
    #[arg(long, value_parser = super::config, default_value = "square8_2p")]
    config: GameConfig,
    /// Seconds to measure for
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Search budget of self-play
    #[arg(long, default_value_t = 16)]
    simulations: usize,
    /// Shard for export
    #[arg(long, value_name = "FILE")]
    shard: Option<PathBuf>,
    /// Sample file for training; where export leaves its own
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// Where self-play leaves its shard
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The measurements.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum What {
    /// Random games a second
    Playouts,
    /// Gumbel self-play moves and games a second, with the untrained default network
    Selfplay,
    /// Samples a second from shard to NPZ
    Export,
    /// Samples a second learned from
    Training,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let time = Duration::from_secs_f64(args.seconds.clamp(0.1, 3600.0));
    let need =
        |file: &Option<PathBuf>, flag: &str| file.clone().ok_or_else(|| Failure::Usage(format!("give {flag} FILE")));
    match args.what {
        What::Playouts => crate::bench::playouts::playouts(args.config, time, 1),
        What::Selfplay => crate::bench::stages::selfplay(args.config, args.simulations, time, args.output.as_deref())?,
        What::Export => crate::bench::stages::export(
            args.config,
            &need(&args.shard, "--shard")?,
            &need(&args.samples, "--samples")?,
        )?,
        What::Training => crate::bench::stages::training(args.config, &need(&args.samples, "--samples")?, time)?,
    }
    crate::bench::memory::print_peak();
    Ok(())
}
