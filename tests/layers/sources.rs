//! The source files that the tests look at.
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of the main package: path below src, and text.
pub fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root()).expect("below src").to_string_lossy().into_owned();
            match path.is_dir() {
                // A package of its own, with layers of its own.
                true if path.join("Cargo.toml").exists() => {}
                true => folders.push(path),
                false if name.ends_with(".rs") => files.push((name, std::fs::read_to_string(&path).expect("a text"))),
                false => {}
            }
        }
    }
    files.sort();
    files
}

/// The code that ships: without tests and comments.
pub fn shipped(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

pub fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("_tests.rs")
}
