//! Verified copies of a database: written daily and before a migration, the newest few are kept.
use super::broken::sort;
use super::check::{Checked, quick_check};
use super::error::DatabaseError;
use super::files::with_tail;
use super::quarantine::sync_folder;
use super::spec::Spec;
use crate::contract::time::Wall;
use crate::platform::clock::now;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its file.
    pub path: PathBuf,
    /// When it was taken.
    pub taken: Wall,
}

fn folder(database: &Path) -> PathBuf {
    database.with_file_name("snapshots")
}

/// The snapshots of a database, newest first.
pub fn list(database: &Path) -> Vec<Snapshot> {
    let stem = database.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let Ok(entries) = fs::read_dir(folder(database)) else { return Vec::new() };
    let read = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".db")?;
        let taken = Wall::of_us(name.strip_prefix(&stem)?.strip_prefix('-')?.parse().ok()?);
        Some(Snapshot { path, taken })
    };
    let mut found: Vec<Snapshot> = entries.flatten().filter_map(|e| read(e.path())).collect();
    found.sort_by_key(|s| std::cmp::Reverse(s.taken));
    found
}

/// Copies the database through SQLite, checks the copy, makes it durable under its name and drops the oldest ones.
pub fn take(db: &Connection, spec: &Spec) -> Result<Snapshot, DatabaseError> {
    let folder = folder(&spec.path);
    match fs::create_dir(&folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(DatabaseError::io("making", &folder)(e)),
        _ => {}
    }
    let taken = now();
    let stem = spec.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let (path, temporary) = (folder.join(format!("{stem}-{}.db", taken.us())), folder.join(format!(".{stem}.new")));
    room(db, &folder, &path)?;
    for tail in ["", "-journal", "-wal", "-shm"] {
        // What a killed writer left.
        let _ = fs::remove_file(with_tail(&temporary, tail));
    }
    let copied = db
        .execute("VACUUM INTO ?1", [temporary.to_string_lossy()])
        .map_err(|error| {
            // It reads every page: it may be what meets the damage first.
            sort("writing a snapshot", &error);
            DatabaseError::sqlite("writing the snapshot", &path)(error)
        })
        .and_then(|_| verify(&temporary, spec));
    if let Err(error) = copied {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    let durable = || -> io::Result<()> {
        let file = File::open(&temporary)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    durable().map_err(DatabaseError::io("storing the snapshot", &path))?;
    sync_folder(&path)?;
    for old in list(&spec.path).iter().skip(spec.keep.snapshots.max(1) as usize) {
        if let Err(error) = fs::remove_file(&old.path) {
            tracing::warn!(%error, file = %old.path.display(), "cannot remove an old snapshot");
        }
    }
    Ok(Snapshot { path, taken })
}

/// A copy must leave as much room as it takes: a snapshot must not be what fills the disk.
fn room(db: &Connection, folder: &Path, path: &Path) -> Result<(), DatabaseError> {
    let size = || {
        db.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    let size = size().map_err(DatabaseError::sqlite("measuring for the snapshot", path))?;
    let free = nix::sys::statvfs::statvfs(folder).map(|fs| fs.blocks_available() * fs.fragment_size());
    let free = free.map_err(|e| DatabaseError::io("measuring the free space for", path)(e.into()))?;
    match free / 2 > size.unsigned_abs() {
        true => Ok(()),
        false => Err(DatabaseError::NoSpace {
            operation: "a snapshot must leave as much free space as it uses",
            path: path.display().to_string(),
        }),
    }
}

/// Whether a copy is whole and of a schema that we know.
fn verify(path: &Path, spec: &Spec) -> Result<(), DatabaseError> {
    let failed = DatabaseError::sqlite("checking the snapshot", path);
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(&failed)?;
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)?;
    let found = quick_check(&db, None).map_err(&failed)?;
    let known = spec.known();
    let why = match found {
        Checked::Damaged(why) => why,
        _ if (1..=known).contains(&version) => return Ok(()),
        _ => format!("it has schema version {version}; must be from 1 to {known}"),
    };
    Err(DatabaseError::io("checking the snapshot", path)(io::Error::new(io::ErrorKind::InvalidData, why)))
}

/// Puts the newest sound snapshot in the database's place. Nothing: there is none.
pub fn restore(spec: &Spec) -> Result<Option<Snapshot>, DatabaseError> {
    for snapshot in list(&spec.path) {
        match verify(&snapshot.path, spec) {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(error = %crate::contract::error::chain(&error), "skipping a snapshot");
                continue;
            }
        }
        let temporary = with_tail(&spec.path, ".restoring");
        let copy = || -> io::Result<()> {
            fs::copy(&snapshot.path, &temporary)?;
            let file = File::open(&temporary)?;
            file.sync_all()?;
            fs::rename(&temporary, &spec.path)
        };
        copy().map_err(DatabaseError::io("restoring", &spec.path))?;
        sync_folder(&spec.path)?;
        return Ok(Some(snapshot));
    }
    Ok(None)
}
