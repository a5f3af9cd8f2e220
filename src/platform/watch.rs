//! Waiting for files in directories to be written, replaced or removed.
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// A watch on one name in a directory.
pub struct Watch {
    inotify: Inotify,
    name: OsString,
}

impl Watch {
    /// Watches `directory/name`; the directory must be there, the file need not.
    pub fn new(directory: &Path, name: &str) -> std::io::Result<Watch> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        inotify.add_watch(directory, changes)?;
        Ok(Watch { inotify, name: name.into() })
    }

    /// Whether the file has changed since the last call. Its descriptor is readable when something in the directory
    /// has.
    pub fn changed(&self) -> bool {
        let mut changed = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    // A lost event may have been ours.
                    changed |= events
                        .iter()
                        .any(|e| e.name.as_ref() == Some(&self.name) || e.mask.contains(AddWatchFlags::IN_Q_OVERFLOW));
                }
                Err(Errno::EINTR) => {}
                Err(_) => return changed,
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The beginning of a file that anybody may have put there; nothing unless it is a regular file: a FIFO would hold up
/// its reader.
pub fn peek(path: &Path, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut text = Vec::new();
    file.take(most).read_to_end(&mut text)?;
    Ok(Some(text))
}

/// A watch on whatever comes into some directories or leaves them.
pub struct Folders(Inotify);

impl Folders {
    /// Watches the directories that are there and that we may see.
    pub fn new<'a>(directories: impl Iterator<Item = &'a Path>) -> std::io::Result<Folders> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
        let changes = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE_SELF;
        for directory in directories {
            match inotify.add_watch(directory, changes) {
                Ok(_) | Err(Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(Folders(inotify))
    }

    /// Returns at the next change, or after so long without one.
    pub fn wait(&self, limit: Duration) -> std::io::Result<()> {
        let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("flag"), "an old script").expect("written");
        assert_eq!(peek(&path("flag"), 6).expect("read").as_deref(), Some(&b"an old"[..]));
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRUSR).expect("made");
        assert_eq!(peek(&path("fifo"), 6).expect("looked at"), None);
        std::os::unix::fs::symlink(path("flag"), path("link")).expect("linked");
        assert!(peek(&path("link"), 6).is_err());
        assert!(peek(&path("absent"), 6).is_err());
    }
}
