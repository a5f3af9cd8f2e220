//! `ringrift-model-distribution`: the daemon MODEL_DISTRIBUTION.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::distribution::model_distribution::ModelDistribution>()
}
