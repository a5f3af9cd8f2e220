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

    let mut wrong = good;
    wrong["plies"][7]["after"]["stacks"]["0,0"] = json!([1, 2, 2]);
    let (_, text) = verdict(folder.path(), &wrong);
    assert!(text.contains("ply 7: stacks 0,0: expected [1,2,2], got "), "{text}");
}

#[test]
fn a_file_of_neither_format_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("other.json");
    std::fs::write(&path, "{}").expect("a scratch file");
    let error = verify::check_file(&path).expect_err("it is no trace");
    assert!(error.to_string().contains("other.json"), "{error}");
}
