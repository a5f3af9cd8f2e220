//! `ringrift-cross-process-poller`: the daemon CROSS_PROCESS_POLLER.
fn main() -> std::process::ExitCode {
    ringrift::programs::cross_process_poller()
}
