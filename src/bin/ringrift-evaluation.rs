//! `ringrift-evaluation`: the daemon EVALUATION.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::evaluation::evaluation::Evaluation>()
}
