//! `ringrift-idle-resource`: the daemon IDLE_RESOURCE.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::resource::idle_resource::IdleResource>()
}
