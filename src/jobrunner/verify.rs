//! Verifies what the workload left: every file it names is there, inside, whole, and on disk.
use super::attempt::failed;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::Digest;
use crate::contract::workload::{Artefact, ResultFile};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// The file that the workload writes last.
const RESULT: &str = "result.json";
/// Its largest size, bytes.
const LARGEST: u64 = 1 << 20;

/// Reads `result.json` and verifies every artefact; all of it is on disk then.
pub fn verify(output: &Path) -> Result<ResultFile, Failure> {
    let path = output.join(RESULT);
    let meta = fs::symlink_metadata(&path)
        .map_err(|e| Failure::new(Exit::Failure, format!("the workload ended well but left no {}", path.display())).caused_by(e))?;
    if !meta.is_file() || meta.len() > LARGEST {
        return Err(bad(&path, format!("wants a regular file of at most {LARGEST} bytes")));
    }
    let text = fs::read(&path).map_err(|e| failed("reading", &path, e))?;
    let result: ResultFile = serde_json::from_slice(&text).map_err(|e| bad(&path, e.to_string()))?;
    if result.schema != 1 {
        return Err(bad(&path, format!("schema {} is not known, 1 is", result.schema)));
    }
    let root = output.canonicalize().map_err(|e| failed("resolving", output, e))?;
    let mut directories = HashSet::from([root.clone()]);
    for artefact in &result.artefacts {
        let file = check(&root, artefact)?;
        directories.extend(file.parent().map(Path::to_owned));
    }
    for directory in directories {
        File::open(&directory).and_then(|d| d.sync_all()).map_err(|e| failed("syncing", &directory, e))?;
    }
    Ok(result)
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failure, format!("{}: {why}", path.display()))
}

fn check(root: &Path, artefact: &Artefact) -> Result<PathBuf, Failure> {
    let named = Path::new(&artefact.path);
    let inside = !artefact.path.is_empty() && named.components().all(|c| matches!(c, Component::Normal(_)));
    if !inside {
        return Err(bad(named, "an artefact's path is relative to the output directory and stays inside"));
    }
    let path = root.join(named);
    // A link in the middle could lead outside as well.
    let real = path.canonicalize().map_err(|e| failed("looking for the artefact", &path, e))?;
    if real != path {
        return Err(bad(&path, "leads over a symbolic link; an artefact is a file in the output directory"));
    }
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(&path)
        .map_err(|e| failed("opening the artefact", &path, e))?;
    let meta = file.metadata().map_err(|e| failed("looking at the artefact", &path, e))?;
    if !meta.is_file() {
        return Err(bad(&path, "is no regular file"));
    }
    if meta.len() != artefact.bytes {
        return Err(bad(&path, format!("has {} bytes, the result says {}", meta.len(), artefact.bytes)));
    }
    // The disk writes while the processor reads.
    let writing = file.try_clone().map_err(|e| failed("opening the artefact", &path, e))?;
    let synced = std::thread::spawn(move || writing.sync_all());
    let found = hash(&mut file).map_err(|e| failed("reading the artefact", &path, e))?;
    let lost = || Err(std::io::Error::other("the thread that syncs it is gone"));
    synced.join().unwrap_or_else(|_| lost()).map_err(|e| failed("syncing", &path, e))?;
    if found != artefact.sha256.as_str() {
        return Err(bad(&path, format!("its SHA-256 is {found}, the result says {}", artefact.sha256)));
    }
    Ok(path)
}

fn hash(file: &mut impl Read) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 128 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => hasher.update(&chunk[..n]),
        }
    }
    let text: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    debug_assert!(Digest::new(text.clone()).is_ok());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn output(artefact: serde_json::Value) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("a.db"), "abc").expect("written");
        let result = json!({"schema": 1, "artefacts": [artefact], "metrics": {}});
        fs::write(dir.path().join(RESULT), result.to_string()).expect("written");
        dir
    }

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_true_result_passes() {
        let dir = output(json!({"kind": "games", "path": "a.db", "sha256": ABC, "bytes": 3}));
        assert_eq!(verify(dir.path()).expect("verified").artefacts.len(), 1);
    }

    #[test]
    fn every_lie_is_found() {
        let table = [
            (json!({"kind": "games", "path": "a.db", "sha256": "0".repeat(64), "bytes": 3}), "SHA-256"),
            (json!({"kind": "games", "path": "a.db", "sha256": ABC, "bytes": 4}), "3 bytes"),
            (json!({"kind": "games", "path": "b.db", "sha256": ABC, "bytes": 3}), "looking for"),
            (json!({"kind": "games", "path": "../a.db", "sha256": ABC, "bytes": 3}), "inside"),
            (json!({"kind": "games", "path": "/etc/passwd", "sha256": ABC, "bytes": 3}), "inside"),
            (json!({"kind": "games", "path": "", "sha256": ABC, "bytes": 3}), "inside"),
            (json!({"kind": "games", "path": ".", "sha256": ABC, "bytes": 3}), "inside"),
        ];
        for (artefact, word) in table {
            let dir = output(artefact.clone());
            let error = verify(dir.path()).expect_err("a lie");
            assert!(error.to_string().contains(word), "{artefact}: {error}");
        }
    }

    #[test]
    fn links_and_directories_are_no_artefacts() {
        let dir = output(json!({"kind": "games", "path": "link.db", "sha256": ABC, "bytes": 3}));
        std::os::unix::fs::symlink(dir.path().join("a.db"), dir.path().join("link.db")).expect("linked");
        assert!(verify(dir.path()).expect_err("a link").to_string().contains("symbolic link"));
        fs::remove_file(dir.path().join("link.db")).expect("removed");
        fs::create_dir(dir.path().join("link.db")).expect("made");
        assert!(verify(dir.path()).expect_err("a directory").to_string().contains("no regular file"));
    }
}
