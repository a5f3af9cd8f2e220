//! The one way in which a database of ours is opened: checked, quarantined with the reason when damaged, restored or
//! begun again, told until a person has confirmed it, migrated behind a snapshot, and left as one file.
mod broken;
mod check;
mod class;
mod error;
mod files;
mod keeper;
mod quarantine;
mod snapshot;
mod spec;
#[cfg(test)]
mod tests;
mod times;

pub use broken::{own, sort};
pub use class::{Class, class, is_damaged};
pub use error::DatabaseError;
pub use spec::{Keep, Spec};

use crate::contract::messages;
use crate::contract::notice::{Notice, Subject};
use crate::contract::time::Span;
use crate::platform::clock;
use crate::platform::notices::Notices;
use broken::{FailureRecord, forget, is_owned, word};
use check::{CHECK_TIME, Checked, LONG_CHECK_TIME, quick_check};
use files::{SIDE_FILES, with_tail};
use keeper::Keeper;
use quarantine::{loss, remember, set_aside};
use rusqlite::{Connection, OpenFlags};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What was found at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A sound database, or no trace of one: the first start.
    Sound,
    /// A damaged or missing one; replaced by a snapshot, so it may be a day behind.
    Restored,
    /// A damaged or missing one; a new one was begun.
    Anew,
}

/// An open database. Dropped, it copies its write-ahead log back, so that one file is left.
#[derive(Debug)]
pub struct Database {
    db: Connection,
    keeper: Option<Keeper>,
    path: PathBuf,
    /// What was found at its path.
    pub found: Found,
}

impl Deref for Database {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.db
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.db
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.keeper.take());
        // Busy: another connection of this process is not closed yet, and the last one copies the log back.
        if let Err(error) = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, file = %self.path.display(), "cannot checkpoint the write-ahead log; the next \
                start does it");
        }
    }
}

/// Opens (and makes) a database with WAL, synchronous=FULL, foreign keys and a busy timeout.
pub fn open(spec: &Spec) -> Result<Database, DatabaseError> {
    for tail in ["", SIDE_FILES[0], SIDE_FILES[1]] {
        check_owner(&with_tail(&spec.path, tail))?;
    }
    let word = word(&spec.path);
    let said = word.as_ref().map(|word| format!("; it failed in use: {}", word.reason)).unwrap_or_default();
    let (db, found) = match loss(&spec.path, snapshot::list(&spec.path).len()) {
        Some(why) => replace(spec, why + &said)?,
        None => match attempt(spec, word.as_ref())? {
            Attempt::Open(db) => (db, Found::Sound),
            Attempt::Damaged(why) => replace(spec, why + &said)?,
        },
    };
    remember(&spec.path)?;
    let keeper = (spec.keep.snapshots > 0 || is_owned(&spec.path)).then(|| Keeper::start(spec.clone())).transpose()?;
    Ok(Database { db, keeper, path: spec.path.clone(), found })
}

/// A connection beside the owner's, in the same process.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.execute_batch("PRAGMA busy_timeout=5000; PRAGMA temp_store=MEMORY;")?;
    Ok(db)
}

enum Attempt {
    Open(Connection),
    Damaged(String),
}

/// Another user's file, a link or a folder is not damaged, and neither to be replaced nor to be written.
fn check_owner(path: &Path) -> Result<(), DatabaseError> {
    // Not of what a link leads to: quarantine and snapshots would move the one and copy the other.
    let (Ok(about), user) = (std::fs::symlink_metadata(path), nix::unistd::geteuid()) else { return Ok(()) };
    let what = match about.file_type() {
        kind if kind.is_symlink() => Some("a symbolic link"),
        kind if kind.is_dir() => Some("a directory"),
        kind if !kind.is_file() => Some("not a file"),
        _ => None,
    };
    if let Some(what) = what {
        return Err(DatabaseError::NoFile { path: path.display().to_string(), what });
    }
    if user.is_root() || about.uid() == user.as_raw() {
        return Ok(());
    }
    let name =
        |uid: u32| nix::unistd::User::from_uid(uid.into()).ok().flatten().map_or_else(|| uid.to_string(), |u| u.name);
    Err(DatabaseError::WrongOwner {
        path: path.display().to_string(),
        owner: name(about.uid()),
        user: name(user.as_raw()),
    })
}

