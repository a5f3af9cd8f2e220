//! Opening `events.db`: the way of all databases, and what is the event log's own.
use super::schema::MIGRATIONS;
use crate::contract::error::{Exit, Failure};
use crate::platform::store::{self, Database, DatabaseError, Keep, Spec};
use crate::router::checkpoint::WAKE_PAGES;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::path::Path;

/// Bytes of a page with its header in the WAL.
const WAL_FRAME_BYTES: u64 = 4096 + 24;
/// With less room on the disk the WAL grows only as it must.
const MIN_FREE_BYTES: u64 = 1 << 30;

/// Opens the log.
pub fn open(path: &Path, keep: Keep, max_pages: Option<u32>) -> Result<Database, Failure> {
    let holds = "events, the positions of their subscribers, dead letters";
    let db = store::open(&Spec { path: path.to_owned(), migrations: MIGRATIONS, holds, keep })?;
    let set = |sql: &str| db.execute_batch(sql).map_err(DatabaseError::sqlite("setting up", path));
    // Checkpoints are another thread's; the WAL is cut back to this size when it starts over.
    set("PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=83886080; PRAGMA cache_size=-4096;")?;
    // The file's name is as durable as what is in it; SQLite sees to that for the WAL only.
    let directory = path.parent().unwrap_or(path);
    let synced = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|e| Failure::new(Exit::Failure, format!("syncing {}", directory.display())).caused_by(e))?;
    lengthen_wal(path);
    if let Some(pages) = max_pages {
        set(&format!("PRAGMA max_page_count={pages}"))?;
    }
    Ok(db)
}

/// For the proof that the power test notices: no sync from now on, whatever the writer asks for.
pub fn never_sync(db: &mut Connection) -> rusqlite::Result<()> {
    tracing::warn!("started with --no-sync: a power failure may lose acknowledged events");
    db.execute_batch("PRAGMA synchronous=OFF")?;
    db.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Pragma { pragma_name: "synchronous", .. } => Authorization::Ignore,
        _ => Authorization::Allow,
    }))
}

/// Writes the WAL's file as long as it is going to be: syncing data into a file that need not grow takes the disk one
/// write, not the two or three of a longer file. Zeros at its end are no pages to SQLite. Before anybody else writes to
/// it.
fn lengthen_wal(path: &Path) {
    static CHUNK: [u8; 1 << 16] = [0; 1 << 16];
    let wanted = u64::from(WAKE_PAGES) * WAL_FRAME_BYTES;
    let lengthen = || -> std::io::Result<()> {
        let room = nix::sys::statvfs::statvfs(path)
            .map(|fs| fs.blocks_available() * fs.fragment_size())
            .map_err(std::io::Error::from)?;
        let mut file = std::fs::File::options().append(true).open(format!("{}-wal", path.display()))?;
        let mut length = file.metadata()?.len();
        while length < wanted && room > MIN_FREE_BYTES {
            std::io::Write::write_all(&mut file, &CHUNK)?;
            length += CHUNK.len() as u64;
        }
        file.sync_all()
    };
    if let Err(error) = lengthen() {
        tracing::info!(%error, "cannot preallocate the write-ahead log; the first events take a little longer");
    }
}

/// A connection that only reads.
pub fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let db = store::connect(path)?;
    db.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-2048;")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}
