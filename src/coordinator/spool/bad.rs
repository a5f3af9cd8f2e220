//! The folder for spooled entries of no use: the coordinator's own, bounded in number and bytes, for an operator to look at.
use super::entries::{Entry, Kind, LARGEST};
use crate::contract::text::Line;
use crate::coordinator::speakers::is_ours;
use crate::platform::clock::now_us;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Its name in the spool folder.
const NAME: &str = "bad";
/// Entries that are kept; beyond them the oldest go.
const MAX_KEPT: usize = 64;
/// Bytes of them.
const MAX_KEPT_BYTES: u64 = 16 << 20;
/// The longest name, bytes: a time in microseconds and a file's name have to fit 255.
const LONGEST_NAME: usize = 200;

/// Moves an entry of the spool into the folder, or removes it where it is too large to be kept or `kept` are enough for one scan.
pub fn set_aside(spool: &Path, entry: &Entry, kept: &mut usize) -> io::Result<()> {
    match move_or_remove(spool, entry, kept) {
        // Its owner was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn move_or_remove(spool: &Path, entry: &Entry, kept: &mut usize) -> io::Result<()> {
    let path = spool.join(&entry.name);
    if entry.kind == Kind::Folder && fs::remove_dir(&path).is_ok() {
        return Ok(());
    }
    if entry.kind != Kind::Folder && (entry.bytes > LARGEST || *kept >= MAX_KEPT) {
        return fs::remove_file(&path);
    }
    let folder = folder(spool)?;
    let mut name = Line::new(entry.name.as_encoded_bytes()).to_string();
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    // A foreign folder can be moved only where its owner lets us write to it.
    fs::rename(&path, folder.join(format!("{}-{name}", now_us())))?;
    *kept += 1;
    Ok(())
}

/// The folder. Of what is called so and is not our folder, a link for example, only the name is touched.
fn folder(spool: &Path) -> io::Result<PathBuf> {
    let folder = spool.join(NAME);
    match fs::symlink_metadata(&folder) {
        Ok(found) if found.is_dir() && is_ours(found.uid()) => return Ok(folder),
        Ok(_) => fs::rename(&folder, spool.join(format!("not-{NAME}-{}", now_us())))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Nobody else can take its place: the spool folder is ours and sticky.
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// Removes the oldest entries until the rest is within the bounds. What cannot be removed stays and counts.
pub fn trim(spool: &Path) -> io::Result<()> {
    let folder = folder(spool)?;
    let mut kept = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        // Not of what a link points to.
        let meta = fs::symlink_metadata(entry.path())?;
        kept.push((entry.file_name(), meta.is_dir(), meta.len()));
    }
    kept.sort();
    let (mut count, mut bytes) = (kept.len(), kept.iter().map(|(_, _, bytes)| bytes).sum::<u64>());
    for (name, is_folder, size) in kept {
        if count <= MAX_KEPT && bytes <= MAX_KEPT_BYTES {
            break;
        }
        let path = folder.join(name);
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Ok(()) => (count, bytes) = (count - 1, bytes - size),
            Err(error) => tracing::debug!(%error, path = %path.display(), "removing an old entry that was set aside"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::entries::list;
    use super::*;

    #[test]
    fn entries_are_moved_once_and_the_oldest_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = dir.path();
        for n in 0..100 {
            fs::write(spool.join(format!("finish-{n}.json")), vec![b'x'; 1000]).expect("written");
        }
        std::os::unix::fs::symlink("/etc/hostname", spool.join("link")).expect("linked");
        fs::create_dir_all(spool.join("folder/inner")).expect("made");
        fs::File::create(spool.join("large")).and_then(|file| file.set_len(LARGEST + 1)).expect("made");
        for round in 0..2 {
            let mut kept = 0;
            for entry in list(spool).expect("listed").0.into_iter().filter(|entry| entry.name != NAME) {
                set_aside(spool, &entry, &mut kept).expect("set aside");
            }
            trim(spool).expect("trimmed");
            let left: Vec<_> = list(spool).expect("listed").0.into_iter().map(|entry| entry.name).collect();
            assert_eq!(left, [NAME], "round {round}");
            assert_eq!(fs::read_dir(spool.join(NAME)).expect("there").count(), MAX_KEPT);
        }
        for n in 0..10 {
            fs::write(spool.join(NAME).join(format!("9{n}")), vec![b'x'; 4 << 20]).expect("written");
        }
        trim(spool).expect("trimmed");
        let bytes: u64 = list(&spool.join(NAME)).expect("listed").0.iter().map(|entry| entry.bytes).sum();
        assert!(bytes <= MAX_KEPT_BYTES, "{bytes}");
        assert!(fs::symlink_metadata("/etc/hostname").is_ok() || !Path::new("/etc").exists());
    }

    #[test]
    fn a_link_in_the_folder_s_place_is_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (spool, elsewhere) = (dir.path().join("spool"), dir.path().join("elsewhere"));
        fs::create_dir(&spool).expect("made");
        fs::create_dir(&elsewhere).expect("made");
        std::os::unix::fs::symlink(&elsewhere, spool.join(NAME)).expect("linked");
        fs::write(spool.join("garbage"), "x").expect("written");
        let entry = list(&spool).expect("listed").0.into_iter().find(|entry| entry.name == "garbage").expect("there");
        set_aside(&spool, &entry, &mut 0).expect("set aside");
        assert_eq!(fs::read_dir(&elsewhere).expect("there").count(), 0);
        assert_eq!(fs::read_dir(spool.join(NAME)).expect("there").count(), 1);
    }
}
