//! Artefacts, lineage, ratings and stages as the catalog keeps them.
use crate::contract::ids::{ConfigKey, Digest, JobId, NodeId};
use crate::contract::workload::{FIRST_RULES, Metrics};
use serde::{Deserialize, Serialize};

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
    /// Version of the game's rules behind it.
    #[serde(default = "first_rules")]
    pub rules_version: u32,
    /// What it was made from.
    #[serde(default)]
    pub parents: Vec<Digest>,
    /// The job's numbers.
    #[serde(default)]
    pub metrics: Metrics,
}

fn first_rules() -> u32 {
    FIRST_RULES
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
    /// Of one version of the game's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_version: Option<u32>,
    /// Catalogued after this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Catalogued before this place: that of the last one of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Maximum number; 100 when absent. One answer holds 500 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Most artefacts of a List that sets no limit.
const USUAL: u32 = 100;

impl ArtefactFilter {
    /// Whether an artefact fits, whatever the limit.
    pub fn fits(&self, artefact: &ArtefactRecord) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == artefact.kind)
            && self.config_key.as_ref().is_none_or(|key| *key == artefact.config_key)
            && self.rules_version.is_none_or(|version| version == artefact.rules_version)
            && self.after.is_none_or(|after| artefact.seq > after)
            && self.before.is_none_or(|before| artefact.seq < before)
    }

    /// The maximum number.
    pub fn most(&self) -> u32 {
        self.limit.unwrap_or(USUAL)
    }
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

/// What a configuration made under a version of the rules that is not in force: kept, and not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// The version.
    pub rules_version: u32,
    /// Its games.
    pub games: u64,
    /// Its sample files.
    pub samples: u64,
    /// Its models.
    pub models: u64,
    /// Generation of its last champion, 0 if it had none.
    pub generation: u32,
}

impl StageState {
    /// The generation of the next champion.
    pub fn next_generation(&self) -> u32 {
        self.champion.as_ref().map_or(0, |c| c.generation).max(self.last_generation) + 1
    }

    /// Why the configuration started over, while it has no champion under the new rules; nothing if it did not.
    pub fn began_anew(&self) -> Option<String> {
        let before = self.set_aside.iter().map(SetAside::to_string).collect::<Vec<_>>().join("; ");
        let anew = self.champion.is_none() && !before.is_empty();
        anew.then(|| {
            format!(
                "started from scratch: the rules of the game are now version {}; kept but not used: {before}",
                self.rules_version
            )
        })
    }
}

impl std::fmt::Display for SetAside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let many = |n: u64, one: &str, more: &str| format!("{n} {}", if n == 1 { one } else { more });
        let (games, models) = (many(self.games, "game", "games"), many(self.models, "model", "models"));
        write!(f, "{games} and {models} of version {}", self.rules_version)?;
        if self.generation > 0 { write!(f, ", champion generation {}", self.generation) } else { Ok(()) }
    }
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
    /// Version of the game's rules in force. What was made under another one does not count above and is not used.
    #[serde(default = "first_rules")]
    pub rules_version: u32,
    /// Since when, microseconds since 1970; absent if there never was another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_since_us: Option<i64>,
    /// What lies here of other versions of the rules, newest version first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
    /// The newest champion whose model is not quarantined or deleted, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
    /// The newest generation that there was, that of a quarantined champion too; 0 for none. No number is given twice.
    #[serde(default)]
    pub last_generation: u32,
}

/// What becomes of an artefact, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// SHA-256.
    pub id: Digest,
    /// games, samples, model, match, plot or quarantine.
    pub kind: String,
    /// The configuration.
    pub config_key: ConfigKey,
    /// Size.
    pub bytes: u64,
    /// It stays; else it is deleted.
    pub stays: bool,
    /// The reason.
    pub why: String,
}

/// A job's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFolder {
    /// The job.
    pub job_id: JobId,
    /// The catalog has a result of it.
    pub registered: bool,
    /// It holds a verified result.
    pub verified: bool,
    /// When its content last changed, microseconds since 1970.
    pub changed_us: i64,
}

/// What a part of a rebuild of the catalog did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Artefacts entered from files.
    pub files: u64,
    /// Events taken in that the catalog had not.
    pub events: u64,
    /// Where the next part begins; absent: all files were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What was not taken over, and why.
    #[serde(default)]
    pub problems: Vec<String>,
}

impl Rebuilt {
    /// Adds another part.
    pub fn add(&mut self, part: Rebuilt) {
        self.files += part.files;
        self.events += part.events;
        self.next = part.next;
        self.problems.extend(part.problems);
    }
}

/// Where an artefact lies below the store: `<kind>/<sha256>.<extension>`.
pub fn place(kind: &str, id: &Digest, extension: &str) -> String {
    format!("{kind}/{id}.{extension}")
}
