//! `ringrift-job-reaper`: the daemon JOB_REAPER.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::queue::job_reaper::JobReaper>()
}
