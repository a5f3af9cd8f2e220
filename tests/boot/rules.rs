//! A store whose games and models are of an older version of the rules: the loop starts over and says why.
use crate::machine::Machine;
use crate::suite::{MINUTE, start};
use serde_json::Value;

on_both!(a_store_of_older_rules_is_kept_and_the_loop_begins_anew);

const WORKLOAD: &str = "/usr/lib/ringrift/ringrift-workload";

/// A model as programs before the field wrote it, in the store and current; returns its SHA-256.
fn old_model(m: &Machine) -> String {
    m.ok(&format!("{WORKLOAD} init --config square8_2p --output /tmp/new.safetensors"));
    m.ok("LC_ALL=C sed 's/\"rules_version\":/\"rules_varsion\":/' /tmp/new.safetensors > /tmp/old.safetensors");
    let sha = m.ok("sha256sum /tmp/old.safetensors | cut -d' ' -f1");
    let path = format!("/var/lib/ringrift/artefacts/model/{sha}.safetensors");
    m.ok(&format!("install -D -o ringrift -g ringrift -m 0444 /tmp/old.safetensors {path}"));
    m.ok(&format!(
        "chown ringrift:ringrift /var/lib/ringrift/artefacts/model; ln -s {path} /var/lib/ringrift/current/square8_2p"
    ));
    sha
}

/// A catalog of the first schema: 400 games, which would be exported at once, and the model as champion of generation
/// 2.
fn old_catalog(m: &Machine, model: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("catalog.db");
    let db = rusqlite::Connection::open(&file).expect("a database");
    db.execute_batch(include_str!("../fixtures/catalog/schema-1.sql")).expect("the first schema");
    let games = "b".repeat(64);
    let artefact = "INSERT INTO artefacts VALUES(?1,?2,?3,'square8_2p',?4,1,1,?5,'n1',?6)";
    let store = |kind: &str, id: &str| format!("/var/lib/ringrift/artefacts/{kind}/{id}");
    db.execute(artefact, (1, &games, "games", store("games", &games), "old-1", r#"{"games_completed":400}"#))
        .expect("games");
    db.execute(artefact, (2, model, "model", store("model", &format!("{model}.safetensors")), "old-2", "{}"))
        .expect("a model");
    let champion = "INSERT INTO champions VALUES('square8_2p',2,?1,?2,?3,90.0,1)";
    db.execute(champion, (model, store("model", &format!("{model}.safetensors")), "c".repeat(64))).expect("a champion");
    drop(db);
    m.ok("install -d -o ringrift -g ringrift -m 0700 /var/lib/ringrift/data-pipeline");
    m.copy(&file, "/var/lib/ringrift/data-pipeline");
    m.ok("chown ringrift:ringrift /var/lib/ringrift/data-pipeline/catalog.db; chmod 0600 /var/lib/ringrift/data-pipeline/catalog.db");
}

fn a_store_of_older_rules_is_kept_and_the_loop_begins_anew(m: &Machine) {
    let model = old_model(m);
    old_catalog(m, &model);
    m.write(
        "/etc/ringrift/conf.d/60-small.yaml",
        "workload: {games_per_job: 4, selfplay: {params: {simulations: 2}}}\n",
    );
    start(m);
    let told = m.wait_for("the event", MINUTE, || {
        let told = m.ok("ringrift events tail --type RULES_CHANGED --json -n 10");
        told.lines().next().map(str::to_owned).ok_or_else(|| "no event yet".to_owned())
    });
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let reason = told["event"]["payload"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("400 games and 1 model of version 1, champion generation 2"), "{reason}");
    m.wait_for("the old model to be taken away", MINUTE, || {
        match m.run("test -L /var/lib/ringrift/current/square8_2p").code {
            0 => Err(m.run("ringrift daemon status MODEL_DISTRIBUTION").out),
            _ => Ok(()),
        }
    });
    let said = m.journal("MESSAGE_ID=3d5b0a8c64f14e0f9a7be1c2d4805f61");
    assert!(
        said.len() == 1 && said[0].message().contains("started from scratch"),
        "{:?}",
        said.iter().map(|e| e.message()).collect::<Vec<_>>()
    );
    let status = m.run("ringrift status").out;
    assert!(status.contains("square8_2p started from scratch") && status.contains("version 1"), "{status}");
    let page = m.ok("ringrift pipeline show square8_2p");
    assert!(page.contains("rules version 2") && page.contains("kept but not used: 400 games"), "{page}");
    assert!(page.contains("generation 0"), "{page}");
    // Self-play continues with the untrained network.
    let untrained = m.ok("sha256sum /tmp/new.safetensors | cut -d' ' -f1");
    m.wait_for("games by the untrained network", 5 * MINUTE, || {
        let games = m.ok("ringrift events tail --type SELFPLAY_COMPLETE --json -n 100");
        if games.contains(&untrained) { Ok(()) } else { Err(format!("{games}{}", m.run("ringrift jobs list").out)) }
    });
    m.ok(&format!("test -f /var/lib/ringrift/artefacts/model/{model}.safetensors"));
    // Said once: a restart finds nothing to say.
    m.ok("systemctl restart ringrift-data-pipeline.service");
    assert_eq!(m.ok("ringrift events tail --type RULES_CHANGED --json -n 10").lines().count(), 1);
}
