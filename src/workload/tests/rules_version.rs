//! Games, samples, models and results carry the version of the rules; nothing of another version is exported, learned
//! from or judged.

mod common;

use common::{World, reference, refused};
use ringrift_workload::export::npz::NpzWriter;
use ringrift_workload::game::RULES_VERSION;
use ringrift_workload::nn::Model;
use serde_json::json;
use std::path::{Path, PathBuf};

const CONFIG: &str = "square8_2p";

/// A model as programs before the field wrote it.
fn old_model(world: &World) -> PathBuf {
    let model = Model::untrained(CONFIG.parse().expect("a configuration")).expect("a model");
    let bytes = model.to_bytes().expect("bytes");
    let (now, then) =
        (format!("\"rules_version\":\"{RULES_VERSION}\""), format!("\"rules_varsion\":\"{RULES_VERSION}\""));
    let at = bytes.windows(now.len()).position(|w| w == now.as_bytes()).expect("the field");
    let bytes = [&bytes[..at], then.as_bytes(), &bytes[at + now.len()..]].concat();
    let path = world.path("old.safetensors");
    std::fs::write(&path, bytes).expect("written");
    path
}

/// A shard as programs before the field wrote it.
fn old_shard(world: &World, shard: &Path) -> PathBuf {
    let path = world.path("old.db");
    std::fs::copy(shard, &path).expect("copied");
    let db = rusqlite::Connection::open(&path).expect("opened");
    db.execute("DELETE FROM schema_metadata WHERE key = 'rules_version'", []).expect("deleted");
    path
}

/// The head of a sample file as programs before the field wrote it.
fn old_samples(world: &World) -> PathBuf {
    let path = world.path("old.npz");
    let mut npz = NpzWriter::create(&path).expect("created");
    for (name, text) in [
        ("config_key", CONFIG),
        ("encoder_type", "ringrift-planes"),
        ("encoder_version", "1"),
        ("policy_encoding", "ringrift-moves-1"),
    ] {
        npz.text(name, text).expect("written");
    }
    npz.finish().expect("finished");
    path
}

#[test]
fn every_stage_reports_the_version() {
    let mut world = World::new();
    let (games, result) = world.run(CONFIG, "selfplay", json!({}), json!({"games": 2, "simulations": 2}));
    assert_eq!(result["metrics"]["rules_version"], RULES_VERSION);
    assert_eq!(result["artefacts"][0]["meta"]["rules_version"], RULES_VERSION);
    let (samples, result) =
        world.run(CONFIG, "export", json!({"shards": [reference(&games.join("games.db"))]}), json!({}));
    assert_eq!(result["metrics"]["rules_version"], RULES_VERSION);
    let (model, result) = world.run(
        CONFIG,
        "training",
        json!({"samples": [reference(&samples.join("samples.npz"))]}),
        json!({"epochs": 1}),
    );
    assert_eq!(result["metrics"]["rules_version"], RULES_VERSION);
    assert_eq!(Model::load(&model.join("model.safetensors")).expect("a model").rules_version, RULES_VERSION);
    let candidate = json!({"candidate": reference(&model.join("model.safetensors"))});
    let (_, result) =
        world.run(CONFIG, "evaluation", candidate, json!({"max_games": 2, "simulations": 2, "opponents": []}));
    assert_eq!(result["metrics"]["rules_version"], RULES_VERSION);
}

#[test]
fn what_carries_no_version_is_of_version_1_and_is_not_mixed_in() {
    let mut world = World::new();
    let (games, _) = world.run(CONFIG, "selfplay", json!({}), json!({"games": 2, "simulations": 2}));
    let shard = games.join("games.db");
    let (exported, _) = world.run(CONFIG, "export", json!({"shards": [reference(&shard)]}), json!({}));
    let (samples, model) = (exported.join("samples.npz"), old_model(&world));
    assert_eq!(Model::load(&model).expect("a model").rules_version, 1);
    let (old_db, old_npz) = (old_shard(&world, &shard), old_samples(&world));
    let cases = [
        ("export", json!({"shards": [reference(&shard), reference(&old_db)]}), "inputs.shards[1]"),
        ("training", json!({"samples": [reference(&old_npz)]}), "rules_version"),
        ("training", json!({"samples": [reference(&samples)], "model": reference(&model)}), "rules_version"),
        ("evaluation", json!({"candidate": reference(&model)}), "rules_version"),
    ];
    for (stage, inputs, named) in cases {
        let (job, out) = world.job(CONFIG, stage, 5, inputs, json!({}));
        let message = refused(&job, &out, stage, 65);
        assert!(message.contains(named) && message.contains("version 1"), "{stage}: {message}");
    }
}

#[test]
fn with_a_model_of_other_rules_the_untrained_network_plays() {
    let mut world = World::new();
    let model = old_model(&world);
    let (_, result) =
        world.run(CONFIG, "selfplay", json!({"model": reference(&model)}), json!({"games": 1, "simulations": 2}));
    let untrained = Model::untrained(CONFIG.parse().expect("a configuration")).expect("a model");
    assert_eq!(result["metrics"]["model_sha256"], untrained.sha256);
}

#[test]
fn a_job_for_another_version_is_refused() {
    let mut world = World::new();
    let (job, out) = world.job(CONFIG, "selfplay", 5, json!({}), json!({}));
    let whole = std::fs::read_to_string(&job).expect("read");
    std::fs::write(&job, whole.replacen('{', r#"{"rules_version": 1, "#, 1)).expect("written");
    let message = refused(&job, &out, "selfplay", 65);
    assert!(message.contains("rules_version") && message.contains("workload.rules_version"), "{message}");
}
