//! What follows from an error of SQLite: sorted by its code, in this one place.
use rusqlite::{Error, ErrorCode, ffi};

/// Whether an error means that the file is no sound database.
pub fn is_damaged(error: &rusqlite::Error) -> bool {
    code(error).is_some_and(|e| matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn code(error: &Error) -> Option<ffi::Error> {
    match error {
        Error::SqliteFailure(e, _) | Error::SqlInputError { error: e, .. } => Some(*e),
        // rusqlite's own.
        _ => None,
    }
}

/// What an error of SQLite says of trying the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Somebody else holds the lock, the disk is full or did not answer, memory is short: it may go another time.
    Passing,
    /// What was to be written, or what stands in the row, does not fit: the same again fails the same way.
    Input,
    /// The file is damaged, may not be written, or does not keep what is written: nothing goes until it was opened
    /// afresh.
    Database,
}

/// Sorts an error of SQLite by its code.
pub fn class(error: &Error) -> Class {
    // A row or a parameter is not of the type that the program takes.
    let Some(error) = code(error) else { return Class::Input };
    match error.code {
        // After a failed fsync the kernel may have dropped the pages and forgotten that it did; only a fresh start from
        // the disk's own content is honest.
        ErrorCode::SystemIoFailure
            if matches!(error.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) =>
        {
            Class::Database
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Class::Database
        }
        ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::TooBig
        | ErrorCode::ParameterOutOfRange
        | ErrorCode::ApiMisuse
        | ErrorCode::AuthorizationForStatementDenied => Class::Input,
        _ => Class::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn each_code_of_sqlite_has_its_class() {
        use Class::{Database, Input, Passing};
        for (code, expected) in [
            (ffi::SQLITE_CORRUPT, Database),
            (ffi::SQLITE_CORRUPT_INDEX, Database),
            (ffi::SQLITE_NOTADB, Database),
            (ffi::SQLITE_READONLY, Database),
            (ffi::SQLITE_READONLY_DBMOVED, Database),
            (ffi::SQLITE_PERM, Database),
            (ffi::SQLITE_IOERR_FSYNC, Database),
            (ffi::SQLITE_IOERR_DIR_FSYNC, Database),
            (ffi::SQLITE_CONSTRAINT, Input),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Input),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, Input),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, Input),
            (ffi::SQLITE_MISMATCH, Input),
            (ffi::SQLITE_TOOBIG, Input),
            (ffi::SQLITE_RANGE, Input),
            (ffi::SQLITE_MISUSE, Input),
            (ffi::SQLITE_AUTH, Input),
            (ffi::SQLITE_BUSY, Passing),
            (ffi::SQLITE_BUSY_SNAPSHOT, Passing),
            (ffi::SQLITE_LOCKED, Passing),
            (ffi::SQLITE_FULL, Passing),
            (ffi::SQLITE_IOERR, Passing),
            (ffi::SQLITE_IOERR_WRITE, Passing),
            (ffi::SQLITE_NOMEM, Passing),
            (ffi::SQLITE_CANTOPEN, Passing),
            (ffi::SQLITE_INTERRUPT, Passing),
            (ffi::SQLITE_SCHEMA, Passing),
            (ffi::SQLITE_PROTOCOL, Passing),
        ] {
            assert_eq!(
                class(&Error::SqliteFailure(ffi::Error::new(code), None)),
                expected,
                "{}",
                ffi::Error::new(code)
            );
        }
        assert_eq!(class(&Error::InvalidColumnType(0, "n".into(), rusqlite::types::Type::Text)), Input);
    }

    /// The codes are those that SQLite gives, and not only those of a table.
    #[test]
    fn what_a_database_really_says_is_sorted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let db = rusqlite::Connection::open(&path).expect("opened");
        db.execute_batch(
            "CREATE TABLE t(n INTEGER PRIMARY KEY, m INTEGER NOT NULL) STRICT; INSERT INTO t VALUES(1, 1);",
        )
        .expect("made");
        let said = |sql: &str| db.execute(sql, []).expect_err(sql);
        for sql in ["INSERT INTO t VALUES(1, 2)", "INSERT INTO t VALUES(2, NULL)", "INSERT INTO t VALUES(3, 'x')"] {
            assert_eq!(class(&said(sql)), Class::Input, "{sql}");
        }
        let read = db.query_row("SELECT 'x'", [], |row| row.get::<_, i64>(0)).expect_err("a text");
        assert_eq!(class(&read), Class::Input);
        let other = rusqlite::Connection::open(&path).expect("opened");
        other.execute_batch("BEGIN EXCLUSIVE").expect("locked");
        db.busy_timeout(std::time::Duration::ZERO).expect("set");
        assert_eq!(class(&said("INSERT INTO t VALUES(4, 4)")), Class::Passing);
        other.execute_batch("ROLLBACK").expect("unlocked");
        db.execute_batch("PRAGMA query_only=ON").expect("set");
        assert_eq!(class(&said("INSERT INTO t VALUES(5, 5)")), Class::Database);
        drop((db, other));
        std::fs::write(&path, vec![b'x'; 8192]).expect("overwritten");
        let db = rusqlite::Connection::open(&path).expect("opened");
        assert_eq!(class(&db.query_row("SELECT 1 FROM t", [], |_| Ok(())).expect_err("no database")), Class::Database);
    }
}
