//! Reading a publish. Ours is read strictly, so that a misspelt field is named. A publisher of a newer version says so
//! with `schema`: its unknown types, its payloads and the envelope's unknown fields are kept as they are and forwarded
//! unread.
use super::connection::RawCall;
use super::prepare::Incoming;
use super::refusal::Refusal;
use crate::contract::envelope::SCHEMA;
use crate::contract::router::{NewEvent, Publish};
use crate::contract::wire::errors;
use crate::platform::varlink::parse_text;
use serde_json::{Map, Value};

/// Fields of a new event that this version knows.
const KNOWN_FIELDS: [&str; 9] =
    ["id", "type", "payload", "key", "cause", "correlation", "source", "time_us", "idempotency_key"];
/// Fields of the envelope that are the router's to set.
const ROUTER_FIELDS: [&str; 2] = ["node", "origin_seq"];

/// What only a newer version understands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Newer {
    /// Its schema version, larger than ours.
    pub schema: u32,
    /// Fields of the envelope that this version does not know.
    pub extra: Map<String, Value>,
}

/// A publish's events. The usual one is read once; only what is refused then is looked at again for a newer schema.
pub fn read_publish(call: &RawCall<'_>) -> Result<Vec<Incoming<'static>>, Refusal> {
    let text = call.parameters.map_or("{}", |raw| raw.get());
    match parse_text::<Publish>(text) {
        Ok(publish) => Ok(publish.events.into_iter().map(Incoming::from).collect()),
        Err(parameters) => newer(text).unwrap_or(Err(Refusal { name: errors::INVALID_PARAMETER, parameters })),
    }
}

/// Nothing when no event names its schema.
fn newer(text: &str) -> Option<Result<Vec<Incoming<'static>>, Refusal>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Loose {
        events: Vec<Map<String, Value>>,
    }
    let loose: Loose = serde_json::from_str(text).ok()?;
    loose.events.iter().any(|event| event.contains_key("schema")).then(|| {
        let one = |(at, event)| one(event, at);
        loose.events.into_iter().enumerate().map(one).collect()
    })
}

fn one(mut event: Map<String, Value>, at: usize) -> Result<Incoming<'static>, Refusal> {
    let invalid = |field: &str, message: String| {
        Refusal::parameter(errors::INVALID_PARAMETER, format!("events[{at}].{field}"), message)
    };
    let schema = match event.remove("schema") {
        None => SCHEMA,
        Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0) {
            Some(schema) => schema,
            None => return Err(invalid("schema", format!("a number from 1 on is expected; got {value}"))),
        },
    };
    let mut newer = None;
    if schema > SCHEMA {
        if let Some(ours) = ROUTER_FIELDS.iter().find(|name| event.contains_key(**name)) {
            return Err(invalid(ours, "the router sets it".into()));
        }
        let (known, extra) = event.into_iter().partition(|(name, _)| KNOWN_FIELDS.contains(&name.as_str()));
        event = known;
        newer = Some(Newer { schema, extra });
    }
    let event: NewEvent = serde_path_to_error::deserialize(Value::Object(event)).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner().to_string());
        let field = if path == "." { why.split('`').nth(1).unwrap_or_default().to_owned() } else { path };
        invalid(&field, why)
    })?;
    Ok(Incoming { newer, ..Incoming::from(event) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(parameters: &str) -> Result<Vec<Incoming<'static>>, Refusal> {
        let frame = format!("{{\"method\":\"x\",\"parameters\":{parameters}}}");
        read_publish(&serde_json::from_str(&frame).expect("a call"))
    }

    #[test]
    fn a_newer_schema_keeps_its_fields_and_ours_is_read_strictly() {
        let newer = read(
            r#"{"events":[{"type":"later","schema":2,"payload":{"a":1},"hops":[1]},{"type":"external.x","payload":{}}]}"#,
        );
        let newer = newer.expect("it is read");
        assert_eq!(newer[0].newer, Some(Newer { schema: 2, extra: Map::from_iter([("hops".to_owned(), json!([1]))]) }));
        assert_eq!((&*newer[0].kind, newer[1].newer.is_none()), ("later", true));
        assert!(
            read(r#"{"events":[{"type":"external.x","schema":1,"payload":{}}]}"#).expect("ours")[0].newer.is_none()
        );
        for (wrong, parameter) in [
            (r#"{"events":[{"type":"external.x","payload":{},"hops":1}]}"#, "events[0]"),
            (r#"{"events":[{"type":"external.x","schema":1,"payload":{},"hops":1}]}"#, "events[0].hops"),
            (r#"{"events":[{"type":"later","schema":2}]}"#, "events[0].payload"),
            (r#"{"events":[{"type":"later","schema":2,"payload":{},"node":"n9"}]}"#, "events[0].node"),
            (r#"{"events":[{"type":"later","schema":"2","payload":{}}]}"#, "events[0].schema"),
        ] {
            let refusal = read(wrong).expect_err("refused");
            assert!(
                refusal.parameters.parameter.as_deref().is_some_and(|p| p.starts_with(parameter)),
                "{wrong}: {refusal:?}"
            );
        }
    }
}
