//! What the runner writes when an attempt ends: the verified result, or why there is none.
use super::attempt::{JobDir, Verified, write_json};
use super::verify::verify;
use crate::contract::error::{Exit, Failure, chain};
use crate::contract::job_file::Quota;
use crate::contract::results;
use crate::contract::text::Block;
use crate::contract::workload::Description;
use crate::platform::replace::{Outlives, replace};

/// Verifies the output and writes `verified.json`.
pub fn keep_result(job: &JobDir, description: &Description, quota: Option<Quota>) -> Result<(), Failure> {
    let result = verify(job, description, quota)?;
    // What its consumer would refuse is no result: the attempt failed, and is tried again as any other failure.
    let listed = result.artefacts.iter().map(|a| (a.kind.as_str(), &a.meta));
    results::check(description.job_type.name(), &result.metrics, listed)
        .map_err(|refused| Failure::new(Exit::Failure, refused.to_string()))?;
    write_json(&job.verified(description.attempt), 0o640, &Verified { result, description: description.clone() })
}

/// Writes `error.txt`: the reason, and the last lines that the workload wrote to stderr.
pub fn keep_error(job: &JobDir, attempt: u32, reason: &str, tail: &Block) {
    let text = match tail.is_empty() {
        true => Block::new(reason),
        false => Block::new(format!("{reason}\n{tail}")),
    };
    let path = job.error(attempt);
    if let Err(error) = replace(&path, text.as_bytes(), 0o640, Outlives::PowerCut) {
        tracing::warn!(%error, path = %path.display(), "writing why the attempt failed");
    }
}

/// A failure with its causes, for `error.txt`.
pub fn words(failure: &Failure) -> String {
    chain(failure)
}
