//! `ringrift-work-queue-monitor`: the daemon WORK_QUEUE_MONITOR.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::health::work_queue_monitor::WorkQueueMonitor>()
}
