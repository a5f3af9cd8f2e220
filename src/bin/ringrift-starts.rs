//! Keeps the count of starts honest; systemd runs it around the starts and stops of the suite.
fn main() -> std::process::ExitCode {
    ringrift::starts::main()
}
