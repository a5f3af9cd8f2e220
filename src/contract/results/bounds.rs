//! How much a result may hold.

/// Deepest nesting of metrics and of an artefact's metadata: an object within an object is two deep.
pub const MAX_DEPTH: usize = 32;
/// Largest metrics, bytes of JSON.
pub const MAX_METRICS_BYTES: usize = 64 << 10;
/// Largest metadata of all artefacts together, bytes of JSON.
pub const MAX_META_BYTES: usize = 256 << 10;
/// Most artefacts of one result.
pub const MAX_ARTEFACTS: usize = 64;
/// Largest `result.json`, bytes.
pub const MAX_RESULT_BYTES: u64 = 1 << 20;

/// One artefact as a result lists it: its kind and its metadata.
pub type Listed<'a> = (&'a str, &'a serde_json::Map<String, serde_json::Value>);
