//! `ringrift-workload`: the built-in workload's command line.

fn main() -> std::process::ExitCode {
    ringrift_workload::cli::main()
}
