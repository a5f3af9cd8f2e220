//! Checking a publish and bringing it into the form that is stored.
use super::canonical;
use super::frames;
use super::ids;
use super::incoming::Newer;
use super::kinds::Kinds;
use super::refusal::Refusal;
use super::store::publish::{IdBytes, Prepared};
use crate::contract::envelope::SCHEMA;
use crate::contract::events::{Dedup, EventType, Payload};
use crate::contract::ids::{ConfigKey, EventId, NodeId};
use crate::contract::router::NewEvent;
use crate::contract::wire::{MAX_FRAME, errors};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Longest stored event: with what a delivery adds, it still fits a frame.
pub const MAX_EVENT: usize = MAX_FRAME - 4096;
/// Longest idempotency key, in bytes.
const MAX_KEY: usize = 512;
/// Longest name of a publisher, in bytes.
const MAX_SOURCE: usize = 256;

/// An event as it came, read as far as it must be.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// Chosen by the publisher.
    pub id: Option<IdBytes>,
    /// Wire name of the type.
    pub kind: Cow<'a, str>,
    /// The payload's JSON text, which is a valid object.
    pub payload: Cow<'a, str>,
    /// The same read, where somebody has done so.
    pub fields: Option<Map<String, Value>>,
    /// What orders it.
    pub key: Option<ConfigKey>,
    /// What caused it.
    pub cause: Option<IdBytes>,
    /// The first of its chain.
    pub correlation: Option<IdBytes>,
    /// Who publishes.
    pub source: Cow<'a, str>,
    /// The publisher's clock.
    pub time_us: Option<i64>,
    /// What a repeat is recognised by.
    pub idempotency_key: Option<Cow<'a, str>>,
    /// The user, when it is none of the suite's: its idempotency keys are its own, so that it cannot take one of a
    /// daemon's first.
    pub stranger: Option<u32>,
    /// It is of a newer schema than ours.
    pub newer: Option<Newer>,
}

impl From<NewEvent> for Incoming<'static> {
    fn from(event: NewEvent) -> Self {
        Incoming {
            id: event.id.as_ref().map(EventId::to_bytes),
            kind: event.kind.into(),
            payload: text(&event.payload).into(),
            fields: Some(event.payload),
            key: event.key,
            cause: event.cause.as_ref().map(EventId::to_bytes),
            correlation: event.correlation.as_ref().map(EventId::to_bytes),
            source: event.source.into(),
            time_us: event.time_us,
            idempotency_key: event.idempotency_key.map(Into::into),
            stranger: None,
            newer: None,
        }
    }
}

/// The stored form of the event at this place of a batch; `now_us` is the time of those who give none.
pub fn prepare(
    event: Incoming<'_>,
    at: usize,
    kinds: &mut Kinds,
    node: &NodeId,
    now_us: i64,
) -> Result<Prepared, Refusal> {
    let kind = kinds.take(&event.kind, event.newer.is_some(), || format!("events[{at}].type"))?;
    let too_long = |field: &str, most: usize| {
        Refusal::parameter(
            errors::INVALID_PARAMETER,
            format!("events[{at}].{field}"),
            format!("longer than {most} bytes"),
        )
    };
    if event.source.len() > MAX_SOURCE {
        return Err(too_long("source", MAX_SOURCE));
    }
    let rule = kind.info.map_or(Dedup::EveryOne, |info| info.dedup);
    let by_content = event.idempotency_key.is_none() && rule != Dedup::EveryOne;
    // Only what somebody looks into is read.
    let about_config = || event.key.is_none() && event.payload.contains("config_key");
    let fields = match event.fields {
        None if kind.info.is_some() || by_content || about_config() => Some(read(&event.payload, at)?),
        fields => fields,
    };
    let fields = match (kind.info, fields) {
        (Some(info), Some(fields)) if event.newer.is_none() => Some(check_payload(info.kind, fields, at)?),
        (_, fields) => fields,
    };
    let dedup = match (&event.idempotency_key, &fields) {
        (Some(key), _) if key.is_empty() || key.len() > MAX_KEY => return Err(too_long("idempotency_key", MAX_KEY)),
        (Some(key), _) => {
            let print = match event.stranger {
                None => canonical::of_key(key),
                Some(uid) => canonical::of_key(&format!("{uid}\0{key}")),
            };
            Some((print, Dedup::UniqueForever))
        }
        (None, Some(fields)) if by_content => Some((canonical::of_content(&event.kind, fields), rule)),
        (None, _) => None,
    };
    let found = || ConfigKey::new(fields.as_ref()?.get("config_key")?.as_str()?).ok();
    let key = event.key.or_else(found);
    let subject = kind.info.and_then(|info| subject(info.kind, fields.as_ref()?));
    let time_us = event.time_us.unwrap_or(now_us);
    let mut body = Vec::with_capacity(event.payload.len() + event.source.len() + 320);
    put(&mut body, "\"id\":\"");
    match &event.id {
        Some(id) => body.extend_from_slice(&ids::text(id)),
        None => put(&mut body, ids::BLANK),
    }
    put(&mut body, "\",\"node\":");
    quote(&mut body, node.as_str());
    put(&mut body, ",\"type\":");
    quote(&mut body, &kind.name);
    put(&mut body, ",\"schema\":");
    number(&mut body, event.newer.as_ref().map_or(SCHEMA, |newer| newer.schema).into());
    for (name, value) in event.newer.iter().flat_map(|newer| &newer.extra) {
        put(&mut body, ",");
        quote(&mut body, name);
        put(&mut body, ":");
        put(&mut body, &value.to_string());
    }
    if let Some(key) = &key {
        put(&mut body, ",\"key\":");
        quote(&mut body, key.as_str());
    }
    for (name, id) in [(",\"cause\":\"", event.cause), (",\"correlation\":\"", event.correlation)] {
        if let Some(id) = id {
            put(&mut body, name);
            body.extend_from_slice(&ids::text(&id));
            body.push(b'"');
        }
    }
    put(&mut body, ",\"source\":");
    quote(&mut body, &event.source);
    put(&mut body, ",\"time_us\":");
    number(&mut body, time_us);
    put(&mut body, ",\"payload\":");
    put(&mut body, &event.payload);
    if body.len() > MAX_EVENT {
        return Err(Refusal::parameter(
            errors::BAD_PAYLOAD,
            format!("events[{at}].payload"),
            format!(
                "the event has {} bytes, the maximum is {MAX_EVENT}; put large data into a file and its path and \
                    SHA-256 into the event",
                body.len()
            ),
        ));
    }
    Ok(Prepared {
        id: event.id,
        kind: kind.id,
        name: kind.name.clone(),
        key: key.map(|key| key.as_str().into()),
        cause: event.cause,
        correlation: event.correlation,
        subject,
        time_us,
        dedup,
        body,
    })
}

