//! `ringrift-disk-space-manager`: the daemon DISK_SPACE_MANAGER.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::recovery::disk_space_manager::DiskSpaceManager>()
}
