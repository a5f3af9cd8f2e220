//! The earlier implementation's event queue, a SQLite database that is not ours: legacy programs write and read it
//! beside us. It is the one database with several writers that we touch, since that is how those programs talk; nothing
//! of ours is kept in it but the list of what we put in.
use crate::contract::foreign::{ForeignEvent, ForeignQueue, OURS};
use crate::contract::ports::StoreError;
use crate::contract::rights::Class;
use crate::platform::access_list::{AccessList, Who};
use crate::platform::clock::now_us;
use crate::platform::host::node_id;
use crate::platform::store;
use crate::platform::varlink::{Peer, Suite};
use nix::unistd::{User, getgrouplist};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde_json::{Map, Value};
use std::ffi::CString;
use std::fs::{Metadata, metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How long another writer is waited for. Below the watchdog's limit.
const BUSY_MS: u32 = 5_000;
/// So many of the events that we put in last are remembered: weeks of them.
const MAX_OWN_EVENTS: i64 = 1_000_000;
/// The tables as the earlier implementation makes them, and our own list.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS events(event_id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL,
payload TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '', hostname TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS subscribers(subscriber_id TEXT PRIMARY KEY, process_name TEXT, hostname TEXT, pid INTEGER,
    subscribed_types TEXT, last_poll_at REAL, created_at REAL);
CREATE TABLE IF NOT EXISTS acks(subscriber_id TEXT NOT NULL, event_id INTEGER NOT NULL, acked_at REAL,
PRIMARY KEY(subscriber_id, event_id));
CREATE TABLE IF NOT EXISTS ringrift_put(id TEXT PRIMARY KEY, put_at REAL NOT NULL);";

/// The queue in a file, opened for each call: whoever made it may replace it.
#[derive(Debug, Default)]
pub struct ForeignDb;

fn failed(operation: &str, database: &str) -> impl Fn(rusqlite::Error) -> StoreError {
    let operation = format!("{operation} {database}");
    move |error| {
        let (operation, why) = (operation.clone(), error.to_string());
        match store::class(&error) {
            store::Class::Passing => StoreError::Failed { operation, why },
            // Others own the file: to open it again fixes nothing here.
            store::Class::Input | store::Class::Database => StoreError::Unfit { operation, why },
        }
    }
}

fn seconds() -> f64 {
    now_us() as f64 / 1e6
}

/// Opens a file that is there; it is not made here.
fn open(database: &str) -> Result<Option<Connection>, StoreError> {
    if !Path::new(database).exists() {
        return Ok(None);
    }
    let fail = failed("opening", database);
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(&fail)?;
    db.execute_batch(&format!("PRAGMA busy_timeout={BUSY_MS}; PRAGMA synchronous=FULL;")).map_err(&fail)?;
    let known = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('events', 'subscribers', \
        'acks', 'ringrift_put')";
    if db.query_row(known, [], |row| row.get::<_, i64>(0)).map_err(&fail)? < 4 {
        db.execute_batch(TABLES).map_err(&fail)?;
    }
    Ok(Some(db))
}

/// The user and group that stand for those which the user namespace of this process does not show.
const OVERFLOW_ID: u32 = 65_534;

/// The class of a user in these groups; of one that is not shown none is known.
fn class(suite: &Suite, uid: u32, gids: Vec<u32>) -> Class {
    suite.class(&Peer { uid, gids, pid: 0 })
}

/// A file or folder, with the access list that it may have.
type Entry = (Metadata, Option<AccessList>);

/// The least class of those who can write beside the owner.
fn least_other((meta, list): &Entry, suite: &Suite) -> Class {
    if let Some(list) = list {
        let of = |who: Who| match who {
            Who::Owner => Class::Root,
            Who::User(uid) => class(suite, uid, groups(uid)),
            Who::OwnGroup => class(suite, u32::MAX, vec![meta.gid()]),
            Who::Group(gid) => class(suite, u32::MAX, vec![gid]),
            Who::Others => Class::Anybody,
        };
        return list.writers().map(of).min().unwrap_or(Class::Root);
    }
    match meta.mode() {
        mode if mode & 0o002 != 0 => Class::Anybody,
        mode if mode & 0o020 != 0 => class(suite, u32::MAX, vec![meta.gid()]),
        _ => Class::Root,
    }
}

/// The least class of those who can write a file, or replace it in its folder.
fn least_writer(file: &Entry, folder: &Entry, suite: &Suite) -> Class {
    let folder_least = least_other(folder, suite).min(class(suite, folder.0.uid(), groups(folder.0.uid())));
    let owner = match file.0.uid() {
        // Nobody gets to the file but those who can write the folder.
        OVERFLOW_ID if folder.0.mode() & 0o001 == 0 => folder_least,
        OVERFLOW_ID => Class::Anybody,
        uid => class(suite, uid, groups(uid)),
    };
    folder_least.min(owner).min(least_other(file, suite))
}

/// The groups that a user is in, by this machine's word.
fn groups(uid: u32) -> Vec<u32> {
    let Ok(Some(user)) = User::from_uid(uid.into()) else { return Vec::new() };
    let name = CString::new(user.name).unwrap_or_default();
    getgrouplist(&name, user.gid).map(|groups| groups.into_iter().map(|gid| gid.as_raw()).collect()).unwrap_or_default()
}

impl ForeignQueue for ForeignDb {
    fn writers(&self, database: &str) -> Result<Class, StoreError> {
        let path = Path::new(database);
        let failed = |e: std::io::Error| StoreError::Failed {
            operation: format!("reading the owner of {database}"),
            why: e.to_string(),
        };
        let file = match metadata(path) {
            // Nobody wrote what is not there.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Class::Suite),
            file => file.map_err(failed)?,
        };
        let around = path.parent().unwrap_or(path);
        let folder = metadata(around).map_err(failed)?;
        Ok(least_writer(&(file, AccessList::of(path)), &(folder, AccessList::of(around)), Suite::here()))
    }

    fn read(&self, database: &str, after: i64, limit: u32) -> Result<(Vec<ForeignEvent>, i64), StoreError> {
        let Some(db) = open(database)? else { return Ok((Vec::new(), after)) };
        let fail = failed("reading", database);
        let now = seconds();
        db.execute(
            "INSERT INTO subscribers(subscriber_id, process_name, hostname, pid, subscribed_types, last_poll_at,
              created_at)
             VALUES(?1, ?1, ?2, ?3, '[]', ?4, ?4) ON CONFLICT(subscriber_id) DO UPDATE SET last_poll_at = ?4, pid = ?3",
            params![OURS, node_id("").to_string(), std::process::id(), now],
        )
        .map_err(&fail)?;
        let mut rows = db
            .prepare(
                "SELECT event_id, event_type, payload, source, hostname, created_at FROM events WHERE event_id > \
                ? ORDER BY event_id LIMIT ?",
            )
            .map_err(&fail)?;
        // Columns of old programs may hold anything: NULLs, numbers, texts of numbers.
        let text = |value: rusqlite::types::Value| match value {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            rusqlite::types::Value::Integer(n) => n.to_string(),
            rusqlite::types::Value::Real(n) => n.to_string(),
            rusqlite::types::Value::Null => String::new(),
        };
        let found = rows.query_map(params![after, limit], |row| {
            Ok(ForeignEvent {
                event_id: row.get(0)?,
                event_type: text(row.get(1)?),
                payload: text(row.get(2)?),
                source: text(row.get(3)?),
                hostname: text(row.get(4)?),
                created_at: text(row.get(5)?).parse().unwrap_or(0.0),
            })
        });
        let all: Vec<ForeignEvent> = found.and_then(Iterator::collect).map_err(&fail)?;
        let last = all.last().map_or(after, |event| event.event_id);
        Ok((all.into_iter().filter(|event| event.source != OURS).collect(), last))
    }

    fn created_at(&self, database: &str, event_id: i64) -> Result<Option<f64>, StoreError> {
        let Some(db) = open(database)? else { return Ok(None) };
        db.query_row("SELECT CAST(created_at AS REAL) FROM events WHERE event_id = ?", [event_id], |row| {
            row.get::<_, Option<f64>>(0)
        })
        .optional()
        .map(Option::flatten)
        .map_err(failed("reading", database))
    }

    fn acknowledge(&self, database: &str, ids: &[i64]) -> Result<(), StoreError> {
        let (Some(mut db), false) = (open(database)?, ids.is_empty()) else { return Ok(()) };
        let fail = failed("writing to", database);
        let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(&fail)?;
        for id in ids {
            step.execute(
                "INSERT OR IGNORE INTO acks(subscriber_id, event_id, acked_at) VALUES(?, ?, ?)",
                params![OURS, id, seconds()],
            )
            .map_err(&fail)?;
        }
        step.commit().map_err(&fail)
    }

    fn put(
        &self,
        database: &str,
        event_id: &str,
        kind: &str,
        payload: &Map<String, Value>,
        created_at: f64,
    ) -> Result<bool, StoreError> {
        let Some(mut db) = open(database)? else { return Ok(false) };
        let fail = failed("writing to", database);
        let payload = Value::Object(payload.clone()).to_string();
        let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(&fail)?;
        // Both or neither: an event that is delivered again after a crash finds itself on the list.
        let fresh = step
            .execute("INSERT OR IGNORE INTO ringrift_put(id, put_at) VALUES(?, ?)", params![event_id, seconds()])
            .map_err(&fail)?;
        if fresh == 1 {
            step.execute(
                "INSERT INTO events(event_type, payload, source, hostname, created_at) VALUES(?, ?, ?, ?, ?)",
                params![kind, payload, OURS, node_id("").to_string(), created_at],
            )
            .map_err(&fail)?;
            step.execute(
                "DELETE FROM ringrift_put WHERE rowid < (SELECT max(rowid) FROM ringrift_put) - ?",
                [MAX_OWN_EVENTS],
            )
            .map_err(&fail)?;
        }
        step.commit().map_err(&fail)?;
        Ok(fresh == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_rights_of_the_least_who_can_write_the_file_or_its_folder() {
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let (folder, path) = (dir.path().join("legacy"), dir.path().join("legacy/events.db"));
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(&path, "").expect("written");
        let of = |folder_mode: u32, mode: u32| {
            set_permissions(&folder, Permissions::from_mode(folder_mode)).expect("set");
            set_permissions(&path, Permissions::from_mode(mode)).expect("set");
            ForeignDb.writers(&path.display().to_string()).expect("looked at")
        };
        assert!(of(0o700, 0o600).is_own(), "ours alone");
        assert_eq!((of(0o700, 0o666), of(0o777, 0o600)), (Class::Anybody, Class::Anybody));
        let group = Suite::here().class(&Peer { uid: u32::MAX, gids: vec![nix::unistd::getegid().as_raw()], pid: 0 });
        assert_eq!((of(0o770, 0o600), of(0o700, 0o660)), (group, group));
    }

    #[test]
    fn rows_of_others_are_read_in_order_and_ours_are_put_in_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("events.db").display().to_string();
        assert_eq!(ForeignDb.read(&path, 0, 9), Ok((Vec::new(), 0)), "there is no file, and none is made");
        assert_eq!(ForeignDb.put(&path, "a", "new_games", &Map::new(), 1.0), Ok(false));
        assert!(!Path::new(&path).exists());
        let db = Connection::open(&path).expect("the old program's database");
        db.execute_batch("PRAGMA journal_mode=WAL").expect("as the original has it");
        db.execute_batch(TABLES).expect("its tables");
        let put = |kind: &str, payload: Option<&str>| {
            let sql =
                "INSERT INTO events(event_type, payload, source, hostname, created_at) VALUES(?, ?, 'old', 'h', 1.5)";
            db.execute(sql, params![kind, payload.unwrap_or_default()]).expect("a row");
        };
        put("new_games", Some("{}"));
        put("x", None);
        assert_eq!(ForeignDb.put(&path, "a", "model_promoted", &Map::new(), 2.0), Ok(true));
        assert_eq!(ForeignDb.put(&path, "a", "model_promoted", &Map::new(), 2.0), Ok(false), "once for each id");
        put("y", Some("no json"));
        let (rows, last) = ForeignDb.read(&path, 0, 9).expect("rows");
        assert_eq!(
            rows.iter().map(|r| (r.event_id, r.event_type.as_str())).collect::<Vec<_>>(),
            [(1, "new_games"), (2, "x"), (4, "y")]
        );
        assert_eq!(last, 4);
        assert_eq!(ForeignDb.read(&path, 1, 1).expect("a row").1, 2, "in portions");
        assert_eq!(ForeignDb.created_at(&path, 4), Ok(Some(1.5)));
        ForeignDb.acknowledge(&path, &[1, 2]).expect("acknowledged");
        ForeignDb.acknowledge(&path, &[2]).expect("again");
        let acks: i64 = db
            .query_row("SELECT count(*) FROM acks WHERE subscriber_id = ?", [OURS], |row| row.get(0))
            .expect("a count");
        assert_eq!(acks, 2);
        let polled: f64 =
            db.query_row("SELECT last_poll_at FROM subscribers", [], |row| row.get(0)).expect("we are a subscriber");
        assert!(polled > 1e9);
    }
}
