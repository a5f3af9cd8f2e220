//! The coordinator.
fn main() -> std::process::ExitCode {
    ringrift::coordinator::main()
}
