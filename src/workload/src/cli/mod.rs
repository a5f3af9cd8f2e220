//! The command line: one verb, one file.

mod bench;
mod check;
mod duel;
mod init;
mod play;
mod screen;
mod show;
mod strength;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::contract::StageArgs;
use crate::failure::Failure;

/// The built-in workload of ringrift: the game RingRift played, learned and judged on a CPU
#[derive(Debug, Parser)]
#[command(name = "ringrift-workload", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Play the games of a job into a shard, games.db
    Selfplay(StageArgs),
    /// Turn shards into samples.npz
    Export(StageArgs),
    /// Learn a model from sample files
    #[command(alias = "train")]
    Training(StageArgs),
    /// Try a candidate against the champion and the baselines
    #[command(alias = "evaluate")]
    Evaluation(StageArgs),
    /// Write the untrained network of a configuration
    Init(init::Args),
    /// List the games of a shard, or draw one
    Show(show::Args),
    /// Play against a model in the terminal
    Play(play::Args),
    /// Check the rules against recorded games and vectors
    Verify(verify::Args),
    /// Say whether the suite would accept a result
    CheckResult(check::ResultArgs),
    /// Say whether a stage would take parameters
    CheckParams(check::ParamsArgs),
    /// Measure speed and memory
    Bench(bench::Args),
    /// Play a match between two players
    Duel(duel::Args),
    /// Judge a learning run, generation by generation
    Strength(strength::Args),
}

/// Runs the command line; the exit code is that of the contract.
pub fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Selfplay(args) => crate::contract::stage::run(args, "selfplay", crate::records::selfplay::run),
        Verb::Export(args) => crate::contract::stage::run(args, "export", crate::export::run),
        Verb::Training(args) => crate::contract::stage::run(args, "training", crate::train::run),
        Verb::Evaluation(args) => crate::contract::stage::run(args, "evaluation", crate::judge::run),
        Verb::Init(args) => init::run(&args),
        Verb::Show(args) => show::run(&args),
        Verb::Play(args) => play::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::CheckResult(args) => check::result(&args),
        Verb::CheckParams(args) => check::params(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Duel(args) => duel::run(&args),
        Verb::Strength(args) => strength::run(&args),
    };
    report(done)
}

fn report(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            crate::say::note(format_args!("ringrift-workload: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn config(text: &str) -> Result<crate::game::GameConfig, String> {
    text.parse().map_err(|e: crate::game::UnknownConfig| e.to_string())
}
