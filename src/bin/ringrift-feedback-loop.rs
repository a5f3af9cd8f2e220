//! `ringrift-feedback-loop`: the daemon FEEDBACK_LOOP.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::feedback::feedback_loop::FeedbackLoop>()
}
