//! `ringrift-job-scheduler`: the daemon JOB_SCHEDULER.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::queue::job_scheduler::JobScheduler>()
}
