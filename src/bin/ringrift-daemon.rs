//! Runs a daemon from a clone, `cargo run --bin ringrift-daemon -- AUTO_EXPORT`; in the package each daemon has a
//! program of its own.
fn main() -> std::process::ExitCode {
    ringrift::programs::named()
}
