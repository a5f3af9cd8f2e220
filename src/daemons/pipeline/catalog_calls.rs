//! Answers on `/run/ringrift/catalog.sock`: Get, List, Lineage, Ratings, Stages, Stage.
use super::effects::effect;
use super::housekeeping::{Housekeeping, Keeping};
use crate::contract::catalog::{
    Called, Fate, Fates, Got, Lineage, Listed, OneStage, RatingList, Rebuild, Rebuilt, StageList,
};
use crate::contract::daemon::HandlerError;
use crate::contract::events::{EventType, Payload};
use crate::contract::method::Method;
use crate::contract::ports::CatalogStore;
use crate::contract::time::Wall;
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use serde_json::{Value, json};

/// Entries of one answer of Prune; a frame holds more.
const MAX_FATES: usize = 2000;

fn fail(name: &str, message: String) -> Reply {
    Reply::error(name, &ErrorParameters { message, ..Default::default() })
}

/// Why there is no answer.
enum Refused {
    /// The caller is told.
    Caller(Reply),
    /// The daemon cannot go on; nobody is answered.
    Daemon(HandlerError),
}

impl Refused {
    fn of(name: &str, message: String) -> Refused {
        Refused::Caller(fail(name, message))
    }
}

impl<E: Into<HandlerError>> From<E> for Refused {
    fn from(error: E) -> Refused {
        match error.into() {
            broken @ HandlerError::Broken(_) => Refused::Daemon(broken),
            error => Refused::of(errors::INTERNAL, error.to_string()),
        }
    }
}

/// One method: its arguments are read, and what it gives is its answer. The types are those of the interface's table.
fn run<M: Method>(
    _: M,
    call: &Call,
    answer: impl FnOnce(M::Arguments) -> Result<M::Answer, Refused>,
) -> Result<Reply, Refused> {
    let arguments = serde_json::from_value(Value::Object(call.parameters.clone()));
    let arguments = arguments.map_err(|e| Refused::of(errors::INVALID_PARAMETER, e.to_string()))?;
    answer(arguments).map(|answer| Reply::ok(&answer))
}

/// What goes first, so that a long list that is cut says what is deleted.
fn most_telling(mut fates: Vec<Fate>) -> Vec<Fate> {
    fates.sort_by_key(|fate| fate.stays);
    fates.truncate(MAX_FATES);
    fates
}

/// One part of a rebuild: files, or events of the log in their order. What the catalog knows already stays as it is.
fn rebuild(wanted: &Rebuild, store: &dyn CatalogStore, now: Wall) -> Result<Rebuilt, Refused> {
    let mut rebuilt = if wanted.files { store.rebuild(wanted.after.as_deref())? } else { Rebuilt::default() };
    for event in &wanted.events {
        let Some(kind) = EventType::from_wire(&event.kind) else { continue };
        let Ok(payload) = Payload::parse(kind, &Value::Object(event.payload.clone())) else { continue };
        if store.handled(&event.id)?.is_some() {
            continue;
        }
        let done = effect(payload, store, now).and_then(|effect| match effect {
            Some((change, outputs, _)) => Ok(store.commit(&event.id, &change, &outputs).map(|()| true)?),
            None => Ok(false),
        });
        match done {
            Ok(entered) => rebuilt.events += u64::from(entered),
            Err(broken @ HandlerError::Broken(_)) => return Err(Refused::Daemon(broken)),
            Err(why) => rebuilt.problems.push(format!("event {}: {why}", event.id)),
        }
    }
    Ok(rebuilt)
}

/// Answers one call; an error is none of the caller's but the daemon's own.
pub(super) fn answer(
    call: &Call,
    housekeeping: &mut Housekeeping,
    ports: &Keeping<'_>,
    now: Wall,
) -> Result<Reply, HandlerError> {
    match reply(call, housekeeping, ports, now) {
        Ok(reply) | Err(Refused::Caller(reply)) => Ok(reply),
        Err(Refused::Daemon(error)) => Err(error),
    }
}

fn reply(call: &Call, housekeeping: &mut Housekeeping, ports: &Keeping<'_>, now: Wall) -> Result<Reply, Refused> {
    let store = ports.store;
    let name = call.method.rsplit('.').next().unwrap_or_default();
    let unknown = || Refused::Caller(Reply::error(errors::METHOD_NOT_FOUND, &json!({ "method": call.method })));
    match Called::by_name(name).ok_or_else(unknown)? {
        Called::Get(m) => run(m, call, |by| {
            let found = store.get(&by.id)?;
            found
                .map(|artefact| Got { artefact })
                .ok_or_else(|| Refused::of(errors::NOT_FOUND, "no artefact with this id".into()))
        }),
        Called::List(m) => run(m, call, |filter| Ok(Listed::page(&filter, |filter| store.list(filter))?)),
        Called::Lineage(m) => run(m, call, |by| Ok(Lineage::cut(store.lineage(&by.id)?))),
        Called::Ratings(m) => run(m, call, |by| Ok(RatingList::cut(store.ratings(&by.config_key)?))),
        Called::Stage(m) => run(m, call, |by| Ok(OneStage { stage: store.stage(&by.config_key)? })),
        Called::Stages(m) => run(m, call, |_| Ok(StageList { stages: store.stages()? })),
        Called::Prune(m) => run(m, call, |prune| {
            let fates = housekeeping.dry_run(ports)?;
            if !prune.dry_run {
                let turn = housekeeping.turn(ports);
                let stuck = turn.is_stuck();
                // The caller hears of both: what is gone is gone.
                if let (true, Some(line)) = (stuck, turn.line()?) {
                    return Err(Refused::of(errors::INTERNAL, line));
                }
            }
            Ok(Fates { fates: most_telling(fates) })
        }),
        Called::Rebuild(m) => run(m, call, |part| rebuild(&part, store, now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::pipeline::data_pipeline::Fakes;
    use crate::daemons::testing::digest;

    fn ask(fakes: &Fakes, method: &str, parameters: Value) -> Reply {
        let mut housekeeping = Housekeeping::new(&Default::default());
        let ports = Keeping { queue: &fakes.queue, current: &fakes.current, store: &fakes.store };
        answer(
            &Call::new(format!("org.ringrift.Catalog.{method}"), &parameters),
            &mut housekeeping,
            &ports,
            Wall::default(),
        )
        .expect("an answer")
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
        assert_eq!(
            ask(&fakes, "List", json!({"kind": "games"})).parameters["artefacts"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(ask(&fakes, "List", json!({"kinds": 1})).error.as_deref(), Some(errors::INVALID_PARAMETER));
        assert_eq!(ask(&fakes, "Stages", json!({})).parameters["stages"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            ask(&fakes, "Prune", json!({"dry_run": true})).parameters["fates"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(ask(&fakes, "Rebuild", json!({"files": true})).parameters["files"], 0);
        assert_eq!(ask(&fakes, "Drop", json!({})).error.as_deref(), Some(errors::METHOD_NOT_FOUND));
    }
}
