//! `ringrift-dlq-retry`: the daemon DLQ_RETRY.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::event::dlq_retry::DlqRetry>()
}
