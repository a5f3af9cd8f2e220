//! `ringrift-health-server`: the daemon HEALTH_SERVER.
fn main() -> std::process::ExitCode {
    ringrift::programs::health_server()
}
