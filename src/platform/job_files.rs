//! The only opener of files that jobs made. A job may put anything under a name that we are about to open, and change
//! it under our hands: so the way to a file is walked one name at a time and follows no link, the opening waits for
//! nobody, and what was opened is looked at before it is used. (openat2 would walk by itself; under RestrictSUIDSGID=
//! it is ENOSYS.)
mod report;
mod usage;

pub use usage::{OverQuota, Usage, usage};

use crate::contract::error::Permanence;
use crate::contract::job_file::{JobFile, attempt_name};
use crate::platform::access::grant;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What the group has to be given of a file, and of a directory on the way to it, so that DATA_PIPELINE can read it.
const READABLE: u32 = 0o440;
const PASSABLE: u32 = 0o550;

/// A job's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct JobFileError {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
    /// Whether it can be another time.
    pub permanence: Permanence,
}

/// The directory with one directory a job.
#[derive(Debug, Clone)]
pub struct JobFiles {
    root: PathBuf,
}

/// Why a file of these users is not what it has to be, if so.
fn unfit(stat: &FileStat, uids: &[u32]) -> Option<String> {
    if stat.st_mode & nix::libc::S_IFMT != nix::libc::S_IFREG {
        return Some("is not a regular file".into());
    }
    if !uids.contains(&stat.st_uid) {
        return Some(format!("belongs to user {}, not to the job", stat.st_uid));
    }
    (stat.st_nlink != 1).then(|| format!("has {} hard links; must have one", stat.st_nlink))
}

/// The same of a file whose size is known.
fn unlike(stat: &FileStat, file: &JobFile) -> Option<String> {
    let found = u64::try_from(stat.st_size).unwrap_or(0);
    let other_size = || (found != file.bytes).then(|| format!("has {found} bytes, but the result has {}", file.bytes));
    unfit(stat, &file.uids).or_else(other_size)
}

/// Whether an error of the walk is one of the job's doing, which stays, or of the machine's.
fn permanence(errno: Errno) -> Permanence {
    match errno {
        Errno::ENOENT
        | Errno::ENOTDIR
        | Errno::ELOOP
        | Errno::EACCES
        | Errno::EPERM
        | Errno::ENAMETOOLONG
        | Errno::ENXIO
        | Errno::ENODEV
        | Errno::EISDIR
        | Errno::EINVAL
        | Errno::EOVERFLOW => Permanence::Permanent,
        _ => Permanence::Transient,
    }
}

impl JobFiles {
    /// Jobs' directories below `root`, which is ours and trusted.
    pub fn new(root: impl Into<PathBuf>) -> JobFiles {
        JobFiles { root: root.into() }
    }

    fn failed(&self, file: &JobFile, doing: &str, errno: Errno) -> JobFileError {
        let why = match errno {
            // With O_NOFOLLOW; ENOTDIR where a link stands for a directory.
            Errno::ELOOP => "contains a symbolic link".into(),
            other => format!("{doing}: {}", other.desc()),
        };
        JobFileError { path: file.shown(&self.root).display().to_string(), why, permanence: permanence(errno) }
    }

    fn refused(&self, file: &JobFile, why: String) -> JobFileError {
        JobFileError { path: file.shown(&self.root).display().to_string(), why, permanence: Permanence::Permanent }
    }

    /// The directories down to the file's, each opened as a directory and only for its name; `each` sees them.
    fn walk(
        &self,
        file: &JobFile,
        each: impl Fn(&OwnedFd) -> Result<(), JobFileError>,
    ) -> Result<OwnedFd, JobFileError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut at = openat(AT_FDCWD, &self.root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|e| JobFileError {
                permanence: Permanence::Transient,
                ..self.failed(file, "opening the jobs' directory", e)
            })?;
        let attempt = attempt_name(file.attempt);
        let mut names: Vec<&str> = [file.job.as_str(), &attempt].into_iter().chain(file.path.names()).collect();
        names.pop();
        for (depth, name) in names.into_iter().enumerate() {
            at = openat(&at, name, flags, Mode::empty()).map_err(|e| match e {
                Errno::ENOTDIR => self.refused(file, format!("{name} is a symbolic link or not a directory")),
                other => self.failed(file, &format!("opening the directory {name}"), other),
            })?;
            // The job's own directory is not the job's but the coordinator's.
            if depth > 0 {
                each(&at)?;
            }
        }
        Ok(at)
    }

    fn name<'a>(&self, file: &'a JobFile) -> &'a str {
        file.path.names().last().unwrap_or_default()
    }

    /// Opens the file for reading if it is what it has to be: a regular file of the job's own, with one name and the
    /// size that was said.
    pub fn open(&self, file: &JobFile) -> Result<File, JobFileError> {
        let folder = self.walk(file, |_| Ok(()))?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let opened =
            openat(&folder, self.name(file), flags, Mode::empty()).map_err(|e| self.failed(file, "opening it", e))?;
        let stat = fstat(&opened).map_err(|e| self.failed(file, "inspecting it", e))?;
        match unlike(&stat, file) {
            Some(why) => Err(self.refused(file, why)),
            None => Ok(File::from(opened)),
        }
    }

    /// Gives the group, to which the reader belongs, what it needs of the file and of the directories on the way. For
    /// the job's own user.
    pub fn make_readable(&self, file: &JobFile) -> Result<(), JobFileError> {
        let folder = self.walk(file, |folder| self.permit(file, folder, PASSABLE))?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found =
            openat(&folder, self.name(file), flags, Mode::empty()).map_err(|e| self.failed(file, "finding it", e))?;
        let stat = fstat(&found).map_err(|e| self.failed(file, "inspecting it", e))?;
        match unlike(&stat, file) {
            Some(why) => Err(self.refused(file, why)),
            None => self.permit(file, &found, READABLE),
        }
    }

    fn permit(&self, file: &JobFile, at: &OwnedFd, wanted: u32) -> Result<(), JobFileError> {
        let stat = fstat(at.as_fd()).map_err(|e| self.failed(file, "reading its mode", e))?;
        let mode = stat.st_mode & 0o7777;
        if !file.uids.contains(&stat.st_uid) {
            return Ok(());
        }
        // fchmod wants a descriptor that is open for more than its name; this is the same file and no walk.
        let same = Path::new("/proc/self/fd").join(at.as_raw_fd().to_string());
        grant(&same, mode, wanted).map_err(|e| {
            let errno = Errno::from_raw(e.raw_os_error().unwrap_or(0));
            self.failed(file, "making it readable for the group", errno)
        })
    }
}

#[cfg(test)]
mod tests;
