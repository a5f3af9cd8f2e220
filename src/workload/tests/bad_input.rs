//! Wrong input of every kind: a message that names file and field, exit 2 or 65, and nothing written.

mod common;

use std::path::Path;
use std::process::Command;

use common::{World, reference, refused};
use ringrift_workload::export::npz::NpzWriter;
use ringrift_workload::game::RULES_VERSION;
use ringrift_workload::nn::Model;
use ringrift_workload::records::ShardReader;
use serde_json::json;

#[test]
fn wrong_input_is_named_and_leaves_nothing() {
    let mut world = World::new();
    let (games, _) = world.run("square8_2p", "selfplay", json!({}), json!({"games": 3, "simulations": 2}));
    let shard = games.join("games.db");
    let (samples, _) = world.run("square8_2p", "export", json!({"shards": [reference(&shard)]}), json!({}));
    let npz = samples.join("samples.npz");
    let model = world.path("hex.safetensors");
    Model::untrained("hex8_2p".parse().expect("a configuration")).and_then(|m| m.save(&model)).expect("saved");
    let half = world.path("half.safetensors");
    let bytes = std::fs::read(&model).expect("read");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("written");
    let cut = world.path("cut.npz");
    let bytes = std::fs::read(&npz).expect("read");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    let shapes = world.path("shapes.npz");
    misshapen(&npz, &shapes);
    let empty = world.path("empty.db");
    std::fs::copy(&shard, &empty).expect("copied");
    let c = rusqlite::Connection::open(&empty).expect("opened");
    c.execute_batch("DELETE FROM game_moves; DELETE FROM game_players; DELETE FROM games").expect("emptied");
    drop(c);
    let cut_shard = world.path("cut.db");
    let bytes = std::fs::read(&shard).expect("read");
    std::fs::write(&cut_shard, &bytes[..5000]).expect("written");
    let wrong_hash = json!({"sha256": "00", "path": model});
    let missing = json!({"sha256": "00", "path": world.path("nowhere")});
    let cases = [
        ("square8_2p", "selfplay", json!({}), json!({"gamse": 3}), "gamse"),
        ("square8_2p", "selfplay", json!({}), json!({"games": 0}), "params.games"),
        ("square8_2p", "selfplay", json!({}), json!({"games": "three"}), "params.games"),
        ("square8_2p", "selfplay", json!({}), json!({"simulations": 801}), "params.simulations"),
        ("square8_5p", "selfplay", json!({}), json!({}), "config_key"),
        ("square8_2p", "selfplay", json!({"modell": null}), json!({}), "modell"),
        ("square8_2p", "selfplay", json!({"model": reference(&model)}), json!({}), "config_key"),
        ("square8_2p", "selfplay", json!({"model": reference(&half)}), json!({}), "half.safetensors"),
        ("square8_2p", "selfplay", json!({"model": reference(&npz)}), json!({}), "samples.npz"),
        ("square8_2p", "selfplay", json!({"model": wrong_hash}), json!({}), "inputs.model.sha256"),
        ("square8_2p", "selfplay", json!({"model": missing}), json!({}), "inputs.model.path"),
        ("square8_2p", "export", json!({"shards": []}), json!({}), "inputs.shards"),
        ("square8_2p", "export", json!({"shards": [reference(&npz)]}), json!({}), "samples.npz"),
        ("hex8_2p", "export", json!({"shards": [reference(&shard)]}), json!({}), "inputs.shards[0]"),
        ("square8_2p", "export", json!({"shards": [reference(&shard)]}), json!({"min_moves": 100000}), "fewer than"),
        ("square8_2p", "export", json!({"shards": [reference(&empty)]}), json!({}), "zero games"),
        ("square8_2p", "export", json!({"shards": [reference(&cut_shard)]}), json!({}), "cut.db"),
        ("square8_2p", "training", json!({"samples": [reference(&shapes)]}), json!({}), "globals"),
        (
            "hex8_2p",
            "evaluation",
            json!({"candidate": reference(&model)}),
            json!({"baseline_games": 0}),
            "params.baseline_games",
        ),
        ("square8_2p", "training", json!({"samples": []}), json!({}), "inputs.samples"),
        ("square8_2p", "training", json!({"samples": [reference(&cut)]}), json!({}), "cut.npz"),
        ("hex8_2p", "training", json!({"samples": [reference(&npz)]}), json!({}), "config_key"),
        ("square8_2p", "training", json!({"samples": [reference(&npz)]}), json!({"hidden": 12}), "params.hidden"),
        ("square8_2p", "evaluation", json!({}), json!({}), "inputs.candidate"),
        ("square8_2p", "evaluation", json!({"candidate": reference(&model)}), json!({}), "config_key"),
        ("hex8_2p", "evaluation", json!({"candidate": reference(&model)}), json!({"elo1": -5.0}), "params.elo1"),
        (
            "hex8_2p",
            "evaluation",
            json!({"candidate": reference(&model)}),
            json!({"opponents": ["me"]}),
            "params.opponents",
        ),
    ];
    for (config, stage, inputs, params, named) in cases {
        let (job, out) = world.job(config, stage, 5, inputs, params);
        let message = refused(&job, &out, stage, 65);
        assert!(message.contains(named), "{stage}: {named} is not named in: {message}");
    }
    let (job, out) = world.job("square8_2p", "selfplay", 5, json!({}), json!({}));
    let whole = std::fs::read_to_string(&job).expect("read");
    for (text, named) in [
        (whole.replacen('{', r#"{"colour": 1, "#, 1), "colour"),
        (whole.replace(r#""schema":1"#, r#""schema":2"#), "schema"),
        (whole.replace(r#""job_id":"job","#, ""), "job_id"),
        (whole[..whole.len() / 2].to_owned(), "job description"),
    ] {
        std::fs::write(&job, text).expect("written");
        let message = refused(&job, &out, "selfplay", 65);
        assert!(
            message.contains(named) && message.contains(&*job.to_string_lossy()),
            "{named} is not named in: {message}"
        );
    }
    let (job, out) = world.job("square8_2p", "export", 5, json!({}), json!({}));
    assert!(refused(&job, &out, "selfplay", 65).contains("job_type"));
    assert_eq!(
        Command::new(env!("CARGO_BIN_EXE_ringrift-workload")).arg("selfplay").output().expect("started").status.code(),
        Some(2)
    );
}

/// The same samples, but the scalars are one short.
fn misshapen(good: &Path, bad: &Path) {
    let samples =
        ringrift_workload::train::dataset::read(good, "square8_2p".parse().expect("a configuration")).expect("samples");
    let n = samples.len() as u64;
    let mut npz = NpzWriter::create(bad).expect("created");
    for (name, text) in [
        ("config_key", "square8_2p"),
        ("encoder_type", "ringrift-planes"),
        ("encoder_version", "1"),
        ("policy_encoding", "ringrift-moves-1"),
    ] {
        npz.text(name, text).expect("written");
    }
    npz.integer("rules_version", i64::from(RULES_VERSION)).expect("written");
    npz.bytes("features", "<f4", &[n, 20, 8, 8], &vec![0; n as usize * 20 * 64 * 4]).expect("written");
    npz.bytes("globals", "<f4", &[n, 19], &vec![0; n as usize * 19 * 4]).expect("written");
    npz.finish().expect("finished");
}

/// The verbs that people type: exit 2 for the command line, 65 for files, each named.
#[test]
fn verbs_name_what_is_wrong() {
    let world = World::new();
    let model = world.path("hex.safetensors");
    Model::untrained("hex8_2p".parse().expect("a configuration")).and_then(|m| m.save(&model)).expect("saved");
    let model = model.to_string_lossy().into_owned();
    let folder = world.path("").to_string_lossy().into_owned();
    let player = format!("model:{model}");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["show", &model], 65, &model),
        (&["show", "nowhere.db"], 65, "nowhere.db"),
        (&["duel", &player, "random"], 65, "config_key"),
        (&["duel", "best", "random"], 2, "best"),
        (&["duel", "mcts:0", "random"], 2, "mcts:0"),
        (&["play", "--seat", "3"], 2, "--seat 3"),
        (&["play", "--config", "square9_2p"], 2, "square9_2p"),
        (&["strength", &folder], 65, "run.json"),
        (&["verify", &model, "nowhere.trace.json"], 65, &model),
    ];
    for (words, code, named) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_ringrift-workload")).args(words).output().expect("started");
        let message = common::text(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {message}");
        assert!(message.contains(named), "{words:?}: {named} is not named in: {message}");
    }
    assert!(ShardReader::open(Path::new("nowhere.db")).is_err());
}
