//! The schema of coordination.db, and the epoch that its ids begin with.
use crate::contract::age::Clocks;
use crate::contract::time::Mono;
use crate::platform::age::AgeGuard;
use crate::platform::clock;
use crate::platform::store::{self, Database, DatabaseError, Found, Keep, Spec};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// `MIGRATIONS[i]` brings version i to i + 1; a released one is never edited.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE work (
    n INTEGER PRIMARY KEY AUTOINCREMENT,        -- the number in the id; its order is the order of age
    kind TEXT NOT NULL,
    config_key TEXT NOT NULL,
    priority INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,                         -- NewWork as JSON
    idempotency_key TEXT,
    singleton TEXT,
    created_us INTEGER NOT NULL,
    claimed_us INTEGER,
    started_us INTEGER,
    completed_us INTEGER,
    not_before_us INTEGER,
    node TEXT,
    progress TEXT,                              -- Progress as JSON
    description TEXT,                           -- Description of the last attempt as JSON
    result TEXT,
    error TEXT
);
CREATE UNIQUE INDEX work_idempotency ON work(idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX work_singleton ON work(singleton) WHERE singleton IS NOT NULL AND status IN ('pending', 'claimed',
'running');
CREATE INDEX work_waiting ON work(kind, priority DESC, n) WHERE status = 'pending';
CREATE INDEX work_active ON work(status) WHERE status IN ('pending', 'claimed', 'running');

CREATE TABLE dependency (
    work INTEGER NOT NULL REFERENCES work(n),
    needs INTEGER NOT NULL REFERENCES work(n),
    PRIMARY KEY (work, needs)
) WITHOUT ROWID;
CREATE INDEX dependency_needs ON dependency(needs);

CREATE TABLE lease (
    token INTEGER PRIMARY KEY AUTOINCREMENT,    -- grows with each grant, never used twice
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    work INTEGER UNIQUE REFERENCES work(n),     -- absent: a task that is not in the queue
    requested_by TEXT NOT NULL,
    granted_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,                -- for people; terms are measured on the monotonic clock
    ordered INTEGER NOT NULL DEFAULT 0,         -- the master carried out the start order
    taken INTEGER NOT NULL DEFAULT 0,           -- the unit took the job up
    invocation TEXT NOT NULL DEFAULT '',        -- systemd's id of that run
    fenced TEXT                                 -- why it was fenced off
);

CREATE TABLE outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);
CREATE TABLE outbox_refused (n INTEGER PRIMARY KEY, event TEXT NOT NULL, why TEXT NOT NULL);
",
    "
-- Millionths of a token that were left after the last grant. A restart refills nothing for the time between.
CREATE TABLE bucket (name TEXT PRIMARY KEY, level INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE breaker (
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    failures INTEGER NOT NULL,                  -- in a row while closed
    opened INTEGER NOT NULL,                    -- times in a row; 0: closed
    successes INTEGER NOT NULL,
    since_us INTEGER NOT NULL,                  -- monotonic clock of the process
    reason TEXT NOT NULL,
    failed_us INTEGER NOT NULL,                 -- for people
    PRIMARY KEY (node, kind)
) WITHOUT ROWID;

CREATE TABLE reservation (
    node TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    until_us INTEGER NOT NULL                   -- monotonic clock of the process
) WITHOUT ROWID;
",
    // Managers: order of the queue, durations, bandwidth, optimizer.
    "
ALTER TABLE work ADD COLUMN deadline_us INTEGER;
CREATE INDEX work_granted ON work(kind, claimed_us) WHERE claimed_us IS NOT NULL;

CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('transfer', 0);

CREATE TABLE duration (kind TEXT NOT NULL, config_key TEXT NOT NULL, finished_us INTEGER NOT NULL,
seconds REAL NOT NULL);
CREATE INDEX duration_of ON duration(kind, config_key, finished_us);

CREATE TABLE transfer (                         -- a reservation of bandwidth
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    node TEXT NOT NULL,
    data_type TEXT NOT NULL,
    urgency TEXT NOT NULL,
    kbit INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL                 -- for people; terms are measured on the monotonic clock
) WITHOUT ROWID;
CREATE TABLE throughput (                       -- what a route carried
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL,
    host TEXT NOT NULL,
    data_type TEXT NOT NULL,
    kbit INTEGER NOT NULL,
    at_us INTEGER NOT NULL
);
CREATE INDEX throughput_of ON throughput(host, node, data_type, n);

CREATE TABLE node_use (node TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;      -- NodeUse as JSON
CREATE TABLE controller (node TEXT NOT NULL, resource TEXT NOT NULL, memory TEXT NOT NULL, PRIMARY KEY (node,
resource)) WITHOUT ROWID;
CREATE TABLE rate_log (n INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);      -- AgreedRate as JSON
",
    "
ALTER TABLE lease ADD COLUMN gpus TEXT;         -- a JSON list of numbers; absent: the node has none that we know of
CREATE INDEX work_ended ON work(completed_us) WHERE completed_us IS NOT NULL;
",
    // A retry may run as another user than the attempt whose files it takes over.
    "
CREATE TABLE job_uid (                          -- the users that took an item up, by the kernel's word
    work INTEGER NOT NULL REFERENCES work(n) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    PRIMARY KEY (work, uid)
) WITHOUT ROWID;
",
    // A lease's id is shown to many, its token to none but the holder: the one no longer tells the other.
    "
ALTER TABLE lease ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE lease SET name = (SELECT value FROM meta WHERE name = 'epoch') || '-l' || token;
",
    // An attempt is not interrupted for ever.
    "
ALTER TABLE work ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;       -- of the attempt that is counted now
ALTER TABLE work ADD COLUMN idle_interruptions INTEGER NOT NULL DEFAULT 0;
-- of them the last ones without progress between
ALTER TABLE work ADD COLUMN furthest REAL NOT NULL DEFAULT 0;               -- the progress that it had reached
",
    // Only the process that took a job up keeps its lease.
    "
ALTER TABLE lease ADD COLUMN runner INTEGER NOT NULL DEFAULT 0;             -- process id from the kernel
",
];

/// Numbers that a restored database leaves out: those of jobs and leases that it does not know of any more.
const GAP: u32 = 1_000_000;

/// Opens the database and returns it with its epoch. The times in it that are of the monotonic clock are set to `now`.
pub fn open(path: &Path, keep: Keep, now: Mono) -> Result<(Database, String), DatabaseError> {
    let holds = "the work queue, leases, breakers, the emergency halt";
    let db = store::open(&Spec { path: path.to_owned(), migrations: MIGRATIONS, holds, keep })?;
    let fail = DatabaseError::sqlite("reading the epoch of", path);
    if db.found == Found::Restored {
        // No id and no fencing token is given a second time.
        leave_gaps(&db).map_err(&fail)?;
    }
    db.execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('epoch', ?1)", [new_epoch(clock::random())])
        .map_err(&fail)?;
    // The monotonic clock may be that of another boot: what was to last continues for its whole term, as leases do.
    start_over(&db, now).map_err(&fail)?;
    let epoch = db.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| row.get(0)).map_err(fail)?;
    Ok((db, epoch))
}

