//! How much disk a job's files take: a walk that opens directories only, follows no link, and ends as soon as a limit
//! is passed; then a look at the descriptors of the user's processes, for files that are deleted while open have no
//! name to be found by.
use crate::contract::job_file::Quota;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::libc::{S_IFDIR, S_IFMT, S_IFREG};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, stat};
use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Directories inside each other; each costs the walk two descriptors.
const MAX_DEPTH: usize = 128;
/// What an owner needs to read a directory.
const OWN_FOLDER: u32 = 0o700;

/// Disk that files take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of their blocks.
    pub bytes: u64,
    /// Files, directories, links and whatever else has a name.
    pub files: u64,
}

/// A job's files are beyond what it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverQuota {
    /// All of them together.
    #[error("the job's files exceed {most} bytes of disk (limits.job_bytes)")]
    Bytes {
        /// The limit.
        most: u64,
    },
    /// Their number.
    #[error("the job has more than {most} files and directories (limits.job_files)")]
    Files {
        /// The limit.
        most: u64,
    },
    /// One file.
    #[error("a file of the job reached {most} bytes (limits.job_bytes)")]
    Size {
        /// The limit.
        most: u64,
    },
    /// How deep they lie.
    #[error("the job's directories are nested more than {MAX_DEPTH} levels deep")]
    Depth,
}

struct Walk {
    quota: Quota,
    usage: Usage,
    /// Files that may be met more than once are counted once.
    shared: HashSet<(u64, u64)>,
    /// File systems on which the directories lie.
    devices: HashSet<u64>,
    own: u32,
}

/// What the files below the directories take together, with those that this user's processes hold open without a name;
/// or which limit they are beyond. What cannot be read is not counted: a process that closed itself to looks, a file
/// that is mapped alone or on its way over a socket.
pub fn usage(folders: &[PathBuf], quota: Quota) -> Result<Usage, OverQuota> {
    usage_with(folders, quota, Path::new("/proc"))
}

fn usage_with(folders: &[PathBuf], quota: Quota, processes: &Path) -> Result<Usage, OverQuota> {
    let own = nix::unistd::geteuid().as_raw();
    let mut walk = Walk { quota, usage: Usage::default(), shared: HashSet::new(), devices: HashSet::new(), own };
    for folder in folders {
        // The way to these is not the job's.
        if let Ok(at) = openat(AT_FDCWD, folder, folder_flags(), Mode::empty()) {
            walk.devices.extend(fstat(&at).map(|stat| stat.st_dev));
            walk.folder(&at, 0)?;
        }
    }
    walk.held_open(processes)?;
    Ok(walk.usage)
}

