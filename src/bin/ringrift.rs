//! The command line.
fn main() -> std::process::ExitCode {
    ringrift::cli::main()
}