fn attempt(spec: &Spec, word: Option<&FailureRecord>) -> Result<Attempt, DatabaseError> {
    let damaged = |operation, source: rusqlite::Error| match is_damaged(&source) {
        true => Ok(Attempt::Damaged(source.to_string())),
        false => Err(DatabaseError::sqlite(operation, &spec.path)(source)),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = match Connection::open_with_flags(&spec.path, flags) {
        Ok(db) => db,
        Err(e) => return damaged("opening", e),
    };
    // First of all auto_vacuum: the change to WAL writes the first page, and then it is too late. Sandboxes may hide
    // /tmp, so SQLite's own temporary files stay in memory.
    let setup = "PRAGMA busy_timeout=5000; PRAGMA temp_store=MEMORY; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; \
                 PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;";
    if let Err(e) = db.execute_batch(setup) {
        return damaged("setting up", e);
    }
    let version: i64 = match db.query_row("PRAGMA user_version", [], |row| row.get(0)) {
        Ok(version) => version,
        Err(e) => return damaged("reading the schema version of", e),
    };
    if version > spec.known() {
        return Err(DatabaseError::Newer {
            path: spec.path.display().to_string(),
            found: version,
            known: spec.known(),
        });
    }
    match check(&db, word) {
        Ok(None) => {}
        Ok(Some(why)) => return Ok(Attempt::Damaged(why)),
        Err(e) => return damaged("checking", e),
    }
    if (1..spec.known()).contains(&version) {
        let snapshot = snapshot::take(&db, spec)?;
        tracing::info!(file = %snapshot.path.display(), "snapshot written before the schema migration");
    }
    migrate(&mut db, spec, version)?;
    Ok(Attempt::Open(db))
}

/// What is wrong, if anything was found. A database that broke while it was used is checked longer, and when it broke
/// again after that, no check is asked any more.
fn check(db: &Connection, word: Option<&FailureRecord>) -> rusqlite::Result<Option<String>> {
    let limit = match word {
        Some(word) if word.untrusted => return Ok(Some("it failed again after a check without findings".into())),
        Some(_) => LONG_CHECK_TIME,
        None => CHECK_TIME,
    };
    Ok(match quick_check(db, Some(limit))? {
        Checked::Damaged(why) => Some(why),
        Checked::Sound => None,
        Checked::Unfinished => {
            let seconds = limit.as_secs();
            tracing::info!(
                "the database is too large for a full check before the start; stopped checking after {seconds} s"
            );
            None
        }
    })
}

fn migrate(db: &mut Connection, spec: &Spec, version: i64) -> Result<(), DatabaseError> {
    let failed = DatabaseError::sqlite("migrating", &spec.path);
    for (at, sql) in spec.migrations.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
        let step = db.transaction().map_err(&failed)?;
        step.execute_batch(sql).map_err(&failed)?;
        step.pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX)).map_err(&failed)?;
        step.commit().map_err(&failed)?;
    }
    Ok(())
}

/// Sets what is there aside, restores the newest sound snapshot or starts over, and tells everybody.
fn replace(spec: &Spec, reason: String) -> Result<(Connection, Found), DatabaseError> {
    let now = clock::now();
    let damaged = set_aside(&spec.path, now)?;
    forget(&spec.path);
    let restored = snapshot::restore(spec)?;
    let db = match attempt(spec, None)? {
        Attempt::Open(db) => db,
        Attempt::Damaged(why) => {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, why);
            return Err(DatabaseError::io("using the new database", &spec.path)(source));
        }
    };
    let (lost, found) = match &restored {
        Some(snapshot) => {
            let minutes = (now - snapshot.taken).max(Span::ZERO).secs() / 60;
            (format!("data written since the snapshot {minutes} min earlier: {}", spec.holds), Found::Restored)
        }
        None => (spec.holds.to_owned(), Found::Anew),
    };
    let shown = |path: &Path| path.display().to_string();
    let kept = damaged.as_deref().map(|d| format!("; damaged file kept as {}", d.display())).unwrap_or_default();
    let now_used = if restored.is_some() { "replaced by a snapshot" } else { "replaced by a new database" };
    let (name, path) = (spec.name(), shown(&spec.path));
    let what = format!("{path} is unusable: {reason}; {now_used}{kept}; lost: {lost}");
    tracing::error!(MESSAGE_ID = messages::DATABASE_QUARANTINED, DATABASE = name, "{what}");
    let damaged = damaged.as_deref().map(shown);
    let restored = restored.map(|s| shown(&s.path));
    Notices::beside(&spec.path).write(&Notice {
        id: Notice::database_id(&name),
        next: format!("ringrift database confirm {name}"),
        subject: Subject::Database { name, path, reason, damaged, restored, lost },
        what,
        since_us: now.us(),
    });
    Ok((db, found))
}
