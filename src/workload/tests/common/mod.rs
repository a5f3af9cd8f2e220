//! The stages as the job-runner calls them, for tests.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ringrift_workload::contract::files::sha256_file;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with jobs in it.
pub struct World {
    /// Where everything is.
    pub folder: TempDir,
    count: usize,
}

impl World {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), count: 0 }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a job description; returns it and the output folder it may use.
    pub fn job(&mut self, config: &str, stage: &str, seed: u64, inputs: Value, params: Value) -> (PathBuf, PathBuf) {
        self.count += 1;
        let file = self.path(&format!("job{}.json", self.count));
        let job = json!({"schema": 1, "job_id": "job", "job_type": stage, "config_key": config, "attempt": 1, "seed": seed, "inputs": inputs, "params": params});
        std::fs::write(&file, job.to_string()).expect("job written");
        (file, self.path(&format!("out{}", self.count)))
    }

    /// Runs a stage that must succeed; returns its output folder and its result.
    pub fn run(&mut self, config: &str, stage: &str, inputs: Value, params: Value) -> (PathBuf, Value) {
        let (job, out) = self.job(config, stage, 5, inputs, params);
        let output = command(stage, &job, &out).output().expect("started");
        assert!(output.status.success(), "{stage}: {}", text(&output));
        let result = std::fs::read_to_string(out.join("result.json")).expect("a result");
        (out, serde_json::from_str(&result).expect("JSON"))
    }
}

/// A stage's command as the job-runner calls it.
pub fn command(stage: &str, job: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-workload"));
    command.arg(stage).env("RINGRIFT_JOB_FILE", job).env("RINGRIFT_OUTPUT_DIR", out).env_remove("RINGRIFT_REPORT_FD");
    command
}

/// What a command wrote to stderr.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file given by name and content, as in a job's inputs.
pub fn reference(path: &Path) -> Value {
    json!({"sha256": sha256_file(path).expect("hashed").0, "path": path})
}

/// Runs a job that must fail; returns its message after checking exit code and that nothing was left.
pub fn refused(job: &Path, out: &Path, stage: &str, code: i32) -> String {
    let output = command(stage, job, out).output().expect("started");
    let message = text(&output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(!out.join("result.json").exists());
    let left = std::fs::read_dir(out).map(|d| d.count()).unwrap_or(0);
    assert_eq!(left, 0, "files left in {}: {message}", out.display());
    message
}
