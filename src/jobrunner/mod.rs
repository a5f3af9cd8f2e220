//! The job-runner: main process of a job's unit. It takes the job, runs the workload's command as its child, keeps the lease, and at
//! the end verifies the output. It restarts nothing. With `--finish` it is the unit's ExecStopPost= and reports how it ended.
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
use crate::contract::ids::JobId;
use crate::contract::paths;
use crate::contract::workload::JobType;
use crate::platform::journal;
use attempt::JobDir;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs one job of ringrift, or reports how its unit ended.
#[derive(Debug, Clone, Parser)]
#[command(name = "ringrift-job-runner", version)]
pub struct Args {
    /// The job, the unit's instance (%i)
    #[arg(value_name = "JOB", value_parser = |text: &str| JobId::new(text))]
    job: JobId,
    /// The type that the unit is for; a job of another type is refused
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type)]
    kind: Option<JobType>,
    /// Report how the unit ended ($SERVICE_RESULT, $EXIT_CODE, $EXIT_STATUS), as ExecStopPost=
    #[arg(long)]
    finish: bool,
    /// Folder with one folder a job
    #[arg(long, value_name = "DIR", default_value = paths::JOBS)]
    jobs: PathBuf,
    /// Socket of org.ringrift.Job
    #[arg(long, value_name = "PATH", default_value = paths::JOB_SOCKET)]
    socket: PathBuf,
    /// Folder of the job's own whose content counts as the job's files do; may be given more than once
    #[arg(long, value_name = "DIR")]
    also: Vec<PathBuf>,
    /// Where the links to the current models are
    #[arg(long, value_name = "DIR", default_value = paths::CURRENT_MODELS)]
    current: PathBuf,
}

impl Args {
    fn folder(&self) -> JobDir {
        JobDir(self.jobs.join(self.job.as_str()))
    }
}

fn job_type(text: &str) -> Result<JobType, String> {
    JobType::from_name(text).ok_or_else(|| format!("no job type; one of {}", JobType::ALL.map(JobType::name).join(", ")))
}

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
