//! Methods of `org.ringrift.Catalog`, the socket of DATA_PIPELINE: artefacts, lineage, ratings, stages.
use super::ids::{ConfigKey, Digest, JobId, NodeId};
use super::workload::Metrics;
use serde::{Deserialize, Serialize};

/// The interface's name.
pub const INTERFACE: &str = "org.ringrift.Catalog";

/// A file in the artefact store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtefactRecord {
    /// SHA-256 of the content, its name.
    pub id: Digest,
    /// games, samples, model, match, plot or quarantine.
    pub kind: String,
    /// The configuration.
    pub config_key: ConfigKey,
    /// Absolute path in the store.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// When it was catalogued, microseconds since 1970.
    pub created_us: i64,
    /// Its place in the catalog; grows.
    pub seq: u64,
    /// The job that made it.
    pub job_id: JobId,
    /// Where it was made.
    pub node: NodeId,
    /// What it was made from.
    #[serde(default)]
    pub parents: Vec<Digest>,
    /// The job's numbers.
    #[serde(default)]
    pub metrics: Metrics,
}

/// Arguments of List; newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtefactFilter {
    /// Of one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of one configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_key: Option<ConfigKey>,
    /// Catalogued after this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One step of a lineage: an artefact and how far it is from the one asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineageStep {
    /// 0 for the one asked for; negative: made from it.
    pub depth: i32,
    /// The artefact.
    pub artefact: ArtefactRecord,
}

/// The model that leads a configuration. Generation 0, the untrained network, has no record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Champion {
    /// The configuration.
    pub config_key: ConfigKey,
    /// Counts promotions from 1.
    pub generation: u32,
    /// The model.
    pub model_id: Digest,
    /// Its path in the store.
    pub model_path: String,
    /// The match that made it champion.
    pub match_id: Digest,
    /// Sum of the winning differences since generation 0.
    pub elo: f64,
    /// Microseconds since 1970.
    pub promoted_us: i64,
}

/// A model's rating. Elo is relative to the configuration's untrained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// The configuration.
    pub config_key: ConfigKey,
    /// The model.
    pub model_id: Digest,
    /// Its Elo.
    pub elo: f64,
    /// Lower 95 % bound.
    pub elo_low: f64,
    /// Upper 95 % bound.
    pub elo_high: f64,
    /// Games behind it.
    pub games_played: u32,
    /// Share of points against the random player, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vs_random: Option<f64>,
    /// Share of points against the heuristic player, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vs_heuristic: Option<f64>,
    /// When, microseconds since 1970.
    pub rated_us: i64,
}

/// Where a configuration stands in the cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageState {
    /// The configuration.
    pub config_key: ConfigKey,
    /// idle, selfplay, npz_export, training, evaluation, promotion or complete.
    pub stage: String,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
    /// What brought it there, one line.
    pub reason: String,
    /// Games in the catalog.
    pub games: u64,
    /// Games since the last export.
    pub games_since_export: u64,
    /// Samples in the catalog.
    pub samples: u64,
    /// Models in the catalog.
    pub models: u64,
    /// Matches in the catalog.
    pub matches: u64,
    /// Candidates refused since the last promotion.
    pub refusals: u32,
    /// The champion, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
}