fn start_over(db: &Connection, now: Mono) -> rusqlite::Result<()> {
    db.execute("UPDATE breaker SET since_us = ?1", [now.us()])?;
    db.execute("UPDATE reservation SET until_us = ?1 + seconds * 1000000", [now.us()])?;
    Ok(())
}

/// Every table whose numbers are given once. A table of which the snapshot had no row has no number yet either.
fn leave_gaps(db: &Connection) -> rusqlite::Result<()> {
    for table in numbered(db)? {
        let seq: Option<i64> =
            db.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [&table], |row| row.get(0)).optional()?;
        db.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [&table])?;
        db.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
            params![table, seq.unwrap_or(0) + i64::from(GAP)],
        )?;
    }
    Ok(())
}

fn numbered(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%PRIMARY KEY AUTOINCREMENT%'";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The watch over the wall clock for what is in the database.
pub fn age_guard(db: &Connection, path: &Path, now: Clocks) -> Result<AgeGuard, DatabaseError> {
    let newest =
        "SELECT max(created_us, coalesce((SELECT max(completed_us) FROM work), 0)) FROM work ORDER BY n DESC LIMIT 1";
    let newest = db
        .query_row(newest, [], |row| row.get(0))
        .optional()
        .map_err(DatabaseError::sqlite("reading the newest time of", path))?;
    Ok(AgeGuard::new(path, "jobs that ended and measured durations", newest, now))
}

/// Four characters that cannot be mistaken for one another, so that a new database never repeats an old one's ids.
fn new_epoch(random: u128) -> String {
    letters(random, 4)
}

/// So many of those characters, at most 25.
pub fn letters(random: u128, count: usize) -> String {
    (0..count).map(|at| char::from(LETTERS[(random >> (at * 5)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_stays_with_its_database() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("coordination.db");
        let first = open(&path, Keep::NONE, Mono::default()).expect("opens").1;
        assert_eq!(open(&path, Keep::NONE, Mono::default()).expect("opens again").1, first);
        assert_eq!(first.len(), 4);
        assert!(first.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{first}");
    }

    #[test]
    fn a_restored_database_gives_no_number_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let db = open(&dir.path().join("coordination.db"), Keep::NONE, Mono::default()).expect("opens").0;
        let number = |table: &str| {
            let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
            db.query_row(sql, [table], |row| row.get::<_, i64>(0)).optional().expect("read").unwrap_or(0)
        };
        // A snapshot from before the first job has no numbers yet, one from after has some.
        let tables = numbered(&db).expect("listed");
        assert!(["work", "lease", "outbox"].iter().all(|table| tables.iter().any(|t| t == table)), "{tables:?}");
        for _ in 0..2 {
            let before: Vec<i64> = tables.iter().map(|table| number(table)).collect();
            leave_gaps(&db).expect("left");
            let after: Vec<i64> = tables.iter().map(|table| number(table)).collect();
            assert_eq!(after, before.iter().map(|n| n + i64::from(GAP)).collect::<Vec<_>>());
        }
        db.execute("INSERT INTO outbox (event) VALUES ('{}')", []).expect("inserted");
        assert_eq!(db.last_insert_rowid(), 2 * i64::from(GAP) + 1);
    }
}
