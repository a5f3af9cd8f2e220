//! Results that could not be delivered: one file each, applied like a Finish and deleted when that is on disk.
use super::change::Refusal;
use super::finish;
use super::writer::Core;
use crate::contract::job::Finish;
use crate::contract::text::clean_json;
use crate::contract::wire::errors;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsStr;
use std::fs;
use std::io;
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
        let meta = fs::symlink_metadata(path)?;
        if !meta.is_file() || meta.len() > LARGEST {
            return self.set_aside(path, "it is no regular file of at most 4 MiB");
        }
        let call = match serde_json::from_slice(&fs::read(path)?).map(clean_json).and_then(serde_json::from_value::<Finish>) {
            Ok(call) => call,
            Err(why) => return self.set_aside(path, &why.to_string()),
        };
        let job = call.job_id.clone();
        match self.core.change(move |cx| finish::finish(cx, call)) {
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
    [errors::NOT_FOUND, errors::INVALID_PARAMETER].contains(&refusal.name)
}
