//! The event envelope: what every event carries from the first commit on.
use super::events::EventType;
use super::ids::{BadId, ConfigKey, EventId, NodeId};
use super::text::is_name_byte;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The envelope's schema version that this build writes.
pub const SCHEMA: u32 = 1;
/// The prefix of types that programs of others may use.
pub const EXTERNAL: &str = "external.";

/// An event as it is stored and delivered. Unknown fields are kept in `extra` and forwarded unread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// UUIDv7, made by the publisher (or by the router for one who sends none).
    pub id: EventId,
    /// The node that published it first.
    pub node: NodeId,
    /// Position in the origin node's log; 0 until stored.
    #[serde(default)]
    pub origin_seq: u64,
    /// Wire name of the type, as in `new_games`, or `external.<name>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Schema version of the payload.
    #[serde(default = "one")]
    pub schema: u32,
    /// The configuration it is about; ordered delivery is per key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ConfigKey>,
    /// The event that directly caused this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EventId>,
    /// The first event of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<EventId>,
    /// Who published: a daemon's kebab name or a program's own.
    #[serde(default)]
    pub source: String,
    /// When, microseconds since 1970, the publisher's clock.
    pub time_us: i64,
    /// The fields of the type.
    pub payload: Map<String, Value>,
    /// Fields of a newer schema.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

fn one() -> u32 {
    1
}

impl Event {
    /// The type, if this build knows it.
    pub fn event_type(&self) -> Option<EventType> {
        EventType::from_wire(&self.kind)
    }
}

/// A fresh event id for a time and 74 random bits; pure, so that tests can name ids.
pub fn event_id(time_us: i64, random: u128) -> EventId {
    let millis = (time_us.max(0) / 1000) as u64;
    let bytes = random.to_be_bytes();
    let mut tail = [0u8; 10];
    tail.copy_from_slice(&bytes[6..16]);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid();
    EventId::new(id.hyphenated().to_string()).expect("a UUID is an event id")
}

/// Checks a type's name: one of the catalogue, or `external.<name>`.
pub fn check_kind(kind: &str) -> Result<(), BadId> {
    let external = kind
        .strip_prefix(EXTERNAL)
        .is_some_and(|rest| (1..=64).contains(&rest.len()) && rest.bytes().all(|b| is_name_byte(&b)));
    if external || EventType::from_wire(kind).is_some() {
        return Ok(());
    }
    Err(BadId {
        kind: "event type",
        text: kind.into(),
        why: "not in the catalogue; your own programs use external.NAME with a name of ASCII letters, digits, '.', \
            '_' and '-'"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let early = event_id(1_000_000, 5);
        let late = event_id(2_000_000, 1);
        assert!(early < late);
        assert_ne!(event_id(1_000_000, 5), event_id(1_000_000, 6));
        assert_eq!(late.time_us(), Some(2_000_000));
    }

    #[test]
    fn names_of_external_types_have_a_grammar() {
        for good in ["external.x", "external.nas_triggered-2.done", "new_games"] {
            assert!(check_kind(good).is_ok(), "{good}");
        }
        for bad in
            ["external.", "external.a b", "external.\u{1b}[2J", "external.a\0", "external.\"q", "external.ä", "unknown"]
        {
            assert!(check_kind(bad).is_err(), "{bad:?}");
        }
        assert!(check_kind(&format!("external.{}", "x".repeat(65))).is_err());
    }

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let text = format!(
            r#"{{"id":"{}","node":"n1","origin_seq":7,"type":"external.x","schema":9,"source":"t","time_us":1,"payload":{{"a":1}},"newer":[1]}}"#,
            event_id(1, 1)
        );
        let event: Event = serde_json::from_str(&text).expect("parses");
        assert_eq!(event.extra["newer"], serde_json::json!([1]));
        let again: Value = serde_json::to_value(&event).expect("serialises");
        assert_eq!(again, serde_json::from_str::<Value>(&text).expect("parses"));
    }
}
