//! The modes of what a job leaves behind: the next attempt, which is another user, and the suite's daemons are of its
//! group, read it, go on from it and delete it.
use crate::platform::access::grant;
use std::fs::{read_dir, symlink_metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the group may do with a directory and with a file.
const FOLDER: u32 = 0o770;
const FILE: u32 = 0o660;

/// Opens a job's directory to its group, as far as it is this user's. A directory that cannot be opened up is passed
/// over: it is reported, and a reader that needs it says so again.
pub fn open_up(folder: &Path) {
    let own = nix::unistd::geteuid().as_raw();
    let (mut folders, mut refused) = (vec![folder.to_owned()], None);
    if let Ok(found) = symlink_metadata(folder)
        && found.is_dir()
        && found.uid() == own
        && grant(folder, found.mode(), FOLDER).is_err()
    {
        refused = Some(folder.to_owned());
    }
    while let Some(at) = folders.pop() {
        let Ok(entries) = read_dir(&at) else {
            refused = Some(at);
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            // Links lead elsewhere, and what was removed meanwhile needs nothing.
            let Ok(found) = symlink_metadata(&path) else { continue };
            let wanted = if found.is_dir() { FOLDER } else { FILE };
            if found.uid() == own && (found.is_dir() || found.is_file()) && grant(&path, found.mode(), wanted).is_err()
            {
                refused = Some(path.clone());
            }
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
    if let Some(path) = refused {
        tracing::warn!(path = %path.display(), "some files of the job stay unreadable for its group");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_a_job_closed_is_opened_to_its_group_and_links_are_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (closed, file) = (dir.path().join("a"), dir.path().join("a/b"));
        std::fs::create_dir(&closed).expect("made");
        std::fs::write(&file, "x").expect("written");
        let outside = tempfile::NamedTempFile::new().expect("a file");
        set_permissions(outside.path(), Permissions::from_mode(0o600)).expect("set");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).expect("linked");
        set_permissions(&file, Permissions::from_mode(0o400)).expect("set");
        set_permissions(&closed, Permissions::from_mode(0o000)).expect("set");
        set_permissions(dir.path(), Permissions::from_mode(0o1700)).expect("set");
        open_up(dir.path());
        let mode = |path: &Path| symlink_metadata(path).expect("there").mode() & 0o7777;
        assert_eq!((mode(dir.path()), mode(&closed), mode(&file), mode(outside.path())), (0o770, 0o770, 0o660, 0o600));
    }
}
