//! CROSS_PROCESS_POLLER between a real router and a real SQLite queue as legacy programs use it: both ways, once each,
//! and nothing goes in a circle, wherever the daemon is killed.
use crate::until::{end, until};
use crate::world::{PATIENCE, Router, event};
use ringrift::contract::envelope::Event;
use rusqlite::{Connection, params};
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// The tables of the earlier implementation.
const TABLES: &str = "PRAGMA journal_mode=WAL;
CREATE TABLE events(event_id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, payload TEXT NOT NULL,
source TEXT NOT NULL,
    hostname TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE subscribers(subscriber_id TEXT PRIMARY KEY, process_name TEXT, hostname TEXT, pid INTEGER,
subscribed_types TEXT,
    last_poll_at REAL, created_at REAL);
CREATE TABLE acks(subscriber_id TEXT, event_id INTEGER, acked_at REAL, PRIMARY KEY(subscriber_id, event_id));";

struct Poller(Child);

impl Poller {
    fn start(dir: &Path, crash_at: &str) -> Poller {
        let child = Command::new(env!("CARGO_BIN_EXE_ringrift-daemon"))
            .arg("CROSS_PROCESS_POLLER")
            .env("RINGRIFT_RUN", dir.join("run"))
            .env("RINGRIFT_ETC", dir.join("etc"))
            .env("RINGRIFT_SHARE", dir.join("share"))
            .env("RINGRIFT_STATE", dir.join("poller"))
            .env("RINGRIFT_BACKOFF", "systemd")
            .env("RINGRIFT_CRASH_AT", crash_at)
            .stderr(Stdio::from(
                std::fs::File::options().create(true).append(true).open(dir.join("poller.log")).expect("a log"),
            ))
            .spawn()
            .expect("the poller starts");
        Poller(child)
    }
    fn end(&mut self) -> ExitStatus {
        end("a poller that was to crash", PATIENCE, &mut self.0)
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for what the poller does; its log is part of the state.
fn polled<T>(dir: &Path, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let log = || std::fs::read_to_string(dir.join("poller.log")).unwrap_or_default();
    until(what, PATIENCE, || look().map_err(|state| format!("{state}; {}", log())))
}

fn world(dir: &Path) -> (Router, Connection) {
    let router = Router::start(dir, &[]);
    std::os::unix::fs::symlink(dir.join("socket"), dir.join("run/router.sock")).expect("the socket where daemons look");
    let database = dir.join("old.db");
    let settings = format!("daemons: {{cross_process_poller: {{database: {}}}}}\n", database.display());
    std::fs::write(dir.join("etc/unified_loop.yaml"), settings).expect("a configuration");
    let old = Connection::open(&database).expect("a database");
    old.execute_batch(TABLES).expect("its tables");
    (router, old)
}

fn write(old: &Connection, kind: &str, payload: &str) {
    let sql = "INSERT INTO events(event_type, payload, source, hostname, created_at) VALUES(?, ?, 'old_program', 'h', 1700000000.25)";
    old.execute(sql, params![kind, payload]).expect("a row");
}

/// Types and payloads in the old queue that the old program did not write itself.
fn put_in(old: &Connection) -> Vec<(String, String)> {
    let mut rows = old
        .prepare("SELECT event_type, payload FROM events WHERE source <> 'old_program' ORDER BY event_id")
        .expect("a query");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn log(router: &Router) -> Vec<Event> {
    router.caller().replay(&json!({})).into_iter().filter_map(|d| d.event).collect()
}

fn boost(factor: f64) -> serde_json::Value {
    json!({"config_key": "hex8_2p", "boost_factor": factor, "reason": "r"})
}

#[test]
fn both_ways_once_each_and_in_no_circle_wherever_it_is_killed() {
    for step in ["after_handler:2", "after_save", "after_publish", "before_ack"] {
        let dir = tempfile::tempdir().expect("a directory");
        let (router, old) = world(dir.path());
        write(&old, "EXPLORATION_BOOST", r#"{"config": "hex8_2p", "boost_factor": 1.5, "reason": "old"}"#);
        write(&old, "nas_triggered", r#"{"config": "hex8_2p", "n": 1}"#);
        write(&old, "promotion_complete", r#"{"model_id": "m"}"#);
        router.caller().register("cross-process-poller", ringrift::contract::router::Start::Now);
        router.caller().publish(vec![event("exploration_boost", boost(1.75))]).expect("stored");
        let mut poller = Poller::start(dir.path(), step);
        assert!(poller.end().code().is_none(), "{step}: killed by a signal");
        let _poller = Poller::start(dir.path(), "");
        let came = polled(dir.path(), "all in", || {
            let came: Vec<Event> = log(&router)
                .into_iter()
                .filter(|e| e.source == "cross-process-poller" && e.kind != "daemon_health")
                .collect();
            let acked: i64 = old.query_row("SELECT count(*) FROM acks", [], |row| row.get(0)).expect("a count");
            if came.len() >= 3 && acked >= 3 {
                Ok(came)
            } else {
                Err(format!("{step}: {came:?}, {acked} acknowledged"))
            }
        });
        let mut kinds: Vec<&str> = came.iter().map(|e| e.kind.as_str()).filter(|k| !k.starts_with("daemon_")).collect();
        kinds.sort_unstable();
        // Who can write the file must not promote models by it.
        assert_eq!(kinds, ["exploration_boost", "external.model_promoted", "external.nas_triggered"], "{step}");
        let out = polled(dir.path(), "out", || {
            let out = put_in(&old);
            if out.is_empty() { Err(step.to_owned()) } else { Ok(out) }
        });
        assert_eq!(out.len(), 1, "{step}: {out:?}");
        assert!(out[0].0 == "exploration_boost" && out[0].1.contains("1.75"), "{step}: {out:?}");

        // One more each way, after all that.
        write(&old, "nas_triggered", r#"{"config": "hex8_2p", "n": 2}"#);
        router.caller().publish(vec![event("exploration_boost", boost(1.25))]).expect("stored");
        polled(dir.path(), "the last ones", || {
            let last = log(&router).iter().filter(|e| e.kind == "external.nas_triggered").count();
            let out = put_in(&old);
            match (last, out.len()) {
                (2, 2) => Ok(()),
                state => Err(format!("{step}: {state:?}, {out:?}")),
            }
        });
        assert_eq!(
            log(&router).iter().filter(|e| e.kind == "exploration_boost").count(),
            3,
            "{step}: nothing came back in"
        );
    }
}

#[test]
fn a_queue_that_is_made_anew_is_read_from_its_beginning() {
    let dir = tempfile::tempdir().expect("a directory");
    let (router, old) = world(dir.path());
    write(&old, "one", "{}");
    write(&old, "two", "{}");
    let _poller = Poller::start(dir.path(), "");
    let kinds = |wanted: usize| {
        polled(dir.path(), "in", || {
            let kinds: Vec<String> =
                log(&router).into_iter().map(|e| e.kind).filter(|k| k.starts_with("external.")).collect();
            if kinds.len() == wanted { Ok(kinds) } else { Err(format!("{kinds:?}")) }
        })
    };
    kinds(2);
    drop(old);
    for tail in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{tail}", dir.path().join("old.db").display()));
    }
    let old = Connection::open(dir.path().join("new.db")).expect("a database");
    old.execute_batch(TABLES).expect("its tables");
    let sql = "INSERT INTO events(event_type, payload, source, hostname, created_at) VALUES('three', '{}', 'old_program', 'h', 1800000000)";
    old.execute(sql, []).expect("a row");
    old.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("all in one file");
    std::fs::rename(dir.path().join("new.db"), dir.path().join("old.db")).expect("in its place");
    assert_eq!(kinds(3), ["external.one", "external.two", "external.three"]);
}
