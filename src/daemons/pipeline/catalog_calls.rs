//! Answers on `/run/ringrift/catalog.sock`: Get, List, Lineage, Ratings, Stages, Stage.
use super::data_pipeline::{Ports, effect};
use super::housekeeping::Housekeeping;
use crate::contract::catalog::{Called, Fate, Fates, Got, Lineage, Listed, OneStage, RatingList, Rebuild, Rebuilt, StageList};
use crate::contract::daemon::Out;
use crate::contract::events::{EventType, Payload};
use crate::contract::method::Method;
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use serde_json::{Value, json};

/// Entries of one answer of Prune; a frame holds more.
const MAX_FATES: usize = 2000;

fn fail(name: &str, message: String) -> Reply {
    Reply::error(name, &ErrorParameters { message, ..Default::default() })
}

/// One method: its arguments are read, and what it gives is its answer. The types are those of the interface's table.
fn run<M: Method>(_: M, call: &Call, answer: impl FnOnce(M::Arguments) -> Result<M::Answer, Reply>) -> Result<Reply, Reply> {
    let arguments = serde_json::from_value(Value::Object(call.parameters.clone()));
    let arguments = arguments.map_err(|e| fail(errors::INVALID_PARAMETER, e.to_string()))?;
    answer(arguments).map(|answer| Reply::ok(&answer))
}

fn failed(error: impl std::fmt::Display) -> Reply {
    fail(errors::INTERNAL, error.to_string())
}

/// What goes first, so that a long list that is cut says what is deleted.
fn most_telling(mut fates: Vec<Fate>) -> Vec<Fate> {
    fates.sort_by_key(|fate| fate.stays);
    fates.truncate(MAX_FATES);
    fates
}

/// One part of a rebuild: files, or events of the log in their order. What the catalog knows already stays as it is.
fn rebuild(wanted: &Rebuild, ports: &Ports<'_>) -> Result<Rebuilt, Reply> {
    let store = ports.store;
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
    Ok(rebuilt)
}

/// Answers one call.
pub(super) fn answer(call: &Call, housekeeping: &mut Housekeeping, ports: &Ports<'_>, out: &mut Out) {
    out.answer(match reply(call, housekeeping, ports) {
        Ok(reply) | Err(reply) => reply,
    });
}

fn reply(call: &Call, housekeeping: &mut Housekeeping, ports: &Ports<'_>) -> Result<Reply, Reply> {
    let store = ports.store;
    let name = call.method.rsplit('.').next().unwrap_or_default();
    let unknown = || Reply::error(errors::METHOD_NOT_FOUND, &json!({ "method": call.method }));
    match Called::by_name(name).ok_or_else(unknown)? {
        Called::Get(m) => run(m, call, |by| {
            let found = store.get(&by.id).map_err(failed)?;
            found.map(|artefact| Got { artefact }).ok_or_else(|| fail(errors::NOT_FOUND, "no artefact with this id".into()))
        }),
        Called::List(m) => run(m, call, |filter| store.list(&filter).map(|artefacts| Listed { artefacts }).map_err(failed)),
        Called::Lineage(m) => run(m, call, |by| store.lineage(&by.id).map(|steps| Lineage { steps }).map_err(failed)),
        Called::Ratings(m) => run(m, call, |by| store.ratings(&by.config_key).map(|ratings| RatingList { ratings }).map_err(failed)),
        Called::Stage(m) => run(m, call, |by| store.stage(&by.config_key).map(|stage| OneStage { stage }).map_err(failed)),
        Called::Stages(m) => run(m, call, |_| store.stages().map(|stages| StageList { stages }).map_err(failed)),
        Called::Prune(m) => run(m, call, |prune| {
            let fates = housekeeping.dry_run(ports);
            if !prune.dry_run && fates.is_ok() {
                housekeeping.turn(ports).map_err(failed)?;
            }
            fates.map(|fates| Fates { fates: most_telling(fates) }).map_err(failed)
        }),
        Called::Rebuild(m) => run(m, call, |part| rebuild(&part, ports)),
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
