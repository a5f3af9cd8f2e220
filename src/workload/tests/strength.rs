//! A learning run judged: what is read, what is played, what is written.

mod common;

use std::process::{Command, Output};

use common::World;
use ringrift_workload::nn::Model;
use serde_json::{Value, json};

/// A run of one promotion, as scripts/bench-learning leaves it; the "promoted" model is the untrained one.
fn run(world: &World) -> String {
    let model = Model::untrained("square8_2p".parse().expect("a configuration")).expect("a model");
    std::fs::create_dir(world.path("models")).expect("a folder");
    model.save(&world.path(&format!("models/{}.safetensors", model.sha256))).expect("saved");
    let setting = json!({"config": "square8_2p", "minutes": 5, "begun": 1_000_000, "cores": 2, "version": "1"});
    std::fs::write(world.path("run.json"), setting.to_string()).expect("written");
    std::fs::write(world.path("load"), "0 1.50\n10 2.50\n").expect("written");
    let event = |kind: &str, payload: Value| json!({"event": {"type": kind, "time_us": 1_000_090_000_000i64, "payload": payload}, "seq": 1});
    let events = [
        event("selfplay_complete", json!({"games_completed": 80})),
        event("training_completed", json!({})),
        event(
            "evaluation_completed",
            json!({"model_id": model.sha256, "elo": 60.0, "elo_low": 10.0, "elo_high": 110.0, "games_played": 40}),
        ),
        event("model_promoted", json!({"model_id": model.sha256, "generation": 1})),
        event("promotion_rejected", json!({})),
    ];
    let lines: String = events.iter().map(|e| format!("{e}\n")).collect();
    std::fs::write(world.path("events.jsonl"), lines).expect("written");
    model.sha256
}

fn judge(world: &World) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-workload"));
    command
        .arg("strength")
        .arg(world.path(""))
        .args(["--games", "4", "--rematch", "6", "--simulations", "1"])
        .output()
        .expect("started")
}

#[test]
fn a_run_becomes_table_numbers_and_plot() {
    let world = World::new();
    run(&world);
    let output = judge(&world);
    assert!(output.status.success(), "{}", common::text(&output));
    let table = String::from_utf8(output.stdout).expect("text");
    assert_eq!(table, std::fs::read_to_string(world.path("strength.md")).expect("a table"));
    for part in [
        "load average 2.0 (mean; 1.5 to 2.5)",
        "80 games of self-play, 1 models trained, 1 promoted, 1 refused",
        "| 1 | 1.5 | +60 (+10 to +110) in 40 games |",
        "1 of 1 promotions were played again; none is contradicted",
    ] {
        assert!(table.contains(part), "{part} is not in: {table}");
    }
    let numbers: Value =
        serde_json::from_str(&std::fs::read_to_string(world.path("strength.json")).expect("numbers")).expect("JSON");
    let played = numbers["strength"]["played"].as_array().expect("matches");
    // Both generations against random and heuristic, and the rematch in place of generation 1 against the untrained
    // one.
    assert_eq!(played.len(), 5, "{played:?}");
    for found in played {
        let tally = &found["tally"];
        let games: u64 = ["wins", "draws", "losses"].iter().map(|k| tally[k].as_u64().expect("a count")).sum();
        assert_eq!(games, found["fixture"]["games"].as_u64().expect("a count"));
    }
    let plot = std::fs::read_to_string(world.path("strength.svg")).expect("a plot");
    assert!(plot.contains("<svg"));
    // Drawn again from the numbers, it is the same.
    std::fs::remove_file(world.path("strength.svg")).expect("removed");
    let again = Command::new(env!("CARGO_BIN_EXE_ringrift-workload"))
        .arg("strength")
        .arg(world.path(""))
        .arg("--redraw")
        .output();
    let again = again.expect("started");
    assert!(again.status.success() && again.stdout == table.as_bytes(), "{}", common::text(&again));
    assert_eq!(std::fs::read_to_string(world.path("strength.svg")).expect("a plot"), plot);
}

#[test]
fn a_model_that_is_not_the_promoted_one_is_refused() {
    let world = World::new();
    let sha256 = run(&world);
    let file = world.path(&format!("models/{sha256}.safetensors"));
    let other = Model::untrained("hex8_2p".parse().expect("a configuration")).expect("a model");
    other.save(&file).expect("saved");
    let output = judge(&world);
    assert_eq!(output.status.code(), Some(65));
    assert!(common::text(&output).contains(&sha256), "{}", common::text(&output));
}
