//! The disk that a job may use: looked at while the workload runs and once more at its end. A job that is beyond it is
//! ended.
use super::child::Running;
use crate::contract::job_file::Quota;
use crate::platform::job_files::{OverQuota, usage};
use crate::platform::threads;
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Between two checks at least; with it what is too much is found within two seconds.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// A look takes one part in this many of the time.
const SHARE: u32 = 10;

#[derive(Debug)]
struct Shared {
    folders: Vec<PathBuf>,
    quota: Option<Quota>,
    over: OnceLock<OverQuota>,
}

impl Shared {
    fn look(&self) -> Option<OverQuota> {
        if self.over.get().is_none()
            && let Some(quota) = self.quota
            && let Err(over) = usage(&self.folders, quota)
        {
            return Some(*self.over.get_or_init(|| over));
        }
        self.over.get().copied()
    }
}

/// The watch over a job's disk; it ends when this is dropped.
#[derive(Debug)]
pub struct DiskWatch {
    shared: Arc<Shared>,
    _end: Sender<()>,
}

/// The pause after a look that took so long.
fn pause(took: Duration) -> Duration {
    MIN_CHECK_INTERVAL.max(took * (SHARE - 1))
}

impl DiskWatch {
    /// Starts to look at the directories. Without a quota, as from a coordinator of an earlier version, nothing is
    /// looked at.
    pub fn start(folders: Vec<PathBuf>, quota: Option<Quota>, child: Arc<Running>) -> std::io::Result<DiskWatch> {
        let shared = Arc::new(Shared { folders, quota, over: OnceLock::new() });
        let (end, ended) = mpsc::channel::<()>();
        let theirs = Arc::clone(&shared);
        if quota.is_some() {
            threads::part("disk", move || {
                let mut rest = MIN_CHECK_INTERVAL;
                while ended.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
                    let begin = Instant::now();
                    if let Some(over) = theirs.look() {
                        tracing::error!("{over}; killing the workload");
                        child.signal(Signal::SIGKILL);
                        return;
                    }
                    rest = pause(begin.elapsed());
                }
            })?;
        }
        Ok(DiskWatch { shared, _end: end })
    }

    /// Which limit the job passed, if it did, at the end of its workload: also one that died of its largest file, or
    /// wrote on to the end.
    pub fn passed(&self, ended: ExitStatus) -> Option<OverQuota> {
        let stopped_by_size = ended.signal().or(ended.code().map(|code| code - 128)) == Some(Signal::SIGXFSZ as i32);
        let size = self.shared.quota.filter(|_| stopped_by_size).map(|quota| OverQuota::Size { most: quota.bytes });
        self.shared.look().or(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_never_takes_more_than_a_tenth_of_the_time() {
        for milliseconds in [0, 1, 100, 5_000, 600_000] {
            let took = Duration::from_millis(milliseconds);
            assert!(pause(took) >= MIN_CHECK_INTERVAL && took * SHARE <= took + pause(took), "{took:?}");
        }
    }

    #[test]
    fn a_workload_that_died_of_its_largest_file_passed_its_quota() {
        let quota = Some(Quota { bytes: 1000, files: 10 });
        let shared = Shared { folders: vec![], quota, over: OnceLock::new() };
        let watch = DiskWatch { shared: Arc::new(shared), _end: mpsc::channel().0 };
        for raw in [Signal::SIGXFSZ as i32, (128 + Signal::SIGXFSZ as i32) << 8] {
            assert_eq!(watch.passed(ExitStatus::from_raw(raw)), Some(OverQuota::Size { most: 1000 }));
        }
        assert_eq!(watch.passed(ExitStatus::from_raw(0)), None);
    }
}
