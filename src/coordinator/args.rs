//! The command line. Under systemd nothing is needed: sockets, state and runtime directories come with the unit.
use crate::contract::paths;
use clap::Parser;
use std::path::PathBuf;

/// Owns the job queue, leases and limits, and admits every job.
#[derive(Debug, Clone, Parser)]
#[command(name = "ringrift-coordinator", version)]
pub struct Args {
    /// Socket of org.ringrift.Coordinator; without it the one that systemd passes by the name "coordinator"
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Socket of org.ringrift.Job; without it the one that systemd passes by the name "job"
    #[arg(long, value_name = "PATH")]
    pub job_socket: Option<PathBuf>,
    /// Directory of coordination.db; without it $RINGRIFT_COORDINATOR_DIR, else $STATE_DIRECTORY
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Directory of status.json; without it $RUNTIME_DIRECTORY, and without that none is written
    #[arg(long, value_name = "DIR")]
    pub runtime: Option<PathBuf>,
    /// Directory with one directory a job
    #[arg(long, value_name = "DIR", default_value = paths::JOBS)]
    pub jobs: PathBuf,
    /// The emergency flag file
    #[arg(long, value_name = "PATH", default_value = paths::EMERGENCY_HALT)]
    pub flag: PathBuf,
    /// The same flag where legacy scripts make it
    #[arg(long, value_name = "PATH", default_value = paths::LEGACY_HALT)]
    pub legacy_flag: PathBuf,
    /// Address of the bus with systemd; without it the system bus
    #[arg(long, value_name = "ADDRESS")]
    pub bus: Option<String>,
    /// Socket of the event router
    #[arg(long, value_name = "PATH", default_value = paths::ROUTER_SOCKET)]
    pub router: PathBuf,
}

impl Args {
    /// The emergency flag files.
    pub fn flags(&self) -> Vec<PathBuf> {
        vec![self.flag.clone(), self.legacy_flag.clone()]
    }

    /// The directory of the database.
    pub fn state_directory(&self) -> Option<PathBuf> {
        let moved = || std::env::var_os("RINGRIFT_COORDINATOR_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        self.state.clone().or_else(moved).or_else(|| unit_directory("STATE_DIRECTORY"))
    }
}

/// The first directory of one of systemd's `…_DIRECTORY` variables, which are lists with colons.
pub fn unit_directory(variable: &str) -> Option<PathBuf> {
    let list = std::env::var(variable).ok()?;
    list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
}
