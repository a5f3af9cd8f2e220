//! Opening a SQLite database the one way we open them, and bringing its schema up to date.
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A database could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// SQLite's own error.
    #[error("{operation} {path}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: String,
        /// SQLite's words.
        #[source]
        source: rusqlite::Error,
    },
    /// It was written by a newer version of this program.
    #[error("{path} has schema version {found}, this program knows up to {known}; install the newer version again")]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
}

/// Opens (and makes) a database with WAL, synchronous=FULL, foreign keys and a busy timeout, then runs the migrations that it has not
/// seen: `migrations[i]` brings version i to i + 1. Each runs in its own transaction.
pub fn open(path: &Path, migrations: &[&str]) -> Result<Connection, SqliteError> {
    let shown = path.display().to_string();
    let fail = |operation| {
        let path = shown.clone();
        move |source| SqliteError::Sqlite { operation, path, source }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(fail("opening"))?;
    db.execute_batch(
        // First of all auto_vacuum: the change to WAL writes the first page, and then it is too late.
        "PRAGMA busy_timeout=5000; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    )
    .map_err(fail("setting up"))?;
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail("reading the schema version of"))?;
    let known = i64::try_from(migrations.len()).expect("few migrations");
    if version > known {
        return Err(SqliteError::Newer { path: shown, found: version, known });
    }
    for (at, sql) in migrations.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
        let step = db.transaction().map_err(fail("migrating"))?;
        step.execute_batch(sql).map_err(fail("migrating"))?;
        step.pragma_update(None, "user_version", i64::try_from(at + 1).expect("few migrations")).map_err(fail("migrating"))?;
        step.commit().map_err(fail("migrating"))?;
    }
    Ok(db)
}

/// Whether an error means that the file system is full.
pub fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(e, _) if e.code == rusqlite::ErrorCode::DiskFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_once_and_a_newer_file_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("t.db");
        drop(open(&path, &["CREATE TABLE a(x)"]).expect("first"));
        let db = open(&path, &["CREATE TABLE a(x)", "CREATE TABLE b(x)"]).expect("second");
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).expect("count");
        assert_eq!(tables, 2);
        let vacuum: i64 = db.query_row("PRAGMA auto_vacuum", [], |r| r.get(0)).expect("a setting");
        assert_eq!(vacuum, 2, "incremental");
        drop(db);
        let error = open(&path, &["CREATE TABLE a(x)"]).expect_err("newer");
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }
}
