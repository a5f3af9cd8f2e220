//! The stages as the job-runner calls them: the whole loop on a small scale, kills, and numpy's opinion.

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{World, command, reference, refused, text};
use ringrift_workload::game::GameConfig;
use ringrift_workload::nn::{Model, PolicySpace};
use ringrift_workload::records::ShardReader;
use serde_json::{Value, json};

/// Every stage of all twelve configurations: results, artefacts and hashes as the contract has them.
#[test]
fn the_loop_closes_on_all_boards() {
    for config in GameConfig::all() {
        let mut world = World::new();
        let small = config.board.cells() < 100;
        let games = if small { 6 } else { 1 };
        let config = &config.to_string();
        let play = json!({"games": games, "simulations": if small { 4 } else { 2 }});
        let (out, result) = world.run(config, "selfplay", json!({"model": null}), play);
        let untrained = Model::untrained(config.parse().expect("a configuration")).expect("a model");
        assert_eq!(result["metrics"]["model_sha256"], untrained.sha256.as_str());
        assert_eq!(result["metrics"]["games_completed"], games);
        assert_eq!(result["artefacts"][0]["sha256"], reference(&out.join("games.db"))["sha256"]);
        let shards = json!({"shards": [reference(&out.join("games.db"))]});
        let (out, result) = world.run(config, "export", shards, json!({}));
        assert_eq!(result["metrics"]["games_exported"], games, "{result}");
        assert_eq!(result["metrics"]["games_quarantined"], 0);
        let samples = json!({"samples": [reference(&out.join("samples.npz"))]});
        let (out, result) = world.run(config, "training", samples, json!({"epochs": 2}));
        assert!(result["metrics"]["best_loss"].as_f64().expect("a loss") > 0.0);
        assert_eq!(result["metrics"]["parent_sha256"], untrained.sha256.as_str());
        assert!(std::fs::read_to_string(out.join("loss.svg")).expect("a plot").contains("<svg"));
        let model = reference(&out.join("model.safetensors"));
        assert_eq!(result["metrics"]["model_sha256"], model["sha256"]);
        let trial = json!({"max_games": if small { 4 } else { 2 }, "simulations": 2, "baseline_games": 2, "opponents": ["random"]});
        let (out, result) = world.run(config, "evaluation", json!({"candidate": model, "champion": null}), trial);
        let m = &result["metrics"];
        assert_eq!(
            m["games_played"],
            m["wins"].as_u64().unwrap_or(0) + m["draws"].as_u64().unwrap_or(0) + m["losses"].as_u64().unwrap_or(0)
        );
        assert!(["accept_h1", "accept_h0", "continue"].contains(&m["sprt_decision"].as_str().expect("a decision")));
        assert_eq!(m["vs_random"]["games"], 2);
        assert!(m["vs_heuristic"].is_null(), "{config}: nobody asked for it");
        assert_eq!(m["candidate_sha256"], model["sha256"]);
        assert!(out.join("match.json").exists());
    }
}

fn games_of(path: &Path) -> Vec<Value> {
    let shard = ShardReader::open(path).expect("a shard");
    let ids = shard.ids().expect("ids");
    let moves =
        |id: &String| shard.game(id).expect("a game").moves.iter().map(|m| json!([m.json, m.policy, m.eval])).collect();
    ids.iter().map(moves).collect()
}

