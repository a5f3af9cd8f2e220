//! Waiting for descriptors to become readable.
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Waits until one of them can be read, at most so long. An interruption counts as time that has passed.
pub fn readable(descriptors: &[BorrowedFd<'_>], limit: Duration) -> std::io::Result<bool> {
    let mut waiting: Vec<PollFd<'_>> = descriptors.iter().map(|d| PollFd::new(*d, PollFlags::POLLIN)).collect();
    // Rounded up: a wait that ends a moment early would be repeated until its time has come.
    let limit = PollTimeout::try_from(limit + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
    match poll(&mut waiting, limit) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
