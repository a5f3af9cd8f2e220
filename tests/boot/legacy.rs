//! Legacy programs and their SQLite queue, bridged by the hardened unit.
use crate::machine::Machine;
use std::process::Command;
use std::time::Duration;

on_both!(the_queue_of_old_is_bridged);

/// A queue with one event in it, as text that a shell can take.
fn queue() -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.db");
    let db = rusqlite::Connection::open(&path).expect("a database");
    db.execute_batch(
        "CREATE TABLE events(event_id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL,
          payload TEXT NOT NULL,
             source TEXT NOT NULL, hostname TEXT NOT NULL, created_at REAL NOT NULL);
         INSERT INTO events(event_type, payload, source, hostname, created_at)
             VALUES('EXPLORATION_BOOST', '{\"config\": \"hex8_2p\", \"boost_factor\": 1.25, \"reason\": \"of old\"}',
             'old', 'h', 1700000000.5);",
    )
    .expect("the queue");
    drop(db);
    let encoded = Command::new("base64").arg(&path).output().expect("base64 runs");
    String::from_utf8(encoded.stdout).expect("text")
}

fn the_queue_of_old_is_bridged(m: &Machine) {
    assert_eq!(m.ok("stat -c '%U %G %a' /var/lib/ringrift/legacy"), "ringrift ringrift 2770");
    m.write("/root/queue", &queue());
    // A program of old: another user in the group.
    m.ok("useradd --system -G ringrift old && install -o old -g ringrift -m 660 /dev/null /var/lib/ringrift/legacy/events.db");
    m.ok("base64 -d /root/queue > /var/lib/ringrift/legacy/events.db");
    m.ok("systemctl start ringrift-cross-process-poller.service");
    m.wait_for("the event of old to be in the log", Duration::from_secs(60), || {
        let tail = m.run("ringrift events tail --type external.exploration_boost --json");
        let came =
            tail.out.lines().filter(|line| line.contains("of old") && line.contains("cross-process-poller")).count();
        if came == 1 { Ok(()) } else { Err(format!("{} {}", tail.out, tail.err)) }
    });
    // Its file is writable for members of ringrift, who may not publish what the loop believes.
    assert_eq!(m.ok("ringrift events tail --type exploration_boost --json"), "");
    let told = m
        .journal("-u ringrift-cross-process-poller.service")
        .iter()
        .filter(|e| e.message().contains("may not publish exploration_boost"))
        .count();
    assert_eq!(told, 1);
    // And out: once, and not what came in.
    m.ok("ringrift events emit EXPLORATION_BOOST config_key=hex8_2p boost_factor=1.5 reason=today");
    m.wait_for("today's event to be carried out", Duration::from_secs(60), || {
        let said = m.show("ringrift-cross-process-poller.service", "StatusText");
        if said.contains("events: 1 received, 1 sent") { Ok(()) } else { Err(said) }
    });
    m.ok_as("old", "test -r /var/lib/ringrift/legacy/events.db -a -w /var/lib/ringrift/legacy/events.db");
}
