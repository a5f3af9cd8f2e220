//! Damage to the suite's databases on a real machine: what takes their place, what is said, and what a person confirms.
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, running, start};
use serde_json::Value;

on_both!(damaged_databases_are_replaced_and_told_until_confirmed, newer_and_foreign_databases_are_told_apart);

/// Each database, and the unit that owns it.
const OWNERS: [(&str, &str, &str); 4] = [
    ("events", "event-router", "ringrift-event-router.service"),
    ("coordination", "coordinator", "ringrift-coordinator.service"),
    ("master", "master", "ringrift-master.service"),
    ("catalog", "data-pipeline", "ringrift-data-pipeline.service"),
];

fn path(name: &str, folder: &str) -> String {
    format!("/var/lib/ringrift/{folder}/{name}.db")
}

fn stop(m: &Machine) {
    m.ok("systemctl stop ringrift-master.target");
    for (_, _, unit) in OWNERS {
        m.wait_state(unit, "inactive", MINUTE);
    }
}

fn notices(m: &Machine) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&m.ok("ringrift database list --json")).expect("JSON");
    listed["notices"].as_array().cloned().unwrap_or_default()
}

fn damaged_databases_are_replaced_and_told_until_confirmed(m: &Machine) {
    start(m);
    for (name, folder, _) in OWNERS {
        m.wait_for("a snapshot of each database", MINUTE, || {
            let ran = m.run(&format!("ls /var/lib/ringrift/{folder}/snapshots/"));
            if ran.out.contains(&format!("{name}-")) { Ok(()) } else { Err(format!("{name}: {}", ran.out)) }
        });
    }
    assert!(notices(m).is_empty());
    stop(m);
    for (name, folder, _) in OWNERS {
        let left = m.ok(&format!("cd /var/lib/ringrift/{folder}; ls {name}.db*"));
        assert_eq!(left.trim(), format!("{name}.db"), "an orderly stop leaves one file");
    }
    // Cut off, overwritten, emptied, deleted.
    m.ok(&format!("truncate -s 8192 {}", path("master", "master")));
    m.ok(&format!("dd if=/dev/zero of={} bs=4096 count=3 conv=notrunc", path("events", "event-router")));
    m.ok(&format!("truncate -s 0 {}", path("catalog", "data-pipeline")));
    m.ok(&format!("rm {}", path("coordination", "coordinator")));
    start(m);
    let told = notices(m);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|n| n["restored"].is_string()), "each had a snapshot: {told:?}");
    let status = m.ok("ringrift status");
    let events = m.wait_for("an event for each", MINUTE, || {
        let events = m.ok("ringrift events tail --type DATABASE_QUARANTINED --json -n 10");
        if events.lines().count() == 4 { Ok(events) } else { Err(events) }
    });
    let said = m.journal("MESSAGE_ID=5f0c62d1a9e94d3cb27be7f1c0d4a836");
    assert_eq!(said.len(), 4, "{:?}", said.iter().map(|e| e.message().to_owned()).collect::<Vec<_>>());
    for (name, _, _) in OWNERS {
        assert!(status.contains(&format!("ringrift database confirm {name}")), "{name}: {status}");
        assert!(events.contains(&format!("\"database\":\"{name}\"")), "{name}: {events}");
        m.ok(&format!("ringrift database confirm {name}"));
    }
    assert!(notices(m).is_empty());
    let status = m.ok("ringrift status");
    assert!(!status.contains("database confirm"), "{status}");
}

fn newer_and_foreign_databases_are_told_apart(m: &Machine) {
    start(m);
    stop(m);
    let coordination = path("coordination", "coordinator");
    let ends = |code: &str, part: &str| {
        m.run("systemctl start ringrift-coordinator.service");
        m.wait_state("ringrift-coordinator.service", "failed", MINUTE);
        assert_eq!(m.show("ringrift-coordinator.service", "ExecMainStatus"), code);
        let said = m.journal("-u ringrift-coordinator.service");
        assert!(said.iter().any(|e| e.message().contains(part)), "{part}");
        assert!(!said.iter().any(|e| e.message().contains("configuration refused")), "another sentence");
        m.ok("systemctl reset-failed ringrift-coordinator.service ringrift-coordinator.socket ringrift-job.socket");
    };
    // The header's user_version.
    m.ok(&format!(
        "cp -p {coordination} {coordination}.kept; printf '\\000\\000\\000\\143' | dd of={coordination} bs=1 seek=60 conv=notrunc"
    ));
    ends("65", "schema version 99");
    m.ok(&format!("mv {coordination}.kept {coordination}; chown root: {coordination}"));
    ends("77", "belongs to user root");
    assert!(notices(m).is_empty(), "neither is damaged");
    m.ok(&format!("chown ringrift: {coordination}"));
    start(m);
    m.wait_for("all daemons", MINUTE, || running(m, daemons()));
}
