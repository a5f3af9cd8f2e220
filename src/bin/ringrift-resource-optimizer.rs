//! `ringrift-resource-optimizer`: the daemon RESOURCE_OPTIMIZER.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::resource::resource_optimizer::ResourceOptimizer>()
}
