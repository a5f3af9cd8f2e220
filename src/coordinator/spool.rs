//! Results that could not be delivered: one file each, applied like a Finish and deleted when that is on disk.
mod bad;
mod entries;

use super::change::{Change, Refusal};
use super::speakers::is_ours;
use super::writer::Core;
use super::{finish, rows, uids};
use crate::contract::coalesce::{Coalesced, SECOND};
use crate::contract::job::Finish;
use crate::contract::text::{Line, clean_json};
use crate::contract::wire::errors;
use entries::{Entry, Fate, LARGEST};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The spool directory of this node.
pub struct Spool {
    dir: PathBuf,
    core: Core,
    /// Two threads may look at once; each file is applied once.
    reading: Mutex<Reading>,
}

/// What is remembered from scan to scan.
struct Reading {
    /// Entries of no use that could not be moved.
    stuck: HashSet<Entry>,
    /// Entries set aside, told one by one or counted.
    told: Coalesced,
    /// Results that stay, likewise.
    told_staying: Coalesced,
}

/// What a scan left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Entries that wait for the next scan.
    Entries,
}

/// How the application of one result failed.
enum Failed {
    /// It is of no use, for this reason.
    Bad(String),
    /// It may be applied another time.
    Stays(String),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Stays(error.to_string())
    }
}

impl Spool {
    /// Looks at `dir`; makes it if that is allowed here.
    pub fn new(dir: &Path, core: Core) -> Spool {
        if let Err(error) = fs::create_dir_all(dir) {
            tracing::warn!(%error, dir = %dir.display(), "making the spool directory; results that wait there are not found");
        }
        let reading = Reading { stuck: HashSet::new(), told: Coalesced::new(SECOND), told_staying: Coalesced::new(SECOND * 60) };
        Spool { dir: dir.to_owned(), core, reading: Mutex::new(reading) }
    }

    /// A descriptor that becomes readable when something appears.
    pub fn watch(&self) -> io::Result<Inotify> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        inotify.add_watch(&self.dir, AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_CREATE)?;
        Ok(inotify)
    }

    /// Applies the results that lie there, within bounds for each owner and for one scan. What cannot be applied now stays; what is of
    /// no use is set aside.
    pub fn scan(&self) -> Left {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, more) = match entries::list(&self.dir) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, dir = %self.dir.display(), "reading the spool directory");
                return Left::Nothing;
            }
        };
        // Whatever is gone or has changed is forgotten.
        let mut stuck: HashSet<Entry> = entries.iter().filter(|entry| reading.stuck.contains(entry)).cloned().collect();
        let (mut left, mut kept) = (if more { Left::Entries } else { Left::Nothing }, 0);
        let mut bad = 0;
        for (entry, fate) in entries::judge(entries, &reading.stuck) {
            let why = match fate {
                Fate::Stay => continue,
                Fate::Later => {
                    left = Left::Entries;
                    continue;
                }
                Fate::Bad(why) => why.to_owned(),
                Fate::Read => match self.apply(&self.dir.join(&entry.name)) {
                    Ok(()) => continue,
                    Err(Failed::Bad(why)) => why,
                    Err(Failed::Stays(why)) => {
                        if let Some(more) = reading.told_staying.admit(Instant::now()) {
                            let name = Line::new(entry.name.as_encoded_bytes());
                            tracing::warn!(%name, why, "a spooled result could not be applied; it stays{more}");
                        }
                        continue;
                    }
                },
            };
            bad += 1;
            let moved = bad::set_aside(&self.dir, &entry, &mut kept);
            reading.tell(&entry, &why, &moved);
            if moved.is_err() {
                stuck.insert(entry);
            }
        }
        reading.stuck = stuck;
        self.clear_up(&mut reading, bad);
        left
    }

    /// The count of what was not told, and the bounds of what was set aside.
    fn clear_up(&self, reading: &mut Reading, bad: usize) {
        if let Some(rest) = reading.told.rest() {
            tracing::warn!("{rest} more entries of the spool were of no use");
        }
        if bad > 0
            && let Err(error) = bad::trim(&self.dir)
        {
            tracing::warn!(%error, dir = %self.dir.display(), "removing old entries that were set aside");
        }
    }

    fn apply(&self, path: &Path) -> Result<(), Failed> {
        let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
        let file = match fs::File::options().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Failed::Bad(error.to_string())),
        };
        // Jobs may write here: who wrote it is known by the file, and not by what stands in it.
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > LARGEST || meta.nlink() != 1 {
            return Err(Failed::Bad("it is no regular file of one name and at most 4 MiB".into()));
        }
        let mut text = Vec::new();
        (&file).take(LARGEST).read_to_end(&mut text)?;
        let call = match serde_json::from_slice(&text).map(clean_json).and_then(serde_json::from_value::<Finish>) {
            Ok(call) => call,
            Err(why) => return Err(Failed::Bad(why.to_string())),
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
                Ok(fs::remove_file(path)?)
            }
            Err(refusal) if is_lasting(&refusal) => Err(Failed::Bad(refusal.to_string())),
            Err(refusal) => Err(Failed::Stays(refusal.to_string())),
        }
    }
}

impl Reading {
    /// One line for an entry, and a count where there are many.
    fn tell(&mut self, entry: &Entry, why: &str, moved: &io::Result<()>) {
        let Some(more) = self.told.admit(Instant::now()) else { return };
        let (name, owner) = (Line::new(entry.name.as_encoded_bytes()), entry.uid);
        match moved {
            Ok(()) => tracing::warn!(%name, owner, why, "an entry of the spool is of no use; it is set aside in the folder bad{more}"),
            Err(error) => {
                tracing::warn!(%name, owner, why, %error, "an entry of the spool is of no use and cannot be moved; it is ignored{more}")
            }
        }
    }
}

fn is_lasting(refusal: &Refusal) -> bool {
    [errors::NOT_FOUND, errors::INVALID_PARAMETER, errors::PERMISSION_DENIED].contains(&refusal.name)
}
