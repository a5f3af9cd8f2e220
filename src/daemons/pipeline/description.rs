//! What a finished job says of itself: its description, and the inputs that it could not use.
use crate::contract::daemon::HandlerError;
use crate::contract::events::WorkCompleted;
use crate::contract::ids::Digest;
use crate::contract::workload::{Description, Inputs};
use serde_json::Value;

/// The job as it was given to the workload.
pub(super) fn description(value: &Value) -> Result<Description, HandlerError> {
    serde_json::from_value(value.clone()).map_err(|e| HandlerError::Rejected(format!("the job's description: {e}")))
}

/// Inputs that an export left out, with its reason; what is not among the job's own inputs is passed over.
pub(super) fn left_out(work: &WorkCompleted, inputs: &Inputs) -> Vec<(Digest, String)> {
    let named = work.metrics.get("shards_quarantined").and_then(Value::as_array).into_iter().flatten();
    let read = |entry: &Value| {
        let id = Digest::new(entry.get("sha256")?.as_str()?.to_owned()).ok()?;
        let reason = entry.get("reason").and_then(Value::as_str).unwrap_or("no reason given");
        inputs
            .shards
            .iter()
            .any(|s| s.sha256 == id)
            .then(|| (id, reason.chars().filter(|c| !c.is_control()).take(500).collect()))
    };
    named.filter_map(read).collect()
}