#[test]
fn a_seed_means_the_same_games_and_a_killed_job_goes_on_with_them() {
    let mut world = World::new();
    let params = json!({"games": 40, "simulations": 16});
    let (whole, _) = world.run("square8_2p", "selfplay", json!({}), params.clone());
    let expected = games_of(&whole.join("games.db"));
    // Killed once some games are in; the next attempt takes them over.
    let (job, first) = world.job("square8_2p", "selfplay", 5, json!({}), params);
    let mut child = command("selfplay", &job, &first).stderr(Stdio::null()).spawn().expect("started");
    let db = first.join("games.db");
    let had = loop {
        let open = rusqlite::Connection::open_with_flags(&db, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
        let count =
            open.and_then(|c| c.query_row("SELECT count(*) FROM games", [], |r| r.get::<_, i64>(0))).unwrap_or(0);
        if count >= 3 {
            break count;
        }
        assert!(child.try_wait().expect("asked").is_none(), "the job ended before it could be killed");
        std::thread::yield_now();
    };
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(!first.join("result.json").exists());
    let second = world.path("second");
    let output = command("selfplay", &job, &second).env("RINGRIFT_PREVIOUS_DIR", &first).output().expect("started");
    assert!(output.status.success(), "{}", text(&output));
    let result: Value =
        serde_json::from_str(&std::fs::read_to_string(second.join("result.json")).expect("a result")).expect("JSON");
    assert!(result["metrics"]["games_taken_over"].as_i64().expect("a number") >= had);
    assert_eq!(result["metrics"]["games_completed"], 40);
    assert_eq!(games_of(&second.join("games.db")), expected);
    let names: Vec<_> = std::fs::read_dir(&second).expect("listed").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(names.len(), 2, "only the shard and the result: {names:?}");
    // A shard of an interrupted job is no input.
    let (job, out) = world.job("square8_2p", "export", 5, json!({"shards": [reference(&settled(&db))]}), json!({}));
    let message = refused(&job, &out, "export", 65);
    assert!(message.contains("interrupted") && message.contains("inputs.shards[0]"), "{message}");
}

/// Rolls a killed writer's journal back, as any reader with write access would.
fn settled(db: &Path) -> PathBuf {
    let c = rusqlite::Connection::open(db).expect("opened");
    c.query_row("SELECT count(*) FROM games", [], |r| r.get::<_, i64>(0)).expect("counted");
    db.to_owned()
}

#[test]
fn a_killed_training_ends_with_the_same_model() {
    let mut world = World::new();
    let (out, _) = world.run("square8_2p", "selfplay", json!({}), json!({"games": 60, "simulations": 2}));
    let shards = json!({"shards": [reference(&out.join("games.db"))]});
    let (out, _) = world.run("square8_2p", "export", shards, json!({}));
    let samples = json!({"samples": [reference(&out.join("samples.npz"))]});
    let params = json!({"epochs": 12, "patience": 12});
    let (_, whole) = world.run("square8_2p", "training", samples.clone(), params.clone());
    let (job, first) = world.job("square8_2p", "training", 5, samples, params);
    let mut child = command("training", &job, &first).stderr(Stdio::piped()).spawn().expect("started");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    for line in lines {
        if line.expect("read").starts_with("3/") {
            break;
        }
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(first.join("checkpoint.safetensors").exists() && !first.join("model.safetensors").exists());
    let second = world.path("second");
    let output = command("training", &job, &second).env("RINGRIFT_PREVIOUS_DIR", &first).output().expect("started");
    assert!(output.status.success() && text(&output).contains("checkpoint"), "{}", text(&output));
    let result: Value =
        serde_json::from_str(&std::fs::read_to_string(second.join("result.json")).expect("a result")).expect("JSON");
    assert_eq!(result["metrics"]["model_sha256"], whole["metrics"]["model_sha256"]);
}

#[test]
fn sigterm_means_try_again() {
    let mut world = World::new();
    let (job, out) = world.job("square8_2p", "selfplay", 5, json!({}), json!({"games": 100000}));
    let mut child = command("selfplay", &job, &out).stderr(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    lines.next().expect("progress").expect("read");
    let kill = Command::new("kill").arg(child.id().to_string()).status().expect("kill");
    assert!(kill.success());
    assert_eq!(child.wait().expect("ended").code(), Some(75));
    assert!(out.join("games.db").exists() && !out.join("result.json").exists());
}

#[test]
fn progress_goes_to_the_given_descriptor() {
    let mut world = World::new();
    let (job, out) = world.job("square8_2p", "selfplay", 5, json!({}), json!({"games": 2, "simulations": 2}));
    // The shell opens descriptor 3 on the pipe that we read.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" selfplay 3>&1 1>&2", env!("CARGO_BIN_EXE_ringrift-workload")]);
    command.env("RINGRIFT_JOB_FILE", &job).env("RINGRIFT_OUTPUT_DIR", &out).env("RINGRIFT_REPORT_FD", "3");
    let output = command.output().expect("started");
    assert!(output.status.success(), "{}", text(&output));
    let last = String::from_utf8(output.stdout).expect("text").lines().last().expect("a line").to_owned();
    let line: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(line["progress"]["done"], 2);
    assert_eq!(line["progress"]["total"], 2);
    assert_eq!(line["progress"]["unit"], "games");
}

/// A game that was tampered with is left out with its reason; the others are exported.
#[test]
fn bad_games_are_quarantined() {
    let mut world = World::new();
    let (games, _) = world.run("square8_2p", "selfplay", json!({}), json!({"games": 4, "simulations": 2}));
    let db = games.join("games.db");
    let c = rusqlite::Connection::open(&db).expect("opened");
    let changes = [
        "UPDATE games SET winner = 3 - winner WHERE game_id = 'job-00000'",
        "UPDATE game_moves SET move_json = '{\"type\":\"skip_capture\"}' WHERE game_id = 'job-00001' AND move_number \
            = 1",
        "DELETE FROM game_moves WHERE game_id = 'job-00002' AND move_number > 20",
    ];
    for change in changes {
        assert!(c.execute(change, []).expect("changed") > 0);
    }
    drop(c);
    let (out, result) = world.run("square8_2p", "export", json!({"shards": [reference(&db)]}), json!({}));
    assert_eq!(result["metrics"]["games_exported"], 1);
    assert_eq!(result["metrics"]["games_quarantined"], 3);
    let list: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(out.join("quarantine.json")).expect("a list")).expect("JSON");
    let reasons: HashMap<&str, &str> =
        list.iter().map(|q| (q["game_id"].as_str().unwrap_or(""), q["reason"].as_str().unwrap_or(""))).collect();
    assert!(reasons["job-00000"].contains("stored end"), "{reasons:?}");
    assert!(reasons["job-00001"].contains("move 1"), "{reasons:?}");
    assert!(reasons["job-00002"].contains("20 moves stored"), "{reasons:?}");
}

/// The targets that training reads are those that the search found, soft and whole.
#[test]
fn soft_targets_are_kept() {
    let mut world = World::new();
    let config = "square8_2p".parse().expect("a configuration");
    let (games, _) = world.run("square8_2p", "selfplay", json!({}), json!({"games": 1, "simulations": 16}));
    let db = games.join("games.db");
    let (out, _) = world.run("square8_2p", "export", json!({"shards": [reference(&db)]}), json!({"dedup": false}));
    let examples = ringrift_workload::train::dataset::read(&out.join("samples.npz"), config).expect("samples");
    let shard = ShardReader::open(&db).expect("a shard");
    let game = shard.game("job-00000").expect("a game");
    let targets: Vec<_> = game.moves.iter().filter_map(|m| m.policy.clone()).collect();
    assert_eq!(examples.len(), targets.len());
    assert!(examples.len() > 20);
    let mut soft = 0;
    for (example, target) in examples.iter().zip(&targets) {
        let kept: HashMap<u32, f32> = example.policy.iter().copied().collect();
        assert!((kept.values().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(kept.keys().all(|&k| (k as usize) < PolicySpace::new(config).size()));
        let mut searched: HashMap<u32, f32> = HashMap::new();
        for &(index, p) in target {
            *searched.entry(index).or_default() += p;
        }
        for (index, p) in &searched {
            assert!((kept[index] - p).abs() < 2e-3, "index {index}: {} exported, {p} searched", kept[index]);
        }
        soft += usize::from(kept.values().filter(|&&p| p > 0.01).count() > 1);
    }
    assert!(soft * 2 > examples.len(), "only {soft} of {} targets are soft", examples.len());
}

/// numpy reads every array without pickle, with the dtypes and shapes of the manual.
#[test]
fn numpy_loads_the_samples() {
    let named = std::env::var("RINGRIFT_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    if !Command::new(&python).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success()) {
        assert!(named.is_none(), "RINGRIFT_TEST_PYTHON={python}: it has no numpy");
        eprintln!("skipped: {python} with numpy is not there; set RINGRIFT_TEST_PYTHON to one that has it");
        return;
    }
    for (config, shape) in [("square8_2p", "(20, 8, 8)"), ("hex8_3p", "(29, 9, 9)")] {
        let mut world = World::new();
        let (games, _) = world.run(config, "selfplay", json!({}), json!({"games": 3, "simulations": 4}));
        let (out, result) =
            world.run(config, "export", json!({"shards": [reference(&games.join("games.db"))]}), json!({}));
        let script = r#"
import sys, json, hashlib, numpy as np
z = np.load(sys.argv[1], allow_pickle=False)
n = int(sys.argv[2])
f4, i4, i8 = np.dtype('<f4'), np.dtype('<i4'), np.dtype('<i8')
wanted = {'features': (f4, (n,) + eval(sys.argv[3])), 'globals': (f4, (n, 20)), 'values': (f4, (n,)), 'values_mp': (f4, (n, 4)),
  'search_values': (f4, (n, 4)), 'num_players': (i4, (n,)), 'current_players': (i4, (n,)), 'move_numbers': (i4, (n,)),
  'total_game_moves': (i4, (n,)), 'opponent_elo': (f4, (n,)), 'quality_score': (f4, (n,)), 'policy_offsets': (i8, (n + 1,))}
for name, (dtype, shape) in wanted.items():
    assert z[name].dtype == dtype and z[name].shape == shape, (name, z[name].dtype, z[name].shape)
for name in ['phases', 'victory_types', 'engine_modes', 'move_types', 'opponent_types']:
    assert z[name].dtype.kind == 'U' and z[name].shape == (n,), name
o, i, v = z['policy_offsets'], z['policy_indices'], z['policy_values']
assert i.dtype == i4 and v.dtype == f4 and o[0] == 0 and o[-1] == len(i) == len(v)
for a, b in zip(o, o[1:]):
    assert b - a >= 2 and abs(v[a:b].sum() - 1) < 1e-4 and len(set(i[a:b])) == b - a
assert set(z['phases']) >= {'ring_placement', 'movement'} and set(z['engine_modes']) == {'gumbel-mcts'}
assert i.max() == z['max_policy_index'] < z['policy_size'] and z['in_channels'] == z['features'].shape[1]
assert np.abs(z['values']).max() == 1 and np.isfinite(z['features']).all() and z['features'].any()
who = z['current_players'] - 1
assert (z['values_mp'][np.arange(n), who] == z['values']).all()
assert str(z['export_version']) == '2.1' and z['feature_version'] == 2 and z['history_length'] == 0
for name, digest in json.loads(str(z['checksums'])).items():
    assert hashlib.sha256(z[name].tobytes()).hexdigest() == digest, name
"#;
        let samples = result["metrics"]["samples_exported"].to_string();
        let output = Command::new(&python)
            .args(["-c", script])
            .arg(out.join("samples.npz"))
            .args([&samples, shape])
            .output()
            .expect("started");
        assert!(output.status.success(), "{}", text(&output));
    }
}

#[test]
fn show_draws_and_lists() {
    let mut world = World::new();
    let (games, _) = world.run("hex8_2p", "selfplay", json!({}), json!({"games": 2, "simulations": 2}));
    let show = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-workload"));
        command.arg("show").arg(games.join("games.db")).args(more).output().expect("started")
    };
    let list = String::from_utf8(show(&[]).stdout).expect("text");
    assert!(list.contains("job-00001") && list.contains("wins"), "{list}");
    let game = String::from_utf8(show(&["2"]).stdout).expect("text");
    assert!(game.contains("value ") && game.contains("wins:"), "{game}");
    assert_eq!(show(&["no-such-game"]).status.code(), Some(2));
}
