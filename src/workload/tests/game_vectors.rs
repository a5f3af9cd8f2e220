//! The rules' contract vectors, which live outside the project: their folder is `RINGRIFT_RULES_VECTORS`.

use std::path::PathBuf;

use ringrift_workload::verify;

#[test]
fn all_vectors_that_are_not_disputed_pass() {
    let Some(folder) = std::env::var_os("RINGRIFT_RULES_VECTORS") else {
        println!("skipped: RINGRIFT_RULES_VECTORS names no folder of *.vectors.json files");
        return;
    };
    let entries = std::fs::read_dir(&folder).expect("RINGRIFT_RULES_VECTORS is a folder");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    files.retain(|p| p.to_string_lossy().ends_with(".vectors.json"));
    assert!(!files.is_empty(), "no *.vectors.json in {folder:?}");
    let mut out = Vec::new();
    let good = verify::run(&files, &mut out).expect("the vectors are readable");
    assert!(good, "{}", String::from_utf8_lossy(&out));
}
