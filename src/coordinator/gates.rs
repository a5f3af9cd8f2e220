//! Measures what the gates of every grant judge.
use super::change::Change;
use crate::contract::coordinator::GateView;
use crate::coordination::gate::{self, Reading};
use nix::sys::statvfs::statvfs;
use std::path::Path;

/// Used share of the file system that holds `path`, percent, as df counts it: without what is reserved for root.
pub fn disk_used(path: &Path) -> Reading {
    let stat = statvfs(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let used = stat.blocks().checked_sub(stat.blocks_free()).ok_or("more blocks are free than there are")?;
    let ours = used + stat.blocks_available();
    if ours == 0 {
        return Err(format!("{}: a file system without blocks", path.display()));
    }
    Ok(used as f64 * 100.0 / ours as f64)
}

/// Every gate as it stands.
pub fn all(cx: &Change<'_>) -> Vec<GateView> {
    vec![gate::disk(&(cx.state.disk)(), cx.state.config.safeguards.disk)]
}
