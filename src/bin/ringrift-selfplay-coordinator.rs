//! `ringrift-selfplay-coordinator`: the daemon SELFPLAY_COORDINATOR.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::pipeline::selfplay_coordinator::SelfplayCoordinator>()
}
