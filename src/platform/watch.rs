//! Waiting for one file in a directory to be written, replaced or removed.
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsString;
use std::path::Path;

/// A watch on one name in a directory.
pub struct Watch {
    inotify: Inotify,
    name: OsString,
}

impl Watch {
    /// Watches `directory/name`; the directory must be there, the file need not.
    pub fn new(directory: &Path, name: &str) -> std::io::Result<Watch> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
        let changes = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_DELETE;
        inotify.add_watch(directory, changes)?;
        Ok(Watch { inotify, name: name.into() })
    }

    /// Returns at the file's next change.
    pub fn wait(&self) -> std::io::Result<()> {
        loop {
            match self.inotify.read_events() {
                Ok(events) if events.iter().any(|e| e.name.as_ref() == Some(&self.name)) => return Ok(()),
                // A lost event may have been ours.
                Ok(events) if events.iter().any(|e| e.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)) => return Ok(()),
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}
