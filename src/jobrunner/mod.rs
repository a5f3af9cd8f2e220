//! The job-runner: main process of a job's unit. It takes the job, runs the workload's command as its child, keeps the
//! lease, and at the end verifies the output. It restarts nothing. With `--finish` it is the unit's ExecStopPost= and
//! reports how it ended.
mod args;
mod attempt;
mod cgroup;
mod child;
mod finish;
mod keeper;
mod modes;
mod output;
mod quota;
mod relay;
mod run;
mod take;
mod verify;

use crate::contract::error::chain;
use crate::platform::journal;
use args::Args;
use clap::Parser as _;
use std::process::ExitCode;

/// The program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    journal::init("ringrift-job-runner");
    let done = if args.finish { finish::finish(&args).map(|()| 0) } else { run::run(&args) };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            tracing::error!("{}", chain(&failure));
            if let Some(hint) = &failure.hint {
                tracing::error!("{hint}");
            }
            failure.exit.into()
        }
    }
}
