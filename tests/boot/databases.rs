//! Damage to the suite's databases on a real machine: what takes their place, what is said, and what a person confirms.
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, running, start};
use serde_json::Value;

on_both!(
    damaged_databases_are_replaced_and_told_until_confirmed,
    databases_that_break_in_use_are_replaced_while_the_loop_runs,
    a_rebuilt_catalog_has_the_models_that_the_lost_one_had,
    newer_and_foreign_databases_are_told_apart,
);

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
    let problems = crate::faults::problems(m);
    let events = m.wait_for("an event for each", MINUTE, || {
        let events = m.ok("ringrift events tail --type DATABASE_QUARANTINED --json -n 10");
        if events.lines().count() == 4 { Ok(events) } else { Err(events) }
    });
    let said = m.journal("MESSAGE_ID=5f0c62d1a9e94d3cb27be7f1c0d4a836");
    assert_eq!(said.len(), 4, "{:?}", said.iter().map(|e| e.message().to_owned()).collect::<Vec<_>>());
    for (name, _, _) in OWNERS {
        let confirm = format!("ringrift database confirm {name}");
        let found: Vec<_> = problems.iter().filter(|p| p["next"].to_string().contains(&confirm)).collect();
        assert!(found.len() == 1 && found[0]["code"] == "RR-DATABASE-LOST", "{name}: {problems:?}");
        assert!(events.contains(&format!("\"database\":\"{name}\"")), "{name}: {events}");
        m.ok(&format!("ringrift database confirm {name}"));
    }
    assert!(notices(m).is_empty());
    let left = crate::faults::problems(m);
    assert!(!left.iter().any(|p| p["code"] == "RR-DATABASE-LOST"), "{left:?}");
}

/// How many results of self-play the event log names.
fn played(m: &Machine) -> u64 {
    let shown = m.run("ringrift events tail --type SELFPLAY_COMPLETE --json -n 1000");
    shown.out.lines().count() as u64
}

fn databases_that_break_in_use_are_replaced_while_the_loop_runs(m: &Machine) {
    start(m);
    m.wait_for("results of self-play", 5 * MINUTE, || match played(m) {
        0 => Err(m.run("ringrift jobs list").out),
        _ => Ok(()),
    });
    // An orderly stop copies the logs back: what is overwritten then is what the files have, and no log hides it.
    stop(m);
    start(m);
    for (name, folder, unit) in OWNERS {
        let (file, before) = (path(name, folder), m.show(unit, "MainPID"));
        m.ok(&format!("pages=$(($(stat -c %s {file}) / 4096)); test $pages -gt 4; yes | dd of={file} bs=4096 seek=2 count=$((pages - 2)) iflag=fullblock conv=notrunc"));
        m.wait_for(&format!("{unit} to work again, with a notice"), MINUTE, || {
            let (pid, state) = (m.show(unit, "MainPID"), m.show(unit, "ActiveState"));
            let listed = m.run("ringrift database list --json");
            let told: Value = serde_json::from_str(&listed.out).unwrap_or_default();
            let named = told["notices"].as_array().is_some_and(|told| told.iter().any(|n| n["name"] == name));
            match named && state == "active" && pid != before && pid != "0" {
                true => Ok(()),
                false => Err(format!("{pid} after {before}, {state}: {told} {}", listed.err)),
            }
        });
        let said = m.journal(&format!("-u {unit} -p err"));
        let ended =
            said.iter().any(|e| e.message().contains("is unusable (") && e.message().contains(&format!("{name}.db")));
        assert!(ended, "{unit}: {:?}", said.iter().map(|e| e.message().to_owned()).collect::<Vec<_>>());
        let status = m.run("ringrift status").out;
        assert!(status.contains(&format!("ringrift database confirm {name}")), "{status}");
    }
    let told = notices(m);
    assert!(told.iter().all(|n| n["reason"].as_str().is_some_and(|r| r.contains("it failed in use"))), "{told:?}");
    m.wait_for("an event for each", MINUTE, || {
        let events = m.ok("ringrift events tail --type DATABASE_QUARANTINED --json -n 10");
        let missing: Vec<&str> =
            OWNERS.iter().map(|o| o.0).filter(|name| !events.contains(&format!("\"database\":\"{name}\""))).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("none of {missing:?}: {events}")) }
    });
    for (name, _, _) in OWNERS {
        m.ok(&format!("ringrift database confirm {name}"));
    }
    assert!(notices(m).is_empty());
    m.wait_for("all daemons", 2 * MINUTE, || running(m, daemons()));
    let before = played(m);
    m.wait_for("the loop to go on", 5 * MINUTE, || match played(m) > before {
        true => Ok(()),
        false => Err(m.run("ringrift jobs list; ringrift status").out),
    });
}

/// All that is known of the models, but for the order in which the catalog came to know them.
fn models(m: &Machine) -> Vec<Value> {
    let listed = m.ok("ringrift models list -n 1000 --json");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let mut models = listed["models"].as_array().cloned().unwrap_or_default();
    models.iter_mut().filter_map(Value::as_object_mut).for_each(|model| drop(model.remove("seq")));
    models.sort_by_key(|model| model["id"].to_string());
    models
}

fn a_rebuilt_catalog_has_the_models_that_the_lost_one_had(m: &Machine) {
    start(m);
    m.wait_for("a model", 15 * MINUTE, || match models(m).len() {
        0 => Err(m.run("ringrift jobs list").out),
        _ => Ok(()),
    });
    // Nothing new while the two lists are compared.
    m.ok("ringrift emergency halt comparing");
    m.wait_for("no job to run", 5 * MINUTE, || {
        let units = m.ok("systemctl list-units --plain --no-legend --state=active 'ringrift-job-*@*.service'");
        if units.trim().is_empty() { Ok(()) } else { Err(units) }
    });
    stop(m);
    start(m);
    let before = models(m);
    assert!(!before.is_empty());
    stop(m);
    m.ok(&format!("rm -r {} /var/lib/ringrift/data-pipeline/snapshots", path("catalog", "data-pipeline")));
    start(m);
    assert_eq!(models(m), [] as [Value; 0], "lost");
    let told = notices(m);
    assert!(
        told.iter()
            .any(|n| n["name"] == "catalog"
                && n["what"].as_str().is_some_and(|w| w.contains("ringrift artefacts rebuild"))),
        "{told:?}"
    );
    let said = m.ok("ringrift artefacts rebuild");
    assert!(said.starts_with("added to the catalog: "), "{said}");
    println!("{:?}: {} models; {said}", m.suite, before.len());
    assert_eq!(models(m), before);
    let again: Value = serde_json::from_str(&m.ok("ringrift artefacts rebuild --json")).expect("JSON");
    assert_eq!(
        (&again["rebuilt"]["files"], &again["rebuilt"]["events"]),
        (&Value::from(0), &Value::from(0)),
        "once: {again}"
    );
    m.ok("ringrift database confirm catalog; ringrift emergency clear");
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
        assert!(!said.iter().any(|e| e.message().contains("configuration rejected")), "another sentence");
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
