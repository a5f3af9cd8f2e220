//! Opening `events.db`: migration, bounded check, quarantine of a corrupt file.
use super::schema::MIGRATIONS;
use crate::contract::error::{Exit, Failure};
use crate::platform::sqlite::{self, SqliteError};
use crate::router::checkpoint::WAKE_PAGES;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest integrity check before READY. What it has not seen by then, SQLite reports when it comes by.
const CHECK_TIME: Duration = Duration::from_secs(2);

/// Bytes of a page with its header in the WAL.
const PAGE: u64 = 4096 + 24;
/// With less room on the disk the WAL grows only as it must.
const ROOM: u64 = 1 << 30;

/// An open database, and whether an old one had to be put aside.
#[derive(Debug)]
pub struct Opened {
    /// The writer's connection.
    pub db: Connection,
    /// Where the corrupt one is now, and what was wrong with it.
    pub quarantined: Option<(PathBuf, String)>,
}

/// Opens the log in a directory. A corrupt file is renamed and a new log begun; a newer schema or a missing directory is an error.
pub fn open(path: &Path, now_us: i64, max_pages: Option<u32>) -> Result<Opened, Failure> {
    let (db, quarantined) = match attempt(path) {
        Ok(db) => (db, None),
        Err(Trouble::Corrupt(why)) => {
            let aside = quarantine(path, now_us)?;
            let db = attempt(path).map_err(|trouble| trouble.failure(path))?;
            (db, Some((aside, why)))
        }
        Err(trouble) => return Err(trouble.failure(path)),
    };
    let set = |sql: &str| {
        db.execute_batch(sql).map_err(|e| {
            Trouble::Sqlite(SqliteError::Sqlite { operation: "setting up", path: path.display().to_string(), source: e }).failure(path)
        })
    };
    // Checkpoints are another thread's; the WAL is cut back to this size when it starts anew.
    set("PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=83886080; PRAGMA cache_size=-4096;")?;
    // The file's name is as durable as what is in it; SQLite sees to that for the WAL only.
    let directory = path.parent().unwrap_or(path);
    let synced = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|e| Failure::new(Exit::Failure, format!("syncing {}", directory.display())).caused_by(e))?;
    lengthen_wal(path);
    if let Some(pages) = max_pages {
        set(&format!("PRAGMA max_page_count={pages}"))?;
    }
    Ok(Opened { db, quarantined })
}

/// For the proof that the power test notices: no sync from now on, whatever the writer asks for.
pub fn never_sync(db: &mut Connection) -> rusqlite::Result<()> {
    tracing::warn!("started with --no-sync: what is acknowledged now may be lost when the power fails");
    db.execute_batch("PRAGMA synchronous=OFF")?;
    db.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Pragma { pragma_name: "synchronous", .. } => Authorization::Ignore,
        _ => Authorization::Allow,
    }))
}

/// Writes the WAL's file as long as it is going to be: syncing data into a file that need not grow takes the disk one write, not the
/// two or three of a longer file. Zeros at its end are no pages to SQLite. Before anybody else writes to it.
fn lengthen_wal(path: &Path) {
    static CHUNK: [u8; 1 << 16] = [0; 1 << 16];
    let wanted = u64::from(WAKE_PAGES) * PAGE;
    let lengthen = || -> std::io::Result<()> {
        let room = nix::sys::statvfs::statvfs(path).map(|fs| fs.blocks_available() * fs.fragment_size()).map_err(std::io::Error::from)?;
        let mut file = std::fs::File::options().append(true).open(format!("{}-wal", path.display()))?;
        let mut length = file.metadata()?.len();
        while length < wanted && room > ROOM {
            std::io::Write::write_all(&mut file, &CHUNK)?;
            length += CHUNK.len() as u64;
        }
        file.sync_all()
    };
    if let Err(error) = lengthen() {
        tracing::info!(%error, "the write-ahead log was not made longer beforehand; the first events take a little longer");
    }
}

/// A connection that only reads.
pub fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.execute_batch("PRAGMA query_only=ON; PRAGMA busy_timeout=5000; PRAGMA cache_size=-2048;")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

enum Trouble {
    Corrupt(String),
    Sqlite(SqliteError),
}

impl Trouble {
    fn failure(self, path: &Path) -> Failure {
        let directory = path.parent().unwrap_or(path).display();
        match self {
            Trouble::Corrupt(why) => Failure::new(Exit::Failure, format!("the new event log {} is corrupt at once: {why}", path.display()))
                .hint(format!("check the file system and the disk under {directory}")),
            Trouble::Sqlite(e @ SqliteError::Newer { .. }) => Failure::new(Exit::Config, e.to_string())
                .hint("or move the file away to begin a new log; events in it are then not delivered"),
            Trouble::Sqlite(e) => Failure::new(Exit::Failure, "opening the event log")
                .hint(format!("check that {directory} exists, is writable and has room"))
                .caused_by(e),
        }
    }
}

fn corrupt(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(e, _) if matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn attempt(path: &Path) -> Result<Connection, Trouble> {
    let db = match sqlite::open(path, MIGRATIONS) {
        Ok(db) => db,
        Err(SqliteError::Sqlite { source, .. }) if corrupt(&source) => return Err(Trouble::Corrupt(source.to_string())),
        Err(other) => return Err(Trouble::Sqlite(other)),
    };
    match quick_check(&db) {
        Ok(None) => Ok(db),
        Ok(Some(why)) => Err(Trouble::Corrupt(why)),
        Err(e) if corrupt(&e) => Err(Trouble::Corrupt(e.to_string())),
        Err(e) => Err(Trouble::Sqlite(SqliteError::Sqlite { operation: "checking", path: path.display().to_string(), source: e })),
    }
}

/// What is wrong, if anything was found within the time.
fn quick_check(db: &Connection) -> rusqlite::Result<Option<String>> {
    let interrupt = db.get_interrupt_handle();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let result = std::thread::scope(|threads| {
        threads.spawn(move || {
            if wait.recv_timeout(CHECK_TIME) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let result = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        drop(done);
        result
    });
    match result {
        Ok(ok) if ok == "ok" => Ok(None),
        Ok(why) => Ok(Some(why)),
        Err(rusqlite::Error::SqliteFailure(e, _)) if e.code == ErrorCode::OperationInterrupted => {
            tracing::info!("the event log is too large to be checked before start; the check was ended after {} s", CHECK_TIME.as_secs());
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// Renames the database with its side files, so that nothing of it is lost and nothing of it is used.
fn quarantine(path: &Path, now_us: i64) -> Result<PathBuf, Failure> {
    let suffix = format!("corrupt-{}", now_us / 1_000_000);
    let name = |tail: &str| PathBuf::from(format!("{}{tail}", path.display()));
    let aside = name(&format!(".{suffix}"));
    for tail in ["-wal", "-shm", ""] {
        let from = name(tail);
        let to = PathBuf::from(format!("{}{tail}", aside.display()));
        match std::fs::rename(&from, &to) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => {
                return Err(Failure::new(Exit::Failure, format!("moving the corrupt event log {} aside", from.display()))
                    .hint("move it away by hand and start again")
                    .caused_by(e));
            }
        }
    }
    Ok(aside)
}
