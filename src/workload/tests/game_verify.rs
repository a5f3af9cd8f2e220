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
    assert!(text.starts_with("FAIL case: ply 0: legal: ") && text.contains("missing [") && text.contains("[40,40]"), "{text}");

    let mut wrong = good.clone();
    wrong["plies"][7]["after"]["stacks"]["0,0"] = json!([1, 2, 2]);
    let (_, text) = verdict(folder.path(), &wrong);
    assert!(text.contains("ply 7: stacks 0,0: expected [1,2,2], got "), "{text}");

    // What is missing or of the wrong type is a failure with its place, not an end of the whole check.
    let spoil: [(&[&str], Value, &str); 9] = [
        (&["boardType"], json!("round"), "ply 0: boardType: expected square8, square19, hex8 or hexagonal, got \"round\""),
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
    let spoil: [(&str, Value, &str); 8] = [
        ("/id", json!(7), "FAIL vector 1: ply 0: id: expected text, got 7"),
        ("/input/move/type", json!("jump"), "FAIL move: ply 0: no such type of move \"jump\""),
        ("/input/move/to/x", json!(1), "FAIL move: ply 0: move: "),
        ("/input/state/board/type", json!("hex9"), "FAIL move: ply 0: board: "),
        ("/input/state/players", json!([]), "FAIL move: ply 0: players: expected 1 to 4, got 0"),
        ("/expectedOutput/status", json!("refused"), "FAIL move: ply 0: status: expected \"refused\", got \"complete\""),
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
