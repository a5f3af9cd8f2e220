//! One stage run under the contract: where the job and its output are, and the order in which results appear.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::job::Job;
use super::report::Reporter;
use super::result::StageResult;
use super::stop::Stop;
use crate::failure::Failure;

/// How a stage command is given its job: by the job-runner's variables, or by hand.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct StageArgs {
    /// Job description (JSON)
    #[arg(long, value_name = "FILE", env = "RINGRIFT_JOB_FILE")]
    pub job: PathBuf,
    /// Directory for the output
    #[arg(long, value_name = "DIR", env = "RINGRIFT_OUTPUT_DIR")]
    pub output: PathBuf,
    /// Output directory of the previous attempt, whose finished games or checkpoint are taken over
    #[arg(long, value_name = "DIR", env = "RINGRIFT_PREVIOUS_DIR")]
    pub previous: Option<PathBuf>,
}

/// What a stage works with.
#[derive(Debug)]
pub struct Stage<P> {
    /// The job.
    pub job: Job<P>,
    /// Where output goes.
    pub output: PathBuf,
    /// The previous attempt's output.
    pub previous: Option<PathBuf>,
    /// Progress.
    pub reporter: Reporter,
    /// Whether to stop.
    pub stop: Stop,
}

/// Runs a stage: reads the job, does the work, writes `result.json` last.
pub fn run<P: DeserializeOwned>(
    args: StageArgs,
    name: &str,
    work: impl FnOnce(&mut Stage<P>) -> Result<StageResult, Failure>,
) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let reporter = Reporter::from_environment()?;
    let job = Job::read(&args.job, name)?;
    let done = args.output.join("result.json");
    if done.exists() {
        return Err(Failure::Usage(format!(
            "{} exists already: this job is done; give a fresh output directory",
            done.display()
        )));
    }
    std::fs::create_dir_all(&args.output).map_err(|e| Failure::io("creating", &args.output, &e))?;
    let previous = args.previous.filter(|p| Path::new(p) != args.output);
    let mut stage = Stage { job, output: args.output, previous, reporter, stop };
    let result = work(&mut stage)?;
    result.write(&stage.output)
}
