//! The command line.
use super::attempt::JobDir;
use crate::contract::ids::JobId;
use crate::contract::paths;
use crate::contract::workload::JobType;
use clap::Parser;
use std::path::PathBuf;

/// Runs one job of ringrift, or reports how its unit ended.
#[derive(Debug, Clone, Parser)]
#[command(name = "ringrift-job-runner", version)]
pub struct Args {
    /// The job, the unit's instance (%i)
    #[arg(value_name = "JOB", value_parser = |text: &str| JobId::new(text))]
    pub job: JobId,
    /// The type that the unit is for; a job of another type is refused
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type)]
    pub kind: Option<JobType>,
    /// Report how the unit ended ($SERVICE_RESULT, $EXIT_CODE, $EXIT_STATUS), as ExecStopPost=
    #[arg(long)]
    pub finish: bool,
    /// Folder with one folder a job
    #[arg(long, value_name = "DIR", default_value = paths::JOBS)]
    pub jobs: PathBuf,
    /// Socket of org.ringrift.Job
    #[arg(long, value_name = "PATH", default_value = paths::JOB_SOCKET)]
    pub socket: PathBuf,
    /// Folder of the job's own whose content counts as the job's files do; may be given more than once
    #[arg(long, value_name = "DIR")]
    pub also: Vec<PathBuf>,
    /// Where the links to the current models are
    #[arg(long, value_name = "DIR", default_value = paths::CURRENT_MODELS)]
    pub current: PathBuf,
}

impl Args {
    /// The job's folder.
    pub fn folder(&self) -> JobDir {
        JobDir(self.jobs.join(self.job.as_str()))
    }
}

fn job_type(text: &str) -> Result<JobType, String> {
    JobType::from_name(text)
        .ok_or_else(|| format!("unknown job type; must be one of {}", JobType::ALL.map(JobType::name).join(", ")))
}
