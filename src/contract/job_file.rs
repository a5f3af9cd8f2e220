//! Files that jobs made, as processes name them to each other: by job, attempt and a path below it, never by a path of
//! a job's choice.
use super::ids::{JobId, text_id};
use super::text::is_harmless;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Directories and the name together at most.
const DEEPEST: usize = 16;
/// The longest name in a file system, bytes.
const LONGEST_NAME: usize = 255;
/// The longest path, bytes.
const LONGEST: usize = 1024;
/// The longest extension, bytes; the store names its copy by the SHA-256 and this.
const LONGEST_EXTENSION: usize = 16;

text_id!(
    /// A file below an attempt's output directory: names and slashes, no way out, an extension that the store can keep.
    JobPath, "path in the output directory", check
);

fn check(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(format!("must have 1 to {LONGEST} bytes"));
    }
    if !text.chars().all(is_harmless) {
        return Err("must not contain control characters or invisible characters".into());
    }
    let names: Vec<&str> = text.split('/').collect();
    if names.iter().any(|name| ["", ".", ".."].contains(name)) {
        return Err("must be relative, without empty names, \".\" and \"..\"".into());
    }
    if names.len() > DEEPEST {
        return Err(format!("must have at most {DEEPEST} path components"));
    }
    if names.iter().any(|name| name.len() > LONGEST_NAME) {
        return Err(format!("path components must have at most {LONGEST_NAME} bytes"));
    }
    match names.last().and_then(|name| name.rsplit_once('.')) {
        Some((_, end))
            if end.is_empty() || end.len() > LONGEST_EXTENSION || !end.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            Err(format!("the extension must have 1 to {LONGEST_EXTENSION} letters and digits"))
        }
        _ => Ok(()),
    }
}

impl JobPath {
    /// The directories on the way and, last, the file's name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
    /// What the store puts after the SHA-256.
    pub fn extension(&self) -> &str {
        self.names().last().and_then(|name| name.rsplit_once('.')).map_or("bin", |(_, end)| end)
    }
}

/// A file that a job made, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFile {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: u32,
    /// Where in the attempt's output directory.
    pub path: JobPath,
    /// Its size.
    pub bytes: u64,
    /// The users that the job ran as; another's file is not the job's.
    pub uids: Vec<u32>,
}

/// What the files of one job may take of the disk together, over all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Bytes of all files, and of one.
    pub bytes: u64,
    /// Files and directories.
    pub files: u64,
}

impl Quota {
    /// Why files of these sizes, as a result names them, cannot be one job's, if so.
    pub fn refuses(&self, sizes: impl IntoIterator<Item = u64>) -> Option<String> {
        let (mut bytes, mut files) = (0u64, 0u64);
        for size in sizes {
            (bytes, files) = (bytes.saturating_add(size), files + 1);
        }
        let Quota { bytes: most_bytes, files: most_files } = *self;
        if files > most_files {
            return Some(format!("the result has {files} files; limits.job_files is {most_files}"));
        }
        (bytes > most_bytes)
            .then(|| format!("the files of the result have {bytes} bytes; limits.job_bytes is {most_bytes}"))
    }
}

/// In a job's directory: how its attempt ended, as far as that could not be handed in.
pub const REPORT: &str = "report.json";
/// The largest report that is read.
pub const MAX_REPORT_BYTES: u64 = 4 << 20;

/// The name of an attempt's output directory.
pub fn attempt_name(attempt: u32) -> String {
    format!("attempt-{attempt}")
}

impl JobFile {
    /// Its path, for people.
    pub fn shown(&self, jobs: &Path) -> PathBuf {
        jobs.join(self.job.as_str()).join(attempt_name(self.attempt)).join(self.path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_within_the_job_s_quota() {
        let quota = Quota { bytes: 100, files: 2 };
        assert_eq!(quota.refuses([60, 40]), None);
        for (sizes, word) in [(vec![60, 41], "job_bytes"), (vec![1; 3], "job_files"), (vec![u64::MAX, 1], "job_bytes")]
        {
            assert!(quota.refuses(sizes.clone()).is_some_and(|why| why.contains(word)), "{sizes:?}");
        }
    }

    #[test]
    fn a_path_of_a_job_stays_inside_and_fits() {
        for good in ["a.db", "x/y/model.safetensors", "plain", ".hidden", "über/1.npz", "..a"] {
            assert!(JobPath::new(good).is_ok(), "{good}");
        }
        let long = "n".repeat(256);
        let deep = "a/".repeat(16) + "b";
        let extension = format!("a.{}", "x".repeat(17));
        for bad in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            ".",
            "a\nb",
            "a\0",
            "a.d b",
            "a.",
            &long,
            &deep,
            &extension,
        ] {
            assert!(JobPath::new(bad).is_err(), "{bad}");
        }
        assert_eq!(JobPath::new("x.y/model.npz").map(|p| p.extension().to_owned()), Ok("npz".into()));
        assert_eq!(JobPath::new("x.y/model").map(|p| p.extension().to_owned()), Ok("bin".into()));
    }
}
