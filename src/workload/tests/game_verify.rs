//! What `verify` says of a game that was recorded wrongly.

use std::io::Write;
use std::path::Path;

use ringrift_workload::verify;
use serde_json::{Value, json};

/// A short recorded game of the engine's own, to be spoilt.
fn recording() -> Value {
    use ringrift_workload::game::{GameConfig, State};
    let config: GameConfig = "square8_2p".parse().expect("a configuration");
    let mut state = State::new(config, false);
    let (initial, mut plies, mut moves) = (state.to_json(), Vec::new(), Vec::new());
    for turn in 0..12 {
        state.legal_moves(&mut moves);
        let legal: Vec<Value> = moves.iter().map(|mv| state.move_to_json(mv)).collect();
        let chosen = turn * 7 % moves.len();
        let mv = moves[chosen];
        state.apply(&mv);
        plies.push(json!({"legal": legal, "chosen": chosen, "after": state.to_json()}));
    }
    json!({"format": "oracle-trace-1", "boardType": "square8", "numPlayers": 2, "seed": 1, "initial": initial,
           "plies": plies, "status": "active", "winner": null})
}

fn verdict(folder: &Path, trace: &Value) -> (bool, String) {
    let path = folder.join("case.trace.json");
    std::fs::File::create(&path).and_then(|mut f| f.write_all(trace.to_string().as_bytes())).expect("a scratch file");
    let mut out = Vec::new();
    let good = verify::run(&[path], &mut out).expect("a readable trace");
    (good, String::from_utf8(out).expect("text"))
}

#[test]
fn a_recording_passes_and_each_spoilt_part_of_it_is_named() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let good = recording();
    assert_eq!(verdict(folder.path(), &good), (true, "PASS case\n1 passed, 0 failed\n".to_owned()));

    let mut wrong = good.clone();
    wrong["plies"][5]["after"]["hand"] = json!([1, 2]);
    let (passed, text) = verdict(folder.path(), &wrong);
    assert!(!passed && text.starts_with("FAIL case: ply 5: hand: expected [1,2], got ["), "{text}");
    assert!(text.ends_with("0 passed, 1 failed\n"), "{text}");

    let mut wrong = good.clone();
    wrong["plies"][0]["legal"][3]["to"] = json!([40, 40]);
    let (_, text) = verdict(folder.path(), &wrong);
    assert!(
        text.starts_with("FAIL case: ply 0: legal: ") && text.contains("missing [") && text.contains("[40,40]"),
        "{text}"
    );

    let mut wrong = good.clone();
    wrong["plies"][7]["after"]["stacks"]["0,0"] = json!([1, 2, 2]);
    let (_, text) = verdict(folder.path(), &wrong);
    assert!(text.contains("ply 7: stacks 0,0: expected [1,2,2], got "), "{text}");

    // What is missing or of the wrong type is a failure with its place, not an end of the whole check.
    let spoil: [(&[&str], Value, &str); 9] = [
        (
            &["boardType"],
            json!("round"),
            "ply 0: boardType: expected square8, square19, hex8 or hexagonal, got \"round\"",
        ),
        (&["numPlayers"], json!(5), "ply 0: numPlayers: expected 2, 3 or 4, got 5"),
        (&["plies"], Value::Null, "ply 0: plies: expected a list, got null"),
        (&["initial", "hand"], json!([1]), "ply 0: initial: hand needs one number a player"),
        (&["plies", "3", "chosen"], json!(4000), "ply 3: chosen: expected an index below "),
        (&["plies", "3", "legal"], json!("all"), "ply 3: legal: expected a list, got \"all\""),
        (&["plies", "4", "after"], Value::Null, "ply 4: phase: expected a value in the recorded state, got null"),
        (&["status"], json!("completed"), "ply 12: status: expected \"completed\", got \"active\""),
        (&["winner"], json!(1), "ply 12: winner: expected 1, got null"),
    ];
    for (path, value, expected) in spoil {
        let mut wrong = good.clone();
        let place = path.iter().fold(&mut wrong, |at, key| match key.parse::<usize>() {
            Ok(n) => &mut at[n],
            Err(_) => &mut at[*key],
        });
        *place = value;
        let (passed, text) = verdict(folder.path(), &wrong);
        assert!(!passed && text.starts_with(&format!("FAIL case: {expected}")), "{path:?}: {text}");
    }
}

