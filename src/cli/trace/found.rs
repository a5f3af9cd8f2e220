//! What a trace found.
use crate::contract::coordinator::WorkItem;
use crate::contract::envelope::Event;
use serde::Serialize;

/// An artefact on the way.
#[derive(Debug, Clone, Serialize)]
pub struct Artefact {
    /// 0: the one asked for; larger: made from; negative: made of it.
    pub depth: i32,
    /// games, samples, model …
    pub kind: String,
    /// SHA-256.
    pub id: String,
    /// Its configuration.
    pub config_key: String,
    /// The job that made it.
    pub job_id: String,
    /// Microseconds since 1970.
    pub created_us: i64,
}

/// An event with its place.
#[derive(Debug, Clone, Serialize)]
pub struct Placed {
    /// Place in the log.
    pub seq: u64,
    /// The event.
    pub event: Event,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// What was asked for, in words.
    pub about: String,
    /// The event asked for, or the one that the chain was entered by.
    pub entry: Option<String>,
    /// The first event of the chain.
    pub root: Option<String>,
    /// In the order of their making.
    pub artefacts: Vec<Artefact>,
    /// Work items.
    pub jobs: Vec<WorkItem>,
    /// In the order of the log.
    pub events: Vec<Placed>,
    /// What could not be asked or is not kept any more.
    pub notes: Vec<String>,
}
