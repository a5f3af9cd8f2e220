//! `ringrift events emit`.
use super::filter::wire_name;
use crate::cli::Done;
use crate::cli::hub;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::events::{EventType, Payload};
use crate::contract::ids::{ConfigKey, EventId};
use crate::contract::registry::Hub;
use crate::contract::router::{NewEvent, Publish, PublishResult};
use clap::Args;
use serde_json::{Map, Value};

/// Publish an event; returns when it is on disk.
///
/// Example: ringrift events emit EXPLORATION_BOOST config_key=square8_2p boost_factor=1.5 reason="a try"
#[derive(Debug, Args)]
pub struct Emit {
    /// Event type: EXPLORATION_BOOST, exploration_boost or external.NAME
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Fields of the payload; values are JSON, or else strings
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    /// Payload as one JSON object; single fields override it
    #[arg(short, long, value_name = "JSON")]
    payload: Option<String>,
    /// Configuration of the event, if the payload has no config_key
    #[arg(short, long, value_name = "CONFIG_KEY")]
    key: Option<ConfigKey>,
    /// Id of the event that caused this one
    #[arg(long, value_name = "ID")]
    cause: Option<EventId>,
    /// Idempotency key: a second event with the same key is not stored
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Emit {
    /// Checks it here, so that a wrong field is named without asking anybody, and publishes it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let kind = wire_name(&self.kind)?;
        let payload = payload(self.payload.as_deref(), &self.fields)?;
        if let Some(known) = EventType::from_wire(&kind) {
            Payload::parse(known, &Value::Object(payload.clone())).map_err(|e| {
                Failure::new(Exit::BadData, e.to_string())
                    .hint("`ringrift events tail --type` shows other events of the type")
            })?;
        }
        let event = NewEvent {
            id: None,
            kind,
            payload,
            key: self.key,
            cause: self.cause,
            correlation: None,
            source: "ringrift".into(),
            time_us: Some(world.now_us),
            idempotency_key: self.idempotency_key,
        };
        let done: PublishResult = hub::ask(world, Hub::Router)?.call("Publish", &Publish { events: vec![event] })?;
        out.either("published", &done.results, || {
            let line = |r: &crate::contract::router::Published| {
                let again = if r.duplicate { out.paint(Tone::Warn, " (duplicate; not stored)") } else { String::new() };
                format!("{} {}{again}\n", r.seq, r.id)
            };
            done.results.iter().map(line).collect()
        })
    }
}

/// The payload from one JSON object and single fields.
fn payload(whole: Option<&str>, fields: &[String]) -> Result<Map<String, Value>, Failure> {
    let usage = |why: String| {
        Failure::new(Exit::Usage, why).hint("write fields as FIELD=VALUE, or use --payload with a JSON object")
    };
    let mut map: Map<String, Value> = match whole {
        Some(text) => serde_json::from_str(text).map_err(|e| usage(format!("--payload is not a JSON object: {e}")))?,
        None => Map::new(),
    };
    for field in fields {
        let (name, value) = field.split_once('=').ok_or_else(|| usage(format!("{field:?} has no '='")))?;
        map.insert(name.into(), serde_json::from_str(value).unwrap_or_else(|_| value.into()));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_over_the_object_and_are_json_or_text() {
        let map = payload(Some(r#"{"a":1,"b":2}"#), &["b=3.5".into(), "c=some words".into(), "d=true".into()])
            .expect("reads");
        assert_eq!(Value::Object(map), serde_json::json!({"a": 1, "b": 3.5, "c": "some words", "d": true}));
        assert!(payload(None, &["x".into()]).is_err());
        assert!(payload(Some("[]"), &[]).is_err());
    }
}
