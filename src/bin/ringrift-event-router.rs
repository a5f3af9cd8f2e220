//! The event router.
fn main() -> std::process::ExitCode {
    ringrift::router::main()
}
