//! The master loop.
fn main() -> std::process::ExitCode {
    ringrift::master::main()
}
