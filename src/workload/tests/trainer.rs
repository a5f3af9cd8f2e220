//! The example trainer under the contract: its result would be accepted, and its model is judged by the built-in
//! evaluation.

mod common;

use common::{World, reference, text};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const TRAINER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/numpy-trainer/train.py");

/// A Python with numpy; a test fails if RINGRIFT_TEST_PYTHON names one that has none.
fn python() -> Option<String> {
    let named = std::env::var("RINGRIFT_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    if Command::new(&python).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success()) {
        return Some(python);
    }
    assert!(named.is_none(), "RINGRIFT_TEST_PYTHON={python}: it has no numpy");
    eprintln!("skipped: {python} with numpy is not there; set RINGRIFT_TEST_PYTHON to one that has it");
    None
}

fn check(stage: &str, folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringrift-workload"))
        .arg("check-result")
        .arg(stage)
        .arg(folder)
        .output()
        .expect("started")
}

#[test]
fn a_numpy_model_is_accepted_and_beats_the_untrained_network() {
    let Some(python) = python() else { return };
    for (config, games) in [("square8_2p", 60), ("hex8_3p", 10)] {
        let mut world = World::new();
        let (played, _) = world.run(config, "selfplay", json!({}), json!({"games": games, "simulations": 8}));
        let (exported, _) =
            world.run(config, "export", json!({"shards": [reference(&played.join("games.db"))]}), json!({}));
        let samples = json!({"samples": [reference(&exported.join("samples.npz"))]});
        let (job, out) = world.job(config, "training", 7, samples, json!({"epochs": 6}));
        std::fs::create_dir(&out).expect("made");
        let trained =
            Command::new(&python).arg(TRAINER).env("RINGRIFT_JOB_FILE", &job).env("RINGRIFT_OUTPUT_DIR", &out).output();
        let trained = trained.expect("started");
        assert!(trained.status.success(), "{}", text(&trained));
        let accepted = check("training", &out);
        assert!(accepted.status.success(), "{}", text(&accepted));
        let candidate = json!({"candidate": reference(&out.join("model.safetensors"))});
        let params = json!({"max_games": 60, "simulations": 8, "opponents": []});
        let (_, result) = world.run(config, "evaluation", candidate, params);
        let rate = result["metrics"]["win_rate"].as_f64().expect("a number");
        assert!(rate > 0.55, "{config}: it won {rate} of the points against the untrained network");
    }
}

#[test]
fn the_trainer_refuses_a_bad_job_for_good() {
    let Some(python) = python() else { return };
    let mut world = World::new();
    let (job, out) = world.job("square8_2p", "training", 7, json!({"samples": []}), json!({}));
    let refused =
        Command::new(&python).arg(TRAINER).env("RINGRIFT_JOB_FILE", &job).env("RINGRIFT_OUTPUT_DIR", &out).output();
    let refused = refused.expect("started");
    assert_eq!(refused.status.code(), Some(65), "{}", text(&refused));
}

/// Every stage's own result is accepted; what is spoilt in it is named.
#[test]
fn check_result_says_what_the_suite_would_say() {
    let mut world = World::new();
    let (out, result) = world.run("square8_2p", "selfplay", json!({}), json!({"games": 2, "simulations": 2}));
    assert!(check("selfplay", &out).status.success());
    let said = check("training", &out);
    assert_eq!(said.status.code(), Some(65));
    for word in ["epochs", "no artefact of kind \"model\"", "this stage has model and plot"] {
        assert!(text(&said).contains(word), "{word}: {}", text(&said));
    }
    let spoil = |change: fn(&mut Value)| {
        let mut spoilt = result.clone();
        change(&mut spoilt);
        std::fs::write(out.join("result.json"), spoilt.to_string()).expect("written");
        let said = check("selfplay", &out);
        assert_eq!(said.status.code(), Some(65), "{spoilt}");
        text(&said)
    };
    assert!(spoil(|r| r["metrics"]["games_completed"] = json!(2.0)).contains("write 2 without a decimal point"));
    assert!(spoil(|r| r["artefacts"][0]["path"] = json!("../games.db")).contains("must be relative"));
    assert!(spoil(|r| r["artefacts"][0]["bytes"] = json!(1)).contains("the result says 1"));
    assert!(spoil(|r| r["artefacts"][0]["sha256"] = json!("0".repeat(64))).contains("SHA-256"));
    assert!(spoil(|r| r["schema"] = json!(2)).contains("schema"));
    assert!(spoil(|r| r["artefacts"] = json!([])).contains("no artefact of kind \"games\""));
}

#[test]
fn check_params_names_what_a_stage_would_refuse() {
    let try_params = |stage: &str, params: &str| {
        Command::new(env!("CARGO_BIN_EXE_ringrift-workload"))
            .args(["check-params", stage, params])
            .output()
            .expect("started")
    };
    for (stage, good) in
        [("selfplay", "{}"), ("export", "{\"min_moves\": 9}"), ("training", "{\"epochs\": 3}"), ("evaluation", "{}")]
    {
        assert!(try_params(stage, good).status.success(), "{stage}: {}", text(&try_params(stage, good)));
    }
    for (stage, bad, word) in [
        ("selfplay", "{\"gamse\": 3}", "gamse"),
        ("selfplay", "{\"games\": 0}", "params.games"),
        ("export", "{\"dedup\": 3}", "params.dedup"),
        ("training", "{\"hidden\": 12}", "params.hidden"),
        ("evaluation", "{\"elo1\": -5}", "params.elo1"),
    ] {
        let said = try_params(stage, bad);
        assert_eq!(said.status.code(), Some(65), "{bad}");
        assert!(text(&said).contains(word), "{bad}: {}", text(&said));
    }
    assert_eq!(try_params("tournament", "{}").status.code(), Some(2));
}
