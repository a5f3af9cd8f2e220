//! `ringrift-queue-populator`: the daemon QUEUE_POPULATOR.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::queue::queue_populator::QueuePopulator>()
}
