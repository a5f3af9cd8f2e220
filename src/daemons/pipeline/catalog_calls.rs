//! Answers on `/run/ringrift/catalog.sock`: Get, List, Lineage, Ratings, Stages, Stage.
use super::data_pipeline::{Ports, effect};
use super::housekeeping::Housekeeping;
use crate::contract::catalog::{ArtefactFilter, Fate, Rebuilt};
use crate::contract::daemon::Out;
use crate::contract::envelope::Event;
use crate::contract::events::{EventType, Payload};
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::ports::StoreError;
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Entries of one answer of Prune; a frame holds more.
const MAX_FATES: usize = 2000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ById {
    id: Digest,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByKey {
    config_key: ConfigKey,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prune {
    dry_run: bool,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rebuild {
    files: bool,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    events: Vec<Event>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn fail(name: &str, message: String) -> Reply {
    Reply::error(name, &ErrorParameters { message, ..Default::default() })
}

fn arguments<T: DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    serde_json::from_value(Value::Object(call.parameters.clone())).map_err(|e| fail(errors::INVALID_PARAMETER, e.to_string()))
}

fn done<T: serde::Serialize, E: std::fmt::Display>(name: &str, result: Result<T, E>) -> Result<Reply, Reply> {
    result.map(|value| Reply::ok(&json!({ name: value }))).map_err(|e| fail(errors::INTERNAL, e.to_string()))
}

/// What goes first, so that a long list that is cut says what is deleted.
fn most_telling(mut fates: Vec<Fate>) -> Vec<Fate> {
    fates.sort_by_key(|fate| fate.stays);
    fates.truncate(MAX_FATES);
    fates
}

/// One part of a rebuild: files, or events of the log in their order. What the catalog knows already stays as it is.
fn rebuild(wanted: &Rebuild, ports: &Ports<'_>) -> Result<Reply, Reply> {
    let store = ports.store;
    let failed = |e: StoreError| fail(errors::INTERNAL, e.to_string());
    let mut rebuilt = if wanted.files { store.rebuild(wanted.after.as_deref()).map_err(failed)? } else { Rebuilt::default() };
    for event in &wanted.events {
        let Some(kind) = EventType::from_wire(&event.kind) else { continue };
        let Ok(payload) = Payload::parse(kind, &Value::Object(event.payload.clone())) else { continue };
        if store.handled(&event.id).map_err(failed)?.is_some() {
            continue;
        }
        let done = effect(payload, ports).map_err(|e| e.to_string()).and_then(|effect| match effect {
            Some((change, outputs, _)) => store.commit(&event.id, &change, &outputs).map(|()| true).map_err(|e| e.to_string()),
            None => Ok(false),
        });
        match done {
            Ok(entered) => rebuilt.events += u64::from(entered),
            Err(why) => rebuilt.problems.push(format!("event {}: {why}", event.id)),
        }
    }
    Ok(Reply::ok(&rebuilt))
}

/// Answers one call.
pub(super) fn answer(call: &Call, housekeeping: &mut Housekeeping, ports: &Ports<'_>, out: &mut Out) {
    out.answer(match reply(call, housekeeping, ports) {
        Ok(reply) | Err(reply) => reply,
    });
}

fn reply(call: &Call, housekeeping: &mut Housekeeping, ports: &Ports<'_>) -> Result<Reply, Reply> {
    let store = ports.store;
    match call.method.rsplit_once('.').map_or("", |(_, method)| method) {
        "Get" => match done("artefact", store.get(&arguments::<ById>(call)?.id))? {
            none if !none.parameters.contains_key("artefact") => Err(fail(errors::NOT_FOUND, "no artefact has this id".into())),
            found => Ok(found),
        },
        "List" => done("artefacts", store.list(&arguments::<ArtefactFilter>(call)?)),
        "Lineage" => done("steps", store.lineage(&arguments::<ById>(call)?.id)),
        "Ratings" => done("ratings", store.ratings(&arguments::<ByKey>(call)?.config_key)),
        "Stage" => done("stage", store.stage(&arguments::<ByKey>(call)?.config_key)),
        "Stages" => {
            arguments::<Nothing>(call)?;
            done("stages", store.stages())
        }
        "Prune" => {
            let dry_run = arguments::<Prune>(call)?.dry_run;
            let fates = housekeeping.dry_run(ports);
            if !dry_run && fates.is_ok() {
                housekeeping.turn(ports).map_err(|why| fail(errors::INTERNAL, why))?;
            }
            done("fates", fates.map(most_telling))
        }
        "Rebuild" => rebuild(&arguments::<Rebuild>(call)?, ports),
        _ => Err(Reply::error(errors::METHOD_NOT_FOUND, &json!({ "method": call.method }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::pipeline::data_pipeline::Fakes;
    use crate::daemons::testing::digest;

    fn ask(fakes: &Fakes, method: &str, parameters: Value) -> Reply {
        let mut out = Out::default();
        let mut housekeeping = Housekeeping::new(&Default::default());
        answer(&Call::new(format!("org.ringrift.Catalog.{method}"), &parameters), &mut housekeeping, &fakes.ports(), &mut out);
        out.reply.expect("an answer")
    }

    #[test]
    fn every_method_answers_and_bad_ones_are_errors() {
        let fakes = Fakes::new();
        fakes.queue.hold();
        fakes.current.hold();
        fakes.store.hold().catalog.artefact("games", 'a', json!({}), &[]);
        assert_eq!(ask(&fakes, "Get", json!({"id": digest('a')})).parameters["artefact"]["kind"], "games");
        assert_eq!(ask(&fakes, "Get", json!({"id": digest('b')})).error.as_deref(), Some(errors::NOT_FOUND));
        assert_eq!(ask(&fakes, "Get", json!({"id": "x"})).error.as_deref(), Some(errors::INVALID_PARAMETER));
        assert_eq!(ask(&fakes, "List", json!({"kind": "games"})).parameters["artefacts"].as_array().map(Vec::len), Some(1));
        assert_eq!(ask(&fakes, "List", json!({"kinds": 1})).error.as_deref(), Some(errors::INVALID_PARAMETER));
        assert_eq!(ask(&fakes, "Stages", json!({})).parameters["stages"].as_array().map(Vec::len), Some(1));
        assert_eq!(ask(&fakes, "Prune", json!({"dry_run": true})).parameters["fates"].as_array().map(Vec::len), Some(1));
        assert_eq!(ask(&fakes, "Rebuild", json!({"files": true})).parameters["files"], 0);
        assert_eq!(ask(&fakes, "Drop", json!({})).error.as_deref(), Some(errors::METHOD_NOT_FOUND));
    }
}
