//! Arguments and answers of the methods.
use super::records::{ArtefactRecord, Fate, LineageStep, Rating, StageState};
use crate::contract::envelope::Event;
use crate::contract::ids::{ConfigKey, Digest};
use serde::{Deserialize, Serialize};

/// Arguments of Get and Lineage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// SHA-256.
    pub id: Digest,
}

/// Arguments of Ratings and Stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByKey {
    /// The configuration.
    pub config_key: ConfigKey,
}

/// Arguments of Stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct All {}

/// Arguments of Prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Only say what would be deleted.
    pub dry_run: bool,
}

/// Arguments of Rebuild: one part, files or events of the log in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rebuild {
    /// Look at files.
    pub files: bool,
    /// Behind this one; from the first when absent.
    #[serde(default)]
    pub after: Option<String>,
    /// Events to be taken in.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Result of Get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Got {
    /// The artefact.
    pub artefact: ArtefactRecord,
}

/// Result of List.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Those that fit.
    pub artefacts: Vec<ArtefactRecord>,
}

/// Result of Lineage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// The artefact and what it was made from.
    pub steps: Vec<LineageStep>,
}

/// Result of Ratings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RatingList {
    /// Of the configuration's models.
    pub ratings: Vec<Rating>,
}

/// Result of Stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OneStage {
    /// Where the configuration stands.
    pub stage: StageState,
}

/// Result of Stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageList {
    /// One a configuration.
    pub stages: Vec<StageState>,
}

/// Result of Prune.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fates {
    /// What is deleted first.
    pub fates: Vec<Fate>,
}