fn folder_flags() -> OFlag {
    OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

/// A directory that is open for its name only, as a path that leads to it and to no other.
fn same(at: &OwnedFd) -> PathBuf {
    Path::new("/proc/self/fd").join(at.as_raw_fd().to_string())
}

impl Walk {
    fn folder(&mut self, at: &OwnedFd, depth: usize) -> Result<(), OverQuota> {
        if depth > MAX_DEPTH {
            return Err(OverQuota::Depth);
        }
        let Ok(entries) = fs::read_dir(same(at)) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            // What is gone again takes nothing.
            let Ok(stat) = fstatat(at, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            self.add(&stat)?;
            if stat.st_mode & S_IFMT == S_IFDIR
                && let Ok(inner) = openat(at, name.as_os_str(), folder_flags(), Mode::empty())
            {
                self.open_up(&inner, &stat);
                self.folder(&inner, depth + 1)?;
            }
        }
        Ok(())
    }

    /// A directory that the job closed to itself is opened again: its files count.
    fn open_up(&self, at: &OwnedFd, stat: &FileStat) {
        let mode = stat.st_mode & 0o777;
        if stat.st_uid == self.own && mode & OWN_FOLDER != OWN_FOLDER {
            // A failure shows as a directory that cannot be read.
            let _ = fs::set_permissions(same(at), Permissions::from_mode(mode | OWN_FOLDER));
        }
    }

    /// Deleted files in the hands of the user's processes.
    fn held_open(&mut self, processes: &Path) -> Result<(), OverQuota> {
        for process in fs::read_dir(processes).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if fs::metadata(&process).map_or(true, |found| found.uid() != self.own) {
                continue;
            }
            for descriptor in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
                // Opens nothing: it is a look at what the descriptor stands for.
                let Ok(stat) = stat(&descriptor.path()) else { continue };
                if stat.st_mode & S_IFMT == S_IFREG && stat.st_nlink == 0 && self.devices.contains(&stat.st_dev) {
                    self.add(&stat)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, stat: &FileStat) -> Result<(), OverQuota> {
        let regular = stat.st_mode & S_IFMT == S_IFREG;
        if regular && stat.st_nlink != 1 && !self.shared.insert((stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.usage = Usage { bytes: self.usage.bytes.saturating_add(blocks), files: self.usage.files + 1 };
        let Quota { bytes, files } = self.quota;
        match self.usage {
            _ if regular && size >= bytes => Err(OverQuota::Size { most: bytes }),
            used if used.bytes > bytes => Err(OverQuota::Bytes { most: bytes }),
            used if used.files > files => Err(OverQuota::Files { most: files }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without what other tests of this process hold open meanwhile.
    fn counted(folders: &[PathBuf], quota: Quota) -> Result<Usage, OverQuota> {
        usage_with(folders, quota, Path::new("/nonexistent"))
    }

    const WIDE: Quota = Quota { bytes: 1 << 30, files: 1000 };

    fn made() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("a")).expect("made");
        for name in ["a/one", "two"] {
            fs::write(dir.path().join(name), vec![b'x'; 100_000]).expect("written");
        }
        dir
    }

    #[test]
    fn blocks_and_names_are_counted_links_are_not_followed_and_shared_files_count_once() {
        let (dir, elsewhere) = (made(), made());
        let roots = [dir.path().to_owned()];
        let before = counted(&roots, WIDE).expect("within");
        assert!(before.files == 3 && before.bytes >= 200_000, "{before:?}");
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("away")).expect("linked");
        fs::hard_link(dir.path().join("two"), dir.path().join("a/again")).expect("linked");
        let after = counted(&roots, WIDE).expect("within");
        assert_eq!((after.files, after.bytes - before.bytes < 100_000), (4, true), "{after:?}");
    }

    #[test]
    fn every_limit_is_found_and_several_folders_add_up() {
        let (one, other) = (made(), made());
        let (first, both) = ([one.path().to_owned()], [one.path().to_owned(), other.path().to_owned()]);
        let bytes = counted(&first, WIDE).expect("within").bytes;
        let tight = Quota { bytes, ..WIDE };
        assert!(counted(&first, tight).is_ok());
        assert_eq!(counted(&both, tight), Err(OverQuota::Bytes { most: bytes }));
        assert_eq!(counted(&first, Quota { files: 2, ..WIDE }), Err(OverQuota::Files { most: 2 }));
        assert_eq!(counted(&first, Quota { bytes: 100_000, ..WIDE }), Err(OverQuota::Size { most: 100_000 }));
        let deep = other.path().join("d/".repeat(MAX_DEPTH + 2));
        fs::create_dir_all(deep).expect("made");
        assert_eq!(counted(&both, WIDE), Err(OverQuota::Depth));
    }

    #[test]
    fn a_folder_that_the_job_closed_is_counted() {
        let dir = made();
        fs::set_permissions(dir.path().join("a"), Permissions::from_mode(0o300)).expect("closed");
        assert_eq!(counted(&[dir.path().to_owned()], WIDE).expect("within").files, 3);
    }

    #[test]
    fn deleted_files_that_are_held_open_count_once_and_closed_ones_do_not() {
        let dir = made();
        let roots = [dir.path().to_owned()];
        let path = dir.path().join("gone");
        fs::write(&path, vec![b'x'; 8 << 20]).expect("written");
        let held = [fs::File::open(&path).expect("opened"), fs::File::open(&path).expect("opened")];
        fs::remove_file(&path).expect("removed");
        let quota = Quota { bytes: 8 << 20, files: 1000 };
        assert!(counted(&roots, quota).is_ok());
        assert!(usage(&roots, quota).is_err(), "8 MiB without a name and 200 kB with one");
        assert!(
            usage(&roots, Quota { bytes: 15 << 20, files: 1000 }).is_ok(),
            "once, although two descriptors hold it"
        );
        drop(held);
        assert!(usage(&roots, quota).is_ok());
    }
}
