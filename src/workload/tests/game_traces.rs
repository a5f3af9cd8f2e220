//! Every recorded game is replayed: the same legal moves and the same state at every ply.

use std::path::PathBuf;

use ringrift_workload::verify;

/// The recorded games of this project, `*.trace.json.gz`.
fn traces() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/traces");
    let entries = std::fs::read_dir(folder).expect("the folder of traces is part of the project");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    files.retain(|p| p.to_string_lossy().ends_with(".trace.json.gz"));
    files.sort();
    files
}

#[test]
fn all_recorded_games_are_replayed() {
    let files = traces();
    assert_eq!(files.len(), 76, "76 games are recorded");
    let mut out = Vec::new();
    let good = verify::run(&files, &mut out).expect("the traces are readable");
    assert!(good, "{}", String::from_utf8_lossy(&out));
}