#[test]
fn a_file_of_neither_format_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("other.json");
    std::fs::write(&path, "{}").expect("a scratch file");
    let error = verify::check_file(&path).expect_err("it is no trace");
    assert!(error.to_string().contains("other.json"), "{error}");
}

/// A vector of our own: every kind of slip in it is one failed case that says what and where.
#[test]
fn a_vector_passes_and_slips_in_it_are_named() {
    let player = |n: u8| json!({"playerNumber": n, "ringsInHand": 10, "eliminatedRings": 0, "territorySpaces": 0});
    let stack = json!({"rings": [3, 1], "stackHeight": 2, "capHeight": 1, "controllingPlayer": 3});
    let good = json!({"id": "move", "input": {
        "state": {"board": {"type": "hex8", "stacks": {"0,0,0": stack}, "markers": {}, "collapsedSpaces": {}},
                  "players": [player(1), player(2), player(3)], "currentPlayer": 3, "currentPhase": "movement"},
        "move": {"type": "move_stack", "from": {"x": 0, "y": 0, "z": 0}, "to": {"x": 2, "y": 0, "z": -2}}},
        "expectedOutput": {"status": "complete", "assertions": {"currentPlayer": 1, "currentPhase": "ring_placement", "markerCount": 1,
                           "player3RingsInHand": 10, "sInvariantDelta": 1}}});
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("own.vectors.json");
    let check = |vectors: Value| {
        std::fs::write(&path, vectors.to_string()).expect("written");
        verify::check_file(&path).expect("vectors").remove(0).to_string()
    };
    assert_eq!(check(json!([good])), "PASS move");
    let spoil: [(&str, Value, &str); 9] = [
        ("/id", json!(7), "FAIL vector 1: ply 0: id: expected text, got 7"),
        ("/input/move/type", json!("jump"), "FAIL move: ply 0: no such type of move \"jump\""),
        ("/input/move/to", json!({"x": 1, "y": 0, "z": -1}), "FAIL move: ply 0: move: "),
        (
            "/input/move/to/x",
            json!(1),
            "UNPLAYABLE move: the move's field to names the cell 1,0,-2, which hex8 does not have",
        ),
        ("/input/state/board/type", json!("hex9"), "FAIL move: ply 0: board: "),
        ("/input/state/players", json!([]), "FAIL move: ply 0: players: expected 1 to 4, got 0"),
        (
            "/expectedOutput/status",
            json!("refused"),
            "FAIL move: ply 0: status: expected \"refused\", got \"complete\"",
        ),
        ("/expectedOutput/assertions", Value::Null, "FAIL move: ply 0: assertions: expected an object, got null"),
        ("/expectedOutput/assertions/markerCount", json!(2), "FAIL move: ply 0: markerCount: expected 2, got 1"),
    ];
    for (pointer, value, expected) in spoil {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).expect("a place") = value;
        let text = check(json!({"vectors": [wrong]}));
        assert!(text.starts_with(expected), "{pointer}: {text}");
    }
}

/// A vector that names a cell off its board, or says itself that it is not for such a check, is named with its reason.
#[test]
fn vectors_that_cannot_be_judged_are_named_and_do_not_fail() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let player = |n: u8| json!({"playerNumber": n, "ringsInHand": 10, "eliminatedRings": 0, "territorySpaces": 0});
    let vector = |id: &str, at: &str, skip: Value| {
        let stack = json!({"rings": [1], "stackHeight": 1, "capHeight": 1, "controllingPlayer": 1});
        let state = json!({"board": {"type": "hexagonal", "stacks": {at: stack}, "markers": {}, "collapsedSpaces": {}},
                           "players": [player(1), player(2)], "currentPlayer": 1, "currentPhase": "movement"});
        let mv = json!({"type": "move_stack", "from": {"x": 0, "y": 0, "z": 0}, "to": {"x": 1, "y": 0, "z": -1}});
        json!({"id": id, "skip": skip, "input": {"state": state, "move": mv}, "expectedOutput": {"assertions": {"markerCount": 1}}})
    };
    let vectors = json!({"vectors": [
        vector("good", "0,0,0", Value::Null),
        vector("far", "13,0,-13", Value::Null),
        vector("left out", "0,0,0", json!("played elsewhere")),
        vector("left out and far", "13,0,-13", json!("played elsewhere")),
    ]});
    let path = folder.path().join("own.vectors.json");
    std::fs::write(&path, vectors.to_string()).expect("written");
    let mut out = Vec::new();
    assert!(verify::run(&[path], &mut out).expect("readable"), "nothing failed");
    let off = "stacks names the cell 13,0,-13, which hexagonal does not have";
    let expected = format!(
        "PASS good\nUNPLAYABLE far: {off}\nSKIPPED left out: played elsewhere (played all the same, it passes)\n\
         SKIPPED left out and far: played elsewhere (played all the same, it differs: {off})\n1 passed, 0 failed, 2 \
         skipped, 1 unplayable\n"
    );
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

