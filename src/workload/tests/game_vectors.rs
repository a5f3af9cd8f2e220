//! The rules' contract vectors, which live outside the project: their folder is `RINGRIFT_RULES_VECTORS`.

use std::path::PathBuf;

use ringrift_workload::verify::{self, Verdict};
use serde_json::{Value, json};

/// The files, or nothing with a word to whoever runs the tests.
fn files() -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("RINGRIFT_RULES_VECTORS") else {
        println!("skipped: RINGRIFT_RULES_VECTORS names no folder of *.vectors.json files");
        return None;
    };
    let entries = std::fs::read_dir(&folder).expect("RINGRIFT_RULES_VECTORS is a folder");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    files.retain(|p| p.to_string_lossy().ends_with(".vectors.json"));
    assert!(!files.is_empty(), "no *.vectors.json in {folder:?}");
    Some(files)
}

#[test]
fn all_vectors_that_are_not_disputed_pass() {
    let Some(files) = files() else { return };
    let mut out = Vec::new();
    let good = verify::run(&files, &mut out).expect("the vectors are readable");
    assert!(good, "{}", String::from_utf8_lossy(&out));
}

/// Every assertion of every vector is looked at: with another value, the vector fails and names it.
#[test]
fn each_assertion_counts() {
    let Some(files) = files() else { return };
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("one.vectors.json");
    let mut tried = 0;
    for file in files {
        let whole: Value = serde_json::from_slice(&std::fs::read(&file).expect("readable")).expect("JSON");
        for vector in whole["vectors"].as_array().expect("vectors") {
            let verdict = |vector: &Value| {
                std::fs::write(&path, json!({"vectors": [vector]}).to_string()).expect("written");
                verify::check_file(&path).expect("readable").remove(0).verdict
            };
            if verdict(vector) != Verdict::Pass {
                continue;
            }
            for (key, value) in vector["expectedOutput"]["assertions"].as_object().expect("assertions") {
                let other = match value {
                    Value::Number(n) => json!(n.as_i64().expect("an integer") + 1),
                    Value::String(_) => json!("something else"),
                    other => panic!("{key}: {other}"),
                };
                let mut wrong = vector.clone();
                wrong["expectedOutput"]["assertions"][key] = other;
                let Verdict::Fail(what) = verdict(&wrong) else { panic!("{}: {key} is not looked at", vector["id"]) };
                assert!(what.starts_with(&format!("ply 0: {key}: expected ")) || key.starts_with("current"), "{what}");
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "only {tried} assertions were tried");
}
