//! The directories of jobs. Each is there before its unit starts, which sees no other, and belongs to the coordinator's
//! user and the jobs' group: an attempt runs as a user that nobody knows before, and the next one as another.
use crate::contract::ids::JobId;
use crate::platform::clock::now_us;
use nix::unistd::geteuid;
use std::fs::{DirBuilder, Permissions, rename, set_permissions, symlink_metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// What its group may do: everything. The group comes from the directory of all jobs.
const MODE: u32 = 0o770;

/// Makes the directory of a job, if it is not there. What lies there and is not ours is put aside.
pub fn make(jobs: &Path, id: &JobId) -> io::Result<()> {
    let folder = jobs.join(id.as_str());
    match symlink_metadata(&folder) {
        Ok(found) if found.is_dir() && found.uid() == geteuid().as_raw() => {
            return set_permissions(&folder, Permissions::from_mode(MODE));
        }
        Ok(_) => rename(&folder, jobs.join(format!("{id}.{}", now_us())))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    DirBuilder::new().mode(MODE).create(&folder)?;
    // Past the umask; and without the set-group-id bit, which nobody may give to what he makes there.
    set_permissions(&folder, Permissions::from_mode(MODE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_for_its_group_and_made_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let id = JobId::new("a-1").expect("an id");
        make(dir.path(), &id).expect("made");
        std::fs::write(dir.path().join("a-1/kept"), "x").expect("written");
        make(dir.path(), &id).expect("made again");
        assert!(dir.path().join("a-1/kept").exists());
        assert_eq!(symlink_metadata(dir.path().join("a-1")).expect("there").mode() & 0o7777, MODE);
    }

    #[test]
    fn a_link_in_its_place_is_put_aside() {
        let dir = tempfile::tempdir().expect("a directory");
        let id = JobId::new("a-1").expect("an id");
        std::os::unix::fs::symlink("/etc", dir.path().join("a-1")).expect("linked");
        make(dir.path(), &id).expect("made");
        assert!(symlink_metadata(dir.path().join("a-1")).expect("there").is_dir());
    }
}
