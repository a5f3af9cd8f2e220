//! The event catalogue: one enum, one payload type an event, and what the router needs to know of each type.
mod catalogue;
mod control;
#[macro_use]
mod macros;
mod cycle;
mod daemon;
mod feedback;
mod host;
mod work;

pub use catalogue::{EventType, Payload, PayloadError};
pub use cycle::*;
pub use daemon::*;
pub use feedback::*;
pub use host::*;
pub use work::*;

use serde_json::{Map, Value};

/// What kind of fact an event states; subscriptions may name a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// The training cycle, from games to the distributed model.
    Cycle,
    /// Signals that change how the cycle runs.
    Feedback,
    /// Jobs.
    Work,
    /// Daemons' lives and health.
    Daemon,
    /// Machines and their resources.
    Host,
    /// The router's own and dead letters.
    Router,
}

/// When a second publish of the same content is the same event (only for publishes without an idempotency key).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    /// The same content never happens twice: ids or hashes stand in it.
    UniqueForever,
    /// The same content within this many seconds is a repeat.
    Window(u32),
    /// Each one counts, a heartbeat say.
    EveryOne,
}

/// What the router needs to know of a type.
#[derive(Debug, Clone, Copy)]
pub struct TypeInfo {
    /// The enum's value.
    pub kind: EventType,
    /// The name users know, as in NEW_GAMES_AVAILABLE.
    pub name: &'static str,
    /// The name on the wire, as in `new_games`.
    pub wire: &'static str,
    /// What kind of fact it is.
    pub category: Category,
    /// When a repeat is a repeat.
    pub dedup: Dedup,
    /// How long it is kept once every subscriber has handled it, in days.
    pub retain_days: u16,
    /// The first sentence of its description.
    pub purpose: &'static str,
}

impl EventType {
    /// Of types that tell how something stands (health, settings): the fields that name the something. Its newest event
    /// is kept however old it is, so that who comes late can ask how it stands.
    pub fn subject(self) -> Option<&'static [&'static str]> {
        Some(match self {
            EventType::DaemonHealth | EventType::DaemonStatusChanged => &["daemon_name", "hostname"],
            EventType::HealthCheckPassed | EventType::HealthCheckFailed => &["node_id", "check_type"],
            EventType::HyperparameterUpdated => &["config_key", "param_name"],
            EventType::ExplorationBoost | EventType::SelfplayRateChanged | EventType::SelfplayTargetUpdated => {
                &["config_key"]
            }
            EventType::SelfplayAllocationUpdated => &[],
            _ => return None,
        })
    }
}

/// The wire name that somebody may have meant: the type's name as users know it, or one that is spelt alike.
pub fn nearest_wire(name: &str) -> Option<&'static str> {
    if let Some(kind) = EventType::from_name(name) {
        return Some(kind.info().wire);
    }
    let lower = name.to_lowercase();
    let near = EventType::ALL
        .iter()
        .map(|t| t.info().wire)
        .map(|wire| (strsim::damerau_levenshtein(&lower, wire), wire))
        .min()?;
    (near.0 <= 1 + lower.len() / 4).then_some(near.1)
}

/// A payload type and its event type.
pub trait TypedPayload: serde::Serialize + serde::de::DeserializeOwned {
    /// The event that carries it.
    const TYPE: EventType;
    /// The payload as the wire carries it; fields without a value are left out.
    fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map.into_iter().filter(|(_, v)| !v.is_null()).collect(),
            other => unreachable!("payloads are structs: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_wire_names_are_unique_and_related() {
        let (mut names, mut wires) = (HashSet::new(), HashSet::new());
        for info in EventType::ALL.iter().map(|t| t.info()) {
            assert!(names.insert(info.name) && wires.insert(info.wire), "{} twice", info.name);
            assert_eq!(EventType::from_wire(info.wire), Some(info.kind));
            assert_eq!(EventType::from_name(info.name), Some(info.kind));
            let renamed = [
                "NEW_GAMES_AVAILABLE",
                "DATA_SYNC_STARTED",
                "DATA_SYNC_COMPLETED",
                "DATA_SYNC_FAILED",
                "TRAINING_THRESHOLD_REACHED",
            ];
            if !renamed.contains(&info.name) {
                assert_eq!(info.wire, info.name.to_lowercase());
            }
        }
    }

    #[test]
    fn a_subject_is_made_of_the_payloads_own_fields() {
        for kind in EventType::ALL {
            for field in kind.subject().unwrap_or_default() {
                // A payload without the field is refused for want of it, or of one before it; with an unknown one it
                // would not be.
                let error = Payload::parse(*kind, &serde_json::json!({*field: []}))
                    .expect_err("a list is not a name")
                    .to_string();
                assert!(error.contains(&format!("field {field}")), "{kind:?}: {error}");
            }
        }
    }

    #[test]
    fn a_wrong_payload_names_the_field() {
        let error = Payload::parse(
            EventType::ExplorationBoost,
            &serde_json::json!({"config_key": "square8_2p", "boost_factor": "much", "reason": "x"}),
        )
        .expect_err("a text is not a number");
        assert!(error.to_string().contains("boost_factor"), "{error}");
    }
}
