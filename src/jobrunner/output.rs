//! What the runner writes when an attempt ends: the verified result, or why there is none.
use super::attempt::{JobDir, Verified, write_json, write_whole};
use super::verify::verify;
use crate::contract::error::{Failure, chain};
use crate::contract::workload::Description;

/// The longest reason, bytes.
const LONGEST: usize = 8192;

/// Verifies the output and writes `verified.json`.
pub fn keep_result(job: &JobDir, description: &Description) -> Result<(), Failure> {
    let result = verify(job, description)?;
    write_json(&job.verified(description.attempt), 0o644, &Verified { result, description: description.clone() })
}

/// Writes `error.txt`: the reason, and the last lines that the workload wrote to stderr.
pub fn keep_error(job: &JobDir, attempt: u32, reason: &str, tail: &str) {
    let mut text = reason.to_owned();
    if !tail.is_empty() {
        text = format!("{text}\n{tail}");
    }
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let path = job.error(attempt);
    if let Err(error) = write_whole(&path, 0o644, &text.as_bytes()[..end]) {
        tracing::warn!(%error, path = %path.display(), "writing why the attempt failed");
    }
}

/// A failure with its causes, for `error.txt`.
pub fn words(failure: &Failure) -> String {
    chain(failure)
}
