//! The OnFailure= handler.
fn main() -> std::process::ExitCode {
    ringrift::failure::main()
}
