//! Verifies what the workload left: every file it names is there, inside, whole, and on disk.
use super::attempt::{JobDir, failed};
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::Digest;
use crate::contract::job_file::{JobFile, Quota};
use crate::contract::results::{MAX_ARTEFACTS, MAX_RESULT_BYTES};
use crate::contract::workload::{Artefact, Description, ResultFile};
use crate::platform::job_files::JobFiles;
use crate::platform::threads;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The file that the workload writes last.
const RESULT: &str = "result.json";

/// Reads `result.json` and verifies every artefact as its reader will; all of it is on disk then.
pub fn verify(job: &JobDir, description: &Description, quota: Option<Quota>) -> Result<ResultFile, Failure> {
    let output = job.output(description.attempt);
    let result = read(&output)?;
    // Before anything is read: what it says of sizes is checked with each file.
    if let Some(why) = quota.and_then(|quota| quota.refuses(result.artefacts.iter().map(|a| a.bytes))) {
        return Err(bad(&output.join(RESULT), why));
    }
    let files = JobFiles::new(job.0.parent().unwrap_or(&job.0));
    let uids = vec![nix::unistd::geteuid().as_raw()];
    let mut directories = HashSet::from([output.clone()]);
    for artefact in &result.artefacts {
        let file = JobFile {
            job: description.job_id.clone(),
            attempt: description.attempt,
            path: artefact.path.clone(),
            bytes: artefact.bytes,
            uids: uids.clone(),
        };
        check(&files, &file, artefact)?;
        directories.extend(
            output
                .join(artefact.path.as_str())
                .ancestors()
                .skip(1)
                .take(artefact.path.names().count())
                .map(Path::to_owned),
        );
    }
    for directory in directories {
        File::open(&directory).and_then(|d| d.sync_all()).map_err(|e| failed("syncing", &directory, e))?;
    }
    Ok(result)
}

fn read(output: &Path) -> Result<ResultFile, Failure> {
    let path = output.join(RESULT);
    let meta = fs::symlink_metadata(&path).map_err(|e| {
        Failure::new(Exit::Failure, format!("the workload exited with 0 but wrote no {}", path.display())).caused_by(e)
    })?;
    if !meta.is_file() || meta.len() > MAX_RESULT_BYTES {
        return Err(bad(&path, format!("must be a regular file of at most {MAX_RESULT_BYTES} bytes")));
    }
    let text = fs::read(&path).map_err(|e| failed("reading", &path, e))?;
    let result: ResultFile = serde_json::from_slice(&text).map_err(|e| bad(&path, e.to_string()))?;
    if result.schema != 1 {
        return Err(bad(&path, format!("unknown schema {}; must be 1", result.schema)));
    }
    if result.artefacts.len() > MAX_ARTEFACTS {
        return Err(bad(&path, format!("has {} artefacts; the maximum is {MAX_ARTEFACTS}", result.artefacts.len())));
    }
    Ok(result)
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failure, format!("{}: {why}", path.display()))
}

