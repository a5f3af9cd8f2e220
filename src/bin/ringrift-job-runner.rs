//! The main process of a job's unit.
fn main() -> std::process::ExitCode {
    ringrift::jobrunner::main()
}
