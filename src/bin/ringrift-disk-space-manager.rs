//! `ringrift-disk-space-manager`: the daemon DISK_SPACE_MANAGER.
fn main() -> std::process::ExitCode {
    ringrift::programs::disk_space_manager()
}
