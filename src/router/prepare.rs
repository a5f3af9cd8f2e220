//! Checking a publish and bringing it into the form that is stored.
use super::canonical;
use super::incoming::{Incoming, Newer};
use super::kinds::Kinds;
use super::refusal::Refusal;
use super::store::publish::Prepared;
use crate::contract::envelope::SCHEMA;
use crate::contract::events::{Dedup, EventType, Payload};
use crate::contract::ids::{ConfigKey, EventId, NodeId};
use crate::contract::wire::{MAX_FRAME, errors};
use crate::platform::clock::new_event_id_bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Display;

/// Longest stored event: with what a delivery adds, it still fits a frame.
pub const MAX_EVENT: usize = MAX_FRAME - 4096;
/// Longest idempotency key, in bytes.
const MAX_KEY: usize = 512;
/// Longest name of a publisher, in bytes.
const MAX_SOURCE: usize = 256;

/// The stored form of the event at this place of a batch; `now_us` is the time of those who give none.
pub fn prepare(event: impl Into<Incoming>, at: usize, kinds: &mut Kinds, node: &NodeId, now_us: i64) -> Result<Prepared, Refusal> {
    let Incoming { event, newer } = event.into();
    let kind = kinds.take(&event.kind, newer.is_some(), || format!("events[{at}].type"))?.clone();
    let too_long = |field: &str, most: usize| {
        Refusal::parameter(
            errors::INVALID_PARAMETER,
            format!("events[{at}].{field}"),
            format!("longer than the {most} bytes that are allowed"),
        )
    };
    if event.source.len() > MAX_SOURCE {
        return Err(too_long("source", MAX_SOURCE));
    }
    let payload = match kind.info {
        Some(info) if newer.is_none() => check_payload(info.kind, event.payload, at)?,
        _ => event.payload,
    };
    let dedup = match (&event.idempotency_key, kind.info.map_or(Dedup::EveryOne, |info| info.dedup)) {
        (Some(key), _) if key.is_empty() || key.len() > MAX_KEY => return Err(too_long("idempotency_key", MAX_KEY)),
        (Some(key), _) => Some((canonical::of_key(key), Dedup::UniqueForever)),
        (None, Dedup::EveryOne) => None,
        (None, rule) => Some((canonical::of_content(&event.kind, &payload), rule)),
    };
    let id_given = event.id.is_some();
    let id = event.id.as_ref().map_or_else(new_event_id_bytes, EventId::to_bytes);
    let key = event.key.or_else(|| payload.get("config_key").and_then(Value::as_str).and_then(|text| ConfigKey::new(text).ok()));
    let time_us = event.time_us.unwrap_or(now_us);
    let mut body = String::with_capacity(320);
    field(&mut body, "id", EventId::from_bytes(id));
    field(&mut body, "node", node);
    field(&mut body, "type", &kind.name);
    let newer = newer.unwrap_or(Newer { schema: SCHEMA, ..Newer::default() });
    number(&mut body, "schema", newer.schema);
    for (name, value) in &newer.extra {
        json(&mut body, name);
        body.push(':');
        json(&mut body, value);
        body.push(',');
    }
    if let Some(key) = &key {
        field(&mut body, "key", key);
    }
    let (cause, correlation) = (event.cause.as_ref().map(EventId::to_bytes), event.correlation.as_ref().map(EventId::to_bytes));
    if let Some(cause) = cause {
        field(&mut body, "cause", EventId::from_bytes(cause));
    }
    if let Some(correlation) = correlation {
        field(&mut body, "correlation", EventId::from_bytes(correlation));
    }
    body.push_str("\"source\":");
    json(&mut body, &event.source);
    body.push(',');
    number(&mut body, "time_us", time_us);
    body.push_str("\"payload\":");
    json(&mut body, &payload);
    if body.len() > MAX_EVENT {
        return Err(Refusal::parameter(
            errors::BAD_PAYLOAD,
            format!("events[{at}].payload"),
            format!(
                "the event takes {} bytes, {MAX_EVENT} are allowed; put large data into a file and its path and SHA-256 into the event",
                body.len()
            ),
        ));
    }
    Ok(Prepared {
        id,
        id_given,
        kind: kind.id,
        name: kind.name,
        key: key.map(|key| key.as_str().into()),
        cause,
        correlation,
        time_us,
        dedup,
        body,
    })
}

