//! Setting a damaged database aside, and finding out that one is gone.
use super::error::DatabaseError;
use super::files::{SIDE_FILES, with_tail};
use crate::contract::time::Wall;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Renames the database with its side files, so that nothing of it is lost and nothing of it is used. Nothing: there
/// was no file.
pub fn set_aside(path: &Path, now: Wall) -> Result<Option<PathBuf>, DatabaseError> {
    let aside = with_tail(path, &format!(".damaged-{}", (now - Wall::default()).secs()));
    let mut moved = false;
    for tail in ["-wal", "-shm", ""] {
        let (from, to) = (with_tail(path, tail), with_tail(&aside, tail));
        match fs::rename(&from, &to) {
            Ok(()) => moved |= tail.is_empty(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(DatabaseError::io("setting aside", &from)(e)),
        }
    }
    sync_folder(path)?;
    Ok(moved.then_some(aside))
}

/// Makes the names in a file's directory durable.
pub fn sync_folder(path: &Path) -> Result<(), DatabaseError> {
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|f| f.sync_all()).map_err(DatabaseError::io("syncing", folder))
}

/// The mark that there was a database of this name.
fn mark(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.known"))
}

/// From now on a missing file is a loss.
pub fn remember(path: &Path) -> Result<(), DatabaseError> {
    let mark = mark(path);
    if mark.exists() {
        return Ok(());
    }
    let write = || -> io::Result<()> {
        let mut file = File::create(&mark)?;
        file.write_all(b"There is a database of this name. Without it and with this file, its loss is reported.\n")?;
        file.sync_all()
    };
    write().map_err(DatabaseError::io("writing", &mark))?;
    sync_folder(path)
}

/// Why the file that is missing or empty is not simply a new one.
pub fn loss(path: &Path, snapshots: usize) -> Option<String> {
    let length = fs::metadata(path).map(|m| m.len()).ok();
    let state = match length {
        None => "the file is missing",
        Some(0) => "the file is empty",
        Some(_) => return None,
    };
    let wal = SIDE_FILES.iter().any(|tail| fs::metadata(with_tail(path, tail)).is_ok_and(|m| m.len() > 0));
    let trace = match (mark(path).exists(), snapshots > 0, wal) {
        (true, _, _) => "it was used before",
        (_, true, _) => "it has snapshots",
        (_, _, true) => "its write-ahead log exists",
        _ => return None,
    };
    Some(format!("{state}, but {trace}"))
}