/// Opens the artefact the way in which it will be taken over, and hashes what it finds.
fn check(files: &JobFiles, file: &JobFile, artefact: &Artefact) -> Result<(), Failure> {
    let unusable = |e| Failure::new(Exit::Failure, "unusable artefact").caused_by(e);
    let path = Path::new(artefact.path.as_str());
    files.make_readable(file).map_err(unusable)?;
    let mut opened = files.open(file).map_err(unusable)?;
    // The disk writes while the processor reads.
    let writing = opened.try_clone().map_err(|e| failed("opening the artefact", path, e))?;
    let synced = threads::part("sync", move || writing.sync_all()).map_err(|e| failed("syncing", path, e))?;
    let found = hash(&mut opened).map_err(|e| failed("reading the artefact", path, e))?;
    let lost = || Err(std::io::Error::other("the sync thread has exited"));
    synced.join().unwrap_or_else(|_| lost()).map_err(|e| failed("syncing", path, e))?;
    if found != artefact.sha256.as_str() {
        return Err(bad(path, format!("its SHA-256 is {found}, but the result has {}", artefact.sha256)));
    }
    Ok(())
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
    use crate::contract::error::chain;
    use serde_json::json;

    struct World {
        dir: tempfile::TempDir,
        job: JobDir,
    }

    impl World {
        fn new(artefact: serde_json::Value) -> World {
            let dir = tempfile::tempdir().expect("a directory");
            let job = JobDir(dir.path().join("t-1"));
            let attempt = job.output(1);
            fs::create_dir_all(&attempt).expect("made");
            fs::write(attempt.join("a.db"), "abc").expect("written");
            let result = json!({"schema": 1, "artefacts": [artefact], "metrics": {}});
            fs::write(attempt.join(RESULT), result.to_string()).expect("written");
            World { dir, job }
        }
        fn path(&self, name: &str) -> std::path::PathBuf {
            self.job.output(1).join(name)
        }
        fn verify(&self) -> Result<ResultFile, String> {
            let text = json!({"schema": 1, "job_id": "t-1", "job_type": "selfplay", "config_key": "square8_2p", "attempt": 1, "seed": 1});
            verify(
                &self.job,
                &serde_json::from_value(text).expect("a description"),
                Some(Quota { bytes: 100, files: 1 }),
            )
            .map_err(|e| chain(&e))
        }
    }

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn abc(path: &str) -> serde_json::Value {
        json!({"kind": "games", "path": path, "sha256": ABC, "bytes": 3})
    }

    #[test]
    fn a_true_result_passes() {
        assert_eq!(World::new(abc("a.db")).verify().expect("verified").artefacts.len(), 1);
    }

    #[test]
    fn every_lie_is_found() {
        let (long, deep) = ("n".repeat(256), "d/".repeat(16) + "a");
        let table = [
            (json!({"kind": "games", "path": "a.db", "sha256": "0".repeat(64), "bytes": 3}), "SHA-256"),
            (json!({"kind": "games", "path": "a.db", "sha256": ABC, "bytes": 4}), "3 bytes"),
            (json!({"kind": "games", "path": "a.db", "sha256": ABC, "bytes": 101}), "limits.job_bytes"),
            (abc("b.db"), "finding it"),
            (abc("../a.db"), "must be relative"),
            (abc("/etc/passwd"), "must be relative"),
            (abc(""), "1 to"),
            (abc("."), "must be relative"),
            (abc(&long), "255"),
            (abc(&deep), "16 path components"),
            (abc("a.a-name-that-goes-on"), "extension"),
        ];
        for (artefact, word) in table {
            let error = World::new(artefact.clone()).verify().expect_err("a lie");
            assert!(error.contains(word), "{artefact}: {error}");
        }
    }

    #[test]
    fn links_fifos_and_directories_are_no_artefacts() {
        let w = World::new(abc("x.db"));
        std::os::unix::fs::symlink(w.path("a.db"), w.path("x.db")).expect("linked");
        let refused = |word: &str| assert!(w.verify().is_err_and(|e| e.contains(word)), "{word}");
        refused("not a regular file");
        fs::remove_file(w.path("x.db")).expect("removed");
        fs::hard_link(w.path("a.db"), w.path("x.db")).expect("linked");
        refused("2 hard links");
        fs::remove_file(w.path("x.db")).expect("removed");
        nix::unistd::mkfifo(&w.path("x.db"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        refused("not a regular file");
        fs::remove_file(w.path("x.db")).expect("removed");
        fs::create_dir(w.path("x.db")).expect("made");
        refused("not a regular file");
    }

    #[test]
    fn an_artefact_that_its_reader_could_not_read_is_made_readable() {
        use std::os::unix::fs::PermissionsExt;
        let w = World::new(abc("deep/a.db"));
        fs::create_dir(w.path("deep")).expect("made");
        fs::rename(w.path("a.db"), w.path("deep/a.db")).expect("moved");
        fs::set_permissions(w.path("deep/a.db"), fs::Permissions::from_mode(0o600)).expect("set");
        fs::set_permissions(w.path("deep"), fs::Permissions::from_mode(0o700)).expect("set");
        w.verify().expect("verified");
        let mode = |name: &str| fs::metadata(w.path(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("deep/a.db"), mode("deep")), (0o640, 0o750));
        assert!(w.dir.path().is_dir());
    }
}
