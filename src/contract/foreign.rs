//! The event queue of the earlier implementation: rows of a SQLite database that legacy programs still write and read,
//! and the one table that says which of their names are which of our event types.
use super::envelope::EXTERNAL;
use super::events::EventType;
use super::ports::StoreError;
use super::rights::Class;
use serde_json::{Map, Value};

/// The name that we go by in that queue, as subscriber and as the source of what we put in: what carries it came from
/// us.
pub const OURS: &str = "ringrift-cross-process-poller";

/// A row of table `events`.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignEvent {
    /// AUTOINCREMENT; starts over when the file does.
    pub event_id: i64,
    /// A data event, a stage or a queue's name.
    pub event_type: String,
    /// JSON, as far as one can know.
    pub payload: String,
    /// The program.
    pub source: String,
    /// Its machine.
    pub hostname: String,
    /// Seconds since 1970.
    pub created_at: f64,
}

/// The queue. Every method opens the file as it is; one that is not there has no events and takes none.
pub trait ForeignQueue {
    /// Rows after this id that are not ours, oldest first, at most this many; and the last id looked at. Says that we
    /// still poll.
    fn read(&self, database: &str, after: i64, limit: u32) -> Result<(Vec<ForeignEvent>, i64), StoreError>;
    /// The least of those who can write the file or replace it: an event in it has no more rights than they.
    fn writers(&self, database: &str) -> Result<Class, StoreError>;
    /// When the row was made; nothing when it is not there.
    fn created_at(&self, database: &str, event_id: i64) -> Result<Option<f64>, StoreError>;
    /// We have handled these: legacy programs clear them away then.
    fn acknowledge(&self, database: &str, ids: &[i64]) -> Result<(), StoreError>;
    /// Puts an event of ours in, once for each id. False: it was there, or there is no queue.
    fn put(
        &self,
        database: &str,
        event_id: &str,
        kind: &str,
        payload: &Map<String, Value>,
        created_at: f64,
    ) -> Result<bool, StoreError>;
}

/// Names of stages and queues, and old names of data events, with our types. A data event's own name and wire name need
/// no entry.
const ALIASES: &[(&str, EventType)] = &[
    ("new_games_available", EventType::NewGamesAvailable),
    ("selfplay_completed", EventType::SelfplayComplete),
    ("canonical_selfplay_complete", EventType::SelfplayComplete),
    ("gpu_selfplay_complete", EventType::SelfplayComplete),
    ("data_sync_started", EventType::DataSyncStarted),
    ("sync_complete", EventType::DataSyncCompleted),
    ("data_sync_completed", EventType::DataSyncCompleted),
    ("data_sync_failed", EventType::DataSyncFailed),
    ("npz_export_completed", EventType::NpzExportComplete),
    ("training_threshold_reached", EventType::TrainingThresholdReached),
    ("training_complete", EventType::TrainingCompleted),
    ("evaluation_complete", EventType::EvaluationCompleted),
    ("promotion_complete", EventType::ModelPromoted),
    ("elo_update", EventType::EloUpdated),
    ("task_complete", EventType::WorkCompleted),
    ("task_completed", EventType::WorkCompleted),
    ("task_failed", EventType::WorkFailed),
];

/// Old names of payload fields, for all types alike.
const FIELDS: &[(&str, &str)] = &[
    ("config", "config_key"),
    ("games_played", "games_completed"),
    ("games", "sample_count"),
    ("path", "model_path"),
    ("loss", "final_loss"),
    ("samples", "samples_trained"),
    ("duration", "duration_seconds"),
    ("old_elo", "previous_elo"),
    ("elo_change", "elo_delta"),
    ("node_id", "host"),
];

/// Our type of a name in that queue, in any case and with - or _.
pub fn event_type(name: &str) -> Option<EventType> {
    let plain = name.trim().to_lowercase().replace(['-', ' '], "_");
    EventType::from_wire(&plain)
        .or_else(|| EventType::from_name(&plain.to_uppercase()))
        .or_else(|| ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, kind)| *kind))
}

/// The type's name for those of whom we know nothing.
pub fn external(name: &str) -> String {
    let mut plain: String = name
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' })
        .take(64)
        .collect();
    if plain.is_empty() {
        plain.push_str("unnamed");
    }
    format!("{EXTERNAL}{plain}")
}

/// A payload with today's names beside the old ones, where today's are missing.
pub fn today(mut payload: Map<String, Value>) -> Map<String, Value> {
    for (old, new) in FIELDS {
        if let Some(value) = payload.get(*old).filter(|_| !payload.contains_key(*new)).cloned() {
            payload.insert((*new).into(), value);
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_stages_and_queues_are_known_and_others_are_external() {
        for (name, kind) in [
            ("NEW_GAMES_AVAILABLE", EventType::NewGamesAvailable),
            ("new_games", EventType::NewGamesAvailable),
            ("Training-Complete", EventType::TrainingCompleted),
            ("SYNC_COMPLETE", EventType::DataSyncCompleted),
            ("promotion_complete", EventType::ModelPromoted),
        ] {
            assert_eq!(event_type(name), Some(kind), "{name}");
        }
        assert_eq!(event_type("nas_triggered"), None);
        for (name, wire) in [
            ("NAS_TRIGGERED", "external.nas_triggered"),
            ("odd name/ü", "external.odd_name__"),
            ("", "external.unnamed"),
        ] {
            assert_eq!(external(name), wire);
            assert!(super::super::envelope::check_kind(&external(name)).is_ok());
        }
        assert!(super::super::envelope::check_kind(&external(&"x".repeat(500))).is_ok());
        for (alias, kind) in ALIASES {
            assert_ne!(*alias, kind.info().wire, "a wire name needs no alias");
        }
    }

    #[test]
    fn old_field_names_get_todays_beside_them() {
        let old = serde_json::json!({"config": "hex8_2p", "loss": 0.5, "final_loss": 0.25});
        let new = today(old.as_object().cloned().expect("an object"));
        assert_eq!(
            (new["config_key"].as_str(), new["final_loss"].as_f64(), new["loss"].as_f64()),
            (Some("hex8_2p"), Some(0.25), Some(0.5))
        );
    }
}
