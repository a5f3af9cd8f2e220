//! `ringrift-utilization-optimizer`: the daemon UTILIZATION_OPTIMIZER.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::resource::utilization_optimizer::UtilizationOptimizer>()
}
