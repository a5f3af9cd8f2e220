//! Results that could not be delivered: one file each, applied like a Finish and deleted when that is on disk.
use super::change::{Change, Refusal};
use super::speakers::is_ours;
use super::writer::Core;
use super::{finish, rows, uids};
use crate::contract::job::Finish;
use crate::contract::text::clean_json;
use crate::contract::wire::errors;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest file that is read, bytes.
const LARGEST: u64 = 4 << 20;

/// The spool directory of this node.
pub struct Spool {
    dir: PathBuf,
    core: Core,
    /// Two threads may look at once; each file is applied once.
    reading: Mutex<()>,
}

impl Spool {
    /// Looks at `dir`; makes it if that is allowed here.
    pub fn new(dir: &Path, core: Core) -> Spool {
        if let Err(error) = fs::create_dir_all(dir) {
            tracing::warn!(%error, dir = %dir.display(), "making the spool directory; results that wait there are not found");
        }
        Spool { dir: dir.to_owned(), core, reading: Mutex::new(()) }
    }

    /// A descriptor that becomes readable when a file appears.
    pub fn watch(&self) -> io::Result<Inotify> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        inotify.add_watch(&self.dir, AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE)?;
        Ok(inotify)
    }

    /// Applies every result that lies there. What cannot be applied now stays.
    pub fn scan(&self) {
        let _one = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => {
                tracing::warn!(%error, dir = %self.dir.display(), "reading the spool directory");
                return;
            }
        };
        for path in files {
            if let Err(error) = self.apply(&path) {
                tracing::warn!(%error, file = %path.display(), "a spooled result could not be applied; it stays");
            }
        }
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let ours = |name: &OsStr| name.to_str().is_some_and(|n| n.starts_with("finish-") && n.ends_with(".json"));
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.file_name().is_some_and(ours) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn apply(&self, path: &Path) -> io::Result<()> {
        let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
        let file = match fs::File::options().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return self.set_aside(path, &error.to_string()),
        };
        // Jobs may write here: who wrote it is known by the file, and not by what stands in it.
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > LARGEST || meta.nlink() != 1 {
            return self.set_aside(path, "it is no regular file of one name and at most 4 MiB");
        }
        let mut text = Vec::new();
        (&file).take(LARGEST).read_to_end(&mut text)?;
        let call = match serde_json::from_slice(&text).map(clean_json).and_then(serde_json::from_value::<Finish>) {
            Ok(call) => call,
            Err(why) => return self.set_aside(path, &why.to_string()),
        };
        let job = call.job_id.clone();
        let writer = meta.uid();
        let judged = move |cx: &mut Change<'_>| {
            let (n, _) = rows::wanted(cx, &call.job_id)?;
            if !is_ours(writer) && !uids::of(cx, n)?.contains(&writer) {
                return Err(Refusal::denied(format!("user {writer}, who wrote it, did not take job {} up", call.job_id)));
            }
            finish::finish(cx, call)
        };
        match self.core.change(judged) {
            Ok(done) => {
                tracing::info!(%job, accepted = done.accepted, "a spooled result was applied");
                fs::remove_file(path)
            }
            Err(refusal) if is_lasting(&refusal) => self.set_aside(path, &refusal.to_string()),
            Err(refusal) => Err(io::Error::other(refusal.to_string())),
        }
    }

    fn set_aside(&self, path: &Path, why: &str) -> io::Result<()> {
        let bad = self.dir.join("bad");
        fs::create_dir_all(&bad)?;
        let target = bad.join(path.file_name().unwrap_or_default());
        tracing::warn!(file = %target.display(), why, "a spooled result is of no use; it is kept for the operator");
        fs::rename(path, target)
    }
}

fn is_lasting(refusal: &Refusal) -> bool {
    [errors::NOT_FOUND, errors::INVALID_PARAMETER, errors::PERMISSION_DENIED].contains(&refusal.name)
}
