//! The files of one job: an output directory for each attempt, and what the runner keeps beside them.
use crate::contract::cause::FailureCause;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::{ConfigKey, Digest, FencingToken};
use crate::contract::job_file::{REPORT, attempt_name};
use crate::contract::workload::{Description, InputFile, ResultFile};
use crate::platform::replace::{Outlives, replace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self};
use std::io::{self};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// `taken.json`: what a run of the unit got from Take; ExecStopPost= of the same run reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// systemd's id of the run.
    pub invocation_id: String,
    /// The fencing token.
    pub token: FencingToken,
    /// The attempt.
    pub attempt: u32,
}

/// `stopped.json`: this run of the unit was asked to stop while the workload ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// systemd's id of the run.
    pub invocation_id: String,
}

/// `cause.json`: why this run of the unit has no result, where the runner knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// systemd's id of the run.
    pub invocation_id: String,
    /// The cause.
    pub cause: FailureCause,
}

/// `verified.json` in the output directory: the result with every hash checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// As the workload wrote it.
    pub result: ResultFile,
    /// As the workload got it.
    pub description: Description,
}

/// Paths of one job.
#[derive(Debug, Clone)]
pub struct JobDir(pub PathBuf);

impl JobDir {
    /// What Take gave.
    pub fn taken(&self) -> PathBuf {
        self.0.join("taken.json")
    }
    /// That a run was asked to stop.
    pub fn stopped(&self) -> PathBuf {
        self.0.join("stopped.json")
    }
    /// Why a run has no result.
    pub fn cause(&self) -> PathBuf {
        self.0.join("cause.json")
    }
    /// How a run ended, for the coordinator when it was away.
    pub fn report(&self) -> PathBuf {
        self.0.join(REPORT)
    }
    /// The job description of an attempt; outside its output directory, which is empty at start.
    pub fn description(&self, attempt: u32) -> PathBuf {
        self.0.join(format!("job-{attempt}.json"))
    }
    /// The output directory of an attempt.
    pub fn output(&self, attempt: u32) -> PathBuf {
        self.0.join(attempt_name(attempt))
    }
    /// Why an attempt failed, for people.
    pub fn error(&self, attempt: u32) -> PathBuf {
        self.output(attempt).join("error.txt")
    }
    /// The verified result of an attempt.
    pub fn verified(&self, attempt: u32) -> PathBuf {
        self.output(attempt).join("verified.json")
    }

    /// Makes the output directory of an attempt. One that is there already is put aside: the workload finds an empty
    /// one.
    pub fn make_output(&self, attempt: u32, now_us: i64) -> Result<PathBuf, Failure> {
        let dir = self.output(attempt);
        // Also a link that leads nowhere, which an earlier attempt may have left.
        if dir.symlink_metadata().is_ok() {
            let aside = self.0.join(format!("attempt-{attempt}.{now_us}"));
            fs::rename(&dir, &aside).map_err(|e| failed("putting aside", &dir, e))?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o770).create(&dir).map_err(|e| failed("making", &dir, e))?;
        Ok(dir)
    }

    /// Where to continue from: this attempt's own directory of before it was interrupted, else that of the newest
    /// earlier one.
    pub fn previous(&self, attempt: u32) -> Option<PathBuf> {
        self.interrupted(attempt).or_else(|| (1..attempt).rev().map(|n| self.output(n)).find(|dir| dir.is_dir()))
    }

    /// The directory of this attempt that was put aside last.
    fn interrupted(&self, attempt: u32) -> Option<PathBuf> {
        let own = format!("{}.", attempt_name(attempt));
        let number = |name: &str| name.strip_prefix(&own)?.parse::<i64>().ok();
        let entries = fs::read_dir(&self.0).ok()?.flatten();
        let aside = entries.filter_map(|entry| Some((number(entry.file_name().to_str()?)?, entry.path())));
        aside.filter(|(_, path)| path.is_dir()).max().map(|(_, path)| path)
    }
}

/// A failure with operation and path.
pub fn failed(doing: &str, path: &Path, error: io::Error) -> Failure {
    Failure::new(Exit::TempFail, format!("{doing} {}", path.display())).caused_by(error)
}

/// Writes a JSON file that is whole or not there as long as the power stays on: an attempt does not outlive it either,
/// so nothing here waits for the disk.
pub fn write_json(path: &Path, mode: u32, value: &impl Serialize) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Failure::new(Exit::Failure, format!("writing {}", path.display())).caused_by(e))?;
    replace(path, &bytes, mode, Outlives::Kill).map_err(|e| failed("writing", path, e))
}

/// Reads a JSON file; nothing when it is absent or cannot be read.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_slice(&bytes)
        .map_err(|error| tracing::warn!(%error, file = %path.display(), "cannot read a file of the job"))
        .ok()
}

/// The model that is current for a configuration: the link `<dir>/<config_key>` points to `<sha256>.safetensors`. No
/// link: none yet.
pub fn current_model(dir: &Path, key: &ConfigKey) -> Result<Option<InputFile>, Failure> {
    let link = dir.join(key.as_str());
    let target = match fs::read_link(&link) {
        Ok(target) => target,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed("reading the link", &link, e)),
    };
    let path = dir.join(target);
    let path = path.canonicalize().map_err(|e| failed("following the current model", &path, e))?;
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let sha256 = Digest::new(stem)
        .map_err(|e| Failure::new(Exit::TempFail, format!("the current model {}", path.display())).caused_by(e))?;
    Ok(Some(InputFile { sha256, path: path.to_string_lossy().into_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_there_is_put_aside() {
        let dir = tempfile::tempdir().expect("a directory");
        let job = JobDir(dir.path().into());
        let first = job.make_output(1, 5).expect("made");
        fs::write(first.join("game.db"), "x").expect("written");
        assert_eq!(job.make_output(1, 6).expect("made again"), first);
        assert_eq!(fs::read_dir(&first).expect("there").count(), 0);
        assert!(dir.path().join("attempt-1.6/game.db").exists());
        assert_eq!(job.previous(3), Some(first));
        assert_eq!(
            job.previous(1),
            Some(dir.path().join("attempt-1.6")),
            "an interrupted attempt goes on from what it left itself"
        );
        assert_eq!(JobDir(dir.path().join("attempt-1.6")).previous(1), None);
    }

    #[test]
    fn a_link_in_the_place_of_the_directory_is_put_aside() {
        let dir = tempfile::tempdir().expect("a directory");
        let job = JobDir(dir.path().into());
        std::os::unix::fs::symlink(dir.path().join("nowhere"), job.output(2)).expect("linked");
        let made = job.make_output(2, 5).expect("made");
        assert!(fs::symlink_metadata(made).expect("there").is_dir());
    }

    #[test]
    fn the_current_model_is_what_the_link_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = ConfigKey::new("square8_2p").expect("a key");
        assert_eq!(current_model(dir.path(), &key).expect("no link is no model"), None);
        let model = dir.path().join(format!("{}.safetensors", "a".repeat(64)));
        std::os::unix::fs::symlink(&model, dir.path().join("square8_2p")).expect("linked");
        assert!(current_model(dir.path(), &key).is_err(), "a link to nothing is not the untrained network");
        fs::write(&model, "weights").expect("written");
        let found = current_model(dir.path(), &key).expect("found").expect("a model");
        assert_eq!(found.sha256.as_str(), "a".repeat(64));
    }
}
