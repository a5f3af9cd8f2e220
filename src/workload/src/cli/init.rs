//! `init`: writes the untrained network of a configuration, the same bytes on each machine.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::game::GameConfig;
use crate::nn::Model;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration, as in square8_2p
    #[arg(long, value_parser = super::config)]
    config: GameConfig,
    /// File to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let model = Model::untrained(args.config)?;
    model.save(&args.output)?;
    crate::say::line(format_args!("{}  {}", model.sha256, args.output.display()));
    Ok(())
}
