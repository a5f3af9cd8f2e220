//! The directory of notices: written by the process that found the trouble, read by everybody, emptied by the master
//! when a person confirms.
use crate::contract::notice::Notice;
use crate::platform::replace::{Outlives, replace};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The most that a notice's file holds.
const MAX_BYTES: u64 = 64 << 10;
/// The most that are read.
const MAX_FILES: usize = 1000;

/// The directory.
#[derive(Debug, Clone)]
pub struct Notices(PathBuf);

impl Notices {
    /// In this directory.
    pub fn at(folder: impl Into<PathBuf>) -> Notices {
        Notices(folder.into())
    }

    /// Beside the state directory that a file lies in.
    pub fn beside(file: &Path) -> Notices {
        let all_state = file.parent().and_then(Path::parent).unwrap_or(file);
        Notices(all_state.join("notices"))
    }

    fn file(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Writes one, in place of an older one of the same id. A notice that cannot be written is in the journal all the
    /// same.
    pub fn write(&self, notice: &Notice) {
        let write = || -> io::Result<()> {
            match fs::create_dir(&self.0) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
            replace(&self.file(&notice.id), &serde_json::to_vec_pretty(notice)?, 0o644, Outlives::PowerCut)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, folder = %self.0.display(), "cannot write a notice, so `ringrift status` does not \
                show it: {}", notice.what);
        }
    }

    /// All of them, by id. What somebody else put there is passed over.
    pub fn read(&self) -> Vec<Notice> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let trusted = self.trusted();
        let mut found: Vec<Notice> =
            entries.flatten().take(MAX_FILES).filter_map(|entry| read(&entry.path(), &trusted)).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    /// Whether there is one of this id.
    pub fn has(&self, id: &str) -> bool {
        self.file(id).exists()
    }

    /// Removes one; false when there is none.
    pub fn remove(&self, id: &str) -> io::Result<bool> {
        match fs::remove_file(self.file(id)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Users whose files count: root, the directory's owner, the users of the daemons and of the master, and we
    /// ourselves.
    fn trusted(&self) -> Vec<u32> {
        let user = |name| nix::unistd::User::from_name(name).ok().flatten().map(|u| u.uid.as_raw());
        let owner = fs::metadata(&self.0).ok().map(|m| m.uid());
        [Some(0), Some(nix::unistd::geteuid().as_raw()), owner, user("ringrift"), user("ringrift-master")]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn read(path: &Path, trusted: &[u32]) -> Option<Notice> {
    let id = path.file_name()?.to_str()?.strip_suffix(".json").filter(|id| Notice::is_id(id))?;
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || !trusted.contains(&about.uid()) {
        return None;
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let notice: Notice = serde_json::from_slice(&text).ok()?;
    (notice.id == id).then_some(notice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::notice::Subject;

    #[test]
    fn a_notice_stays_until_it_is_removed_and_foreign_files_are_passed_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let notices = Notices::beside(&dir.path().join("event-router/events.db"));
        assert!(notices.read().is_empty());
        let notice = Notice {
            id: Notice::clock_id("events"),
            subject: Subject::Clock { reason: "moved".into() },
            what: "nothing is deleted".into(),
            next: "ringrift config confirm-clock".into(),
            since_us: 1,
        };
        notices.write(&notice);
        notices.write(&notice);
        std::fs::write(dir.path().join("notices/other.json"), serde_json::to_vec(&notice).expect("text"))
            .expect("writes");
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("notices/link.json")).expect("links");
        assert_eq!(notices.read(), std::slice::from_ref(&notice));
        assert!(notices.has(&notice.id));
        assert!(notices.remove(&notice.id).expect("removes"));
        assert!(!notices.remove(&notice.id).expect("nothing"));
    }
}