/// What the event tells the state of, as one text.
fn subject(kind: EventType, fields: &Map<String, Value>) -> Option<String> {
    let names = kind.subject()?;
    Some(
        names
            .iter()
            .map(|name| fields.get(*name).map_or(String::new(), Value::to_string))
            .collect::<Vec<_>>()
            .join("/"),
    )
}

/// A payload's fields.
fn read(payload: &str, at: usize) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_str(payload).map_err(|error| {
        Refusal::parameter(
            errors::BAD_PAYLOAD,
            format!("events[{at}].payload"),
            format!("a JSON object is expected: {error}"),
        )
    })
}

fn check_payload(kind: EventType, payload: Map<String, Value>, at: usize) -> Result<Map<String, Value>, Refusal> {
    let value = Value::Object(payload);
    let checked = Payload::parse(kind, &value);
    let Value::Object(payload) = value else { unreachable!("it was made from a map") };
    match checked {
        Ok(_) => Ok(payload),
        Err(error) => {
            let field = error.field.as_ref().map_or_else(String::new, |field| format!(".{field}"));
            Err(Refusal::parameter(
                errors::BAD_PAYLOAD,
                format!("events[{at}].payload{field}"),
                format!("{error}{}", got(&payload, &field)),
            ))
        }
    }
}

/// The value that was given, as far as it is short.
fn got(payload: &Map<String, Value>, field: &str) -> String {
    match payload.get(field.trim_start_matches('.')) {
        Some(value) if value.to_string().len() <= 80 => format!("; got {value}"),
        Some(_) => String::new(),
        None if field.is_empty() => String::new(),
        None => "; it is missing".into(),
    }
}

fn put(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
}

fn number(body: &mut Vec<u8>, value: i64) {
    if value < 0 {
        body.push(b'-');
    }
    frames::number(value.unsigned_abs(), body);
}

/// A text as JSON; names and keys seldom have anything to escape.
fn quote(body: &mut Vec<u8>, value: &str) {
    if value.bytes().any(|b| b == b'"' || b == b'\\' || b < 0x20) {
        put(body, &serde_json::Value::from(value).to_string());
    } else {
        body.push(b'"');
        put(body, value);
        body.push(b'"');
    }
}

fn text(fields: &Map<String, Value>) -> String {
    serde_json::to_string(fields).expect("JSON objects can be written as JSON")
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
        prepare(new(value).into(), 2, &mut Kinds::new(Vec::new()), &NodeId::new("n1").expect("a node"), 77)
    }

    #[test]
    fn the_stored_text_is_the_envelope() {
        let event = json!({"type": "external.odd_name", "payload": {"config_key": "hex8_2p", "a": [1, null]}, "source": "me \"quoted\""});
        let stored = run(event).expect("valid");
        let event: Event =
            serde_json::from_str(&format!("{{\"origin_seq\":5,{}}}", String::from_utf8_lossy(&stored.body)))
                .expect("an envelope");
        assert_eq!((event.origin_seq, event.time_us, event.kind.as_str()), (5, 77, "external.odd_name"));
        assert_eq!(event.key, ConfigKey::new("hex8_2p").ok());
        assert_eq!(event.source, "me \"quoted\"");
        assert!(stored.dedup.is_none() && event.extra.is_empty());
    }

    #[test]
    fn a_wrong_payload_names_field_expected_and_got() {
        let boost = |factor: Value| json!({"type": "exploration_boost", "payload": {"config_key": "hex8_2p", "boost_factor": factor, "reason": "x"}});
        let refusal = run(boost(json!("much"))).expect_err("a text is no number");
        assert_eq!(
            (refusal.name, refusal.parameters.parameter.as_deref()),
            (errors::BAD_PAYLOAD, Some("events[2].payload.boost_factor"))
        );
        for part in ["boost_factor", "f64", "\"much\""] {
            assert!(refusal.parameters.message.contains(part), "{part}: {refusal:?}");
        }
        let refusal = run(json!({"type": "exploration_boost", "payload": {"config_key": "hex8_2p"}}))
            .expect_err("a field is missing");
        assert_eq!(refusal.parameters.parameter.as_deref(), Some("events[2].payload.boost_factor"));
        assert!(run(boost(json!(1.5))).expect("valid").dedup.is_some());
    }

    #[test]
    fn what_does_not_fit_a_delivery_is_refused() {
        let refusal =
            run(json!({"type": "external.big", "payload": {"x": "y".repeat(MAX_EVENT)}})).expect_err("too big");
        assert_eq!(refusal.name, errors::BAD_PAYLOAD);
    }
}
