//! `ringrift-training-trigger`: the daemon TRAINING_TRIGGER.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::pipeline::training_trigger::TrainingTrigger>()
}