/// The assertions of recoveries: how many buried rings were paid, and that no line collapsed.
#[test]
fn recovery_vectors_count_extractions_and_collapses() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("own.vectors.json");
    let player = |n: u8| json!({"playerNumber": n, "ringsInHand": 0, "eliminatedRings": 0, "territorySpaces": 0});
    let stack = json!({"rings": [2, 1, 1, 2], "stackHeight": 4, "capHeight": 1, "controllingPlayer": 2});
    let marker = json!({"player": 1});
    let state = json!({"board": {"type": "square8", "stacks": {"4,4": stack}, "markers": {"0,0": marker, "7,7": marker}, "collapsedSpaces": {}},
                       "players": [player(1), player(2)], "currentPlayer": 1, "currentPhase": "movement"});
    let mv = json!({"type": "recovery_slide", "from": {"x": 0, "y": 0}, "to": {"x": 1, "y": 0}, "recoveryMode": "fallback",
                    "extractionStacks": ["4,4"]});
    let check = |extractions: u8, none: bool| {
        let expected =
            json!({"assertions": {"gameStatus": "active", "extractionCount": extractions, "noLineCollapse": none}});
        let vector = json!({"id": "slide", "input": {"state": state, "initialMove": mv}, "expectedOutput": expected});
        std::fs::write(&path, json!([vector]).to_string()).expect("written");
        verify::check_file(&path).expect("vectors").remove(0).to_string()
    };
    assert_eq!(check(1, true), "PASS slide");
    assert_eq!(check(0, true), "FAIL slide: ply 0: extractionCount: expected 0, got 1");
    assert_eq!(check(1, false), "FAIL slide: ply 0: noLineCollapse: expected false, got true");
}

/// Folders are searched to their ground, for traces and vectors only, mixed with files.
#[test]
fn folders_and_files_are_checked_in_one_go() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("a/deep")).expect("folders");
    std::fs::create_dir(at("empty")).expect("a folder");
    std::fs::write(at("a/deep/one.trace.json"), recording().to_string()).expect("written");
    std::fs::write(at("a/notes.json"), "no case").expect("written");
    std::os::unix::fs::symlink(at("a"), at("a/circle")).expect("a link");
    std::fs::write(at("alone.json"), recording().to_string()).expect("written");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(recording().to_string().as_bytes()).expect("packed");
    std::fs::write(at("a/two.trace.json.gz"), packed.finish().expect("packed")).expect("written");
    let mut out = Vec::new();
    assert!(verify::run(&[at("a"), at("alone.json")], &mut out).expect("readable"));
    assert_eq!(String::from_utf8(out).expect("text"), "PASS one\nPASS two\nPASS alone\n3 passed, 0 failed\n");

    let mut out = Vec::new();
    let error = verify::run(&[at("empty"), at("alone.json")], &mut out).expect_err("nothing is in it");
    assert!(error.to_string().contains("empty: the folder has no file that ends in .trace.json"), "{error}");
    assert_eq!(String::from_utf8(out).expect("text"), "PASS alone\n1 passed, 0 failed\n", "the rest is checked");
}

/// No verb ends badly or talks about it when its reader goes away.
#[test]
fn a_closed_pipe_ends_no_program_badly() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().expect("a scratch folder");
    let traces = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/traces");
    let model = folder.path().join("model.safetensors");
    let model = model.to_str().expect("a path");
    let verbs: [&[&str]; 5] = [
        &["verify", traces],
        &["init", "--config", "square8_2p", "--output", model],
        &["bench", "playouts", "--seconds", "0.1"],
        &["duel", "random", "random", "--games", "2"],
        &["show", "/nonexistent"],
    ];
    for verb in verbs {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let errors = writer.try_clone().expect("a pipe");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-workload"));
        let status = command.args(verb).stdout(writer).stderr(errors).stdin(Stdio::null()).status().expect("started");
        let expected = if verb[0] == "show" { 65 } else { 0 };
        assert_eq!(status.code(), Some(expected), "{verb:?}: {status}");
    }
}