fn check_payload(kind: EventType, payload: Map<String, Value>, at: usize) -> Result<Map<String, Value>, Refusal> {
    let value = Value::Object(payload);
    let checked = Payload::parse(kind, &value);
    let Value::Object(payload) = value else { unreachable!("it was made from a map") };
    match checked {
        Ok(_) => Ok(payload),
        Err(error) => {
            let field = field_of(&error.why);
            Err(Refusal::parameter(
                errors::BAD_PAYLOAD,
                format!("events[{at}].payload{field}"),
                format!("{error}{}", got(&payload, &field)),
            ))
        }
    }
}

/// The field that serde's words are about, with a dot before it.
fn field_of(why: &str) -> String {
    if let Some(rest) = why.strip_prefix("field ") {
        return format!(".{}", rest.split(": ").next().unwrap_or_default());
    }
    why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()).map_or_else(String::new, |name| format!(".{name}"))
}

/// The value that was given, as far as it is short.
fn got(payload: &Map<String, Value>, field: &str) -> String {
    match payload.get(field.trim_start_matches('.')) {
        Some(value) if value.to_string().len() <= 80 => format!("; got {value}"),
        Some(_) => String::new(),
        None if field.is_empty() => String::new(),
        None => "; it is not there".into(),
    }
}

/// A field whose value needs no escaping: ids, keys and names of types have no quotes and no backslashes.
fn field(body: &mut String, name: &str, value: impl Display) {
    let value = value.to_string();
    if value.bytes().any(|b| b == b'"' || b == b'\\' || b < 0x20) {
        body.push_str(&format!("\"{name}\":"));
        json(body, &value);
        body.push(',');
    } else {
        body.push_str(&format!("\"{name}\":\"{value}\","));
    }
}

fn number(body: &mut String, name: &str, value: impl Display) {
    body.push_str(&format!("\"{name}\":{value},"));
}

fn json(body: &mut String, value: &impl Serialize) {
    body.push_str(&serde_json::to_string(value).expect("texts and JSON objects can be written as JSON"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::envelope::Event;
    use crate::contract::router::NewEvent;
    use serde_json::json;

    fn new(value: Value) -> NewEvent {
        serde_json::from_value(value).expect("a new event")
    }

    fn run(value: Value) -> Result<Prepared, Refusal> {
        prepare(new(value), 2, &mut Kinds::new(Vec::new()), &NodeId::new("n1").expect("a node"), 77)
    }

    #[test]
    fn the_stored_text_is_the_envelope() {
        let event =
            json!({"type": "external.\"odd\\name", "payload": {"config_key": "hex8_2p", "a": [1, null]}, "source": "me \"quoted\""});
        let stored = run(event).expect("valid");
        let event: Event = serde_json::from_str(&format!("{{\"origin_seq\":5,{}}}", stored.body)).expect("an envelope");
        assert_eq!((event.origin_seq, event.time_us, event.kind.as_str()), (5, 77, "external.\"odd\\name"));
        assert_eq!(event.key, ConfigKey::new("hex8_2p").ok());
        assert_eq!(event.source, "me \"quoted\"");
        assert!(stored.dedup.is_none() && event.extra.is_empty());
    }

    #[test]
    fn a_wrong_payload_names_field_expected_and_got() {
        let boost = |factor: Value| json!({"type": "exploration_boost", "payload": {"config_key": "hex8_2p", "boost_factor": factor, "reason": "x"}});
        let refusal = run(boost(json!("much"))).expect_err("a text is no number");
        assert_eq!((refusal.name, refusal.parameters.parameter.as_deref()), (errors::BAD_PAYLOAD, Some("events[2].payload.boost_factor")));
        for part in ["boost_factor", "f64", "\"much\""] {
            assert!(refusal.parameters.message.contains(part), "{part}: {refusal:?}");
        }
        let refusal = run(json!({"type": "exploration_boost", "payload": {"config_key": "hex8_2p"}})).expect_err("a field is missing");
        assert_eq!(refusal.parameters.parameter.as_deref(), Some("events[2].payload.boost_factor"));
        assert!(run(boost(json!(1.5))).expect("valid").dedup.is_some());
    }

    #[test]
    fn what_does_not_fit_a_delivery_is_refused() {
        let refusal = run(json!({"type": "external.big", "payload": {"x": "y".repeat(MAX_EVENT)}})).expect_err("too big");
        assert_eq!(refusal.name, errors::BAD_PAYLOAD);
    }
}
