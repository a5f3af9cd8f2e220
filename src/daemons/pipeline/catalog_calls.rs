//! Answers on `/run/ringrift/catalog.sock`: Get, List, Lineage, Ratings, Stages, Stage.
use crate::contract::catalog::ArtefactFilter;
use crate::contract::daemon::Out;
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::ports::Ports;
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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

/// Answers one call.
pub(super) fn answer(call: &Call, ports: &Ports<'_>, out: &mut Out) {
    out.answer(match reply(call, ports) {
        Ok(reply) | Err(reply) => reply,
    });
}

fn reply(call: &Call, ports: &Ports<'_>) -> Result<Reply, Reply> {
    let store = ports.store.ok_or_else(|| fail(errors::INTERNAL, "the catalog is not open".into()))?;
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
        _ => Err(Reply::error(errors::METHOD_NOT_FOUND, &json!({ "method": call.method }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::testing::{World, digest};

    fn ask(world: &World, method: &str, parameters: Value) -> Reply {
        let mut out = Out::default();
        answer(&Call::new(format!("org.ringrift.Catalog.{method}"), &parameters), &world.ports(), &mut out);
        out.reply.expect("an answer")
    }

    #[test]
    fn every_method_answers_and_bad_ones_are_errors() {
        let world = World::new();
        world.artefact("games", 'a', json!({}), &[]);
        assert_eq!(ask(&world, "Get", json!({"id": digest('a')})).parameters["artefact"]["kind"], "games");
        assert_eq!(ask(&world, "Get", json!({"id": digest('b')})).error.as_deref(), Some(errors::NOT_FOUND));
        assert_eq!(ask(&world, "Get", json!({"id": "x"})).error.as_deref(), Some(errors::INVALID_PARAMETER));
        assert_eq!(ask(&world, "List", json!({"kind": "games"})).parameters["artefacts"].as_array().map(Vec::len), Some(1));
        assert_eq!(ask(&world, "List", json!({"kinds": 1})).error.as_deref(), Some(errors::INVALID_PARAMETER));
        assert_eq!(ask(&world, "Stages", json!({})).parameters["stages"].as_array().map(Vec::len), Some(1));
        assert_eq!(ask(&world, "Drop", json!({})).error.as_deref(), Some(errors::METHOD_NOT_FOUND));
    }
}
