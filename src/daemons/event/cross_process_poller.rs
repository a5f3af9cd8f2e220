//! CROSS_PROCESS_POLLER: carries events between the router and the SQLite queue that legacy programs still write and
//! read. What came in does not go out again, and nothing is carried twice, wherever this process is killed.
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::envelope::Event;
use crate::contract::events::{EventType, Payload};
use crate::contract::foreign::{ForeignEvent, ForeignQueue, event_type, external, today};
use crate::contract::health::Health;
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::rights::{Class, may_publish};
use crate::contract::router::NewEvent;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

declare! {
    CrossProcessPoller {
        name: "CROSS_PROCESS_POLLER",
        purpose: "Exchanges events with legacy programs through their SQLite event queue",
        category: Category::Event,
        depends_on: &[D::EventRouter],
        interval: 1,
        subscribes: &[
            E::SelfplayComplete, E::NewGamesAvailable, E::DataSyncCompleted, E::DataSyncFailed, E::NpzExportComplete,
            E::TrainingThresholdReached, E::TrainingStarted, E::TrainingCompleted, E::TrainingFailed,
            E::EvaluationStarted, E::EvaluationCompleted, E::EvaluationFailed, E::ModelPromoted, E::PromotionRejected,
            E::ModelDistributionComplete, E::EloUpdated, E::PlateauDetected, E::HyperparameterUpdated,
            E::ExplorationBoost, E::SelfplayRateChanged, E::WorkCompleted, E::WorkFailed,
        ],
    }
    asks [foreign]
    settings {
        /// SQLite file (absolute path) with the tables events, subscribers and acks, used by legacy programs. If you
        /// change this path, add a drop-in with ReadWritePaths= for its directory. A path below /tmp cannot work: every
        /// service has a private /tmp.
        database: String = "/var/lib/ringrift/legacy/events.db" as Path;
    }
}

/// Rows in one round, and bytes: a batch fits one frame of the router.
const BATCH: u32 = 100;
const BATCH_BYTES: usize = 512 * 1024;
/// A longer payload is not carried, only told of.
const MAX_PAYLOAD: usize = 256 * 1024;
/// Types that are remembered as refused; a file may hold any number of names.
const MAX_REFUSED: usize = 100;
/// What goes into the identity of a row beside its number: the number starts over with a new file.
const MAX_NAME: usize = 64;

/// What is kept over a restart.
#[derive(Deserialize)]
struct Kept {
    taken: (i64, f64),
    #[serde(default)]
    told: Vec<i64>,
}

/// The daemon.
#[derive(Debug)]
pub struct CrossProcessPoller {
    settings: Settings,
    /// The last row that was taken in, and when that row was made.
    taken: (i64, f64),
    /// Rows taken in whose events may not be on disk yet; told to the queue in the next round.
    told: Vec<i64>,
    carried: (u64, u64),
    /// Types that those who write the file may not publish, each reported once.
    refused: BTreeSet<String>,
}

impl Daemon for CrossProcessPoller {
    fn new(config: &Config) -> Self {
        CrossProcessPoller {
            settings: Settings::of(config),
            taken: (0, 0.0),
            told: Vec::new(),
            carried: (0, 0),
            refused: BTreeSet::new(),
        }
    }

    fn configure(&mut self, config: &Config) {
        self.settings = Settings::of(config);
    }

    fn save(&self) -> Option<Value> {
        Some(json!({ "taken": self.taken, "told": self.told }))
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        let state: Kept = serde_json::from_value(state)?;
        (self.taken, self.told) = (state.taken, state.told);
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let queue = ports.foreign;
        match input {
            Input::Start => self.say(out),
            Input::Tick { .. } => self.take_in(queue, out)?,
            Input::Event { event, payload } => self.put_out(queue, event, &payload, out)?,
            _ => {}
        }
        Ok(())
    }
}

impl CrossProcessPoller {
    fn say(&self, out: &mut Out) {
        let mut line = format!("events: {} received, {} sent", self.carried.0, self.carried.1);
        if !self.refused.is_empty() {
            line += &format!("; rejected event types that writers of the file may not publish: {}", self.refused.len());
        }
        out.health(Health::healthy(&line));
        out.last(line);
    }

    fn take_in(&mut self, queue: &dyn ForeignQueue, out: &mut Out) -> Result<(), HandlerError> {
        let database = &self.settings.database;
        // What the round before took in is on disk by now, in the router.
        queue.acknowledge(database, &std::mem::take(&mut self.told))?;
        if self.taken.0 > 0 && self.begun_anew(queue)? {
            tracing::info!(database, "the queue was recreated; reading it from the start");
            self.taken = (0, 0.0);
        }
        let writers = queue.writers(database)?;
        let (rows, mut last) = queue.read(database, self.taken.0, BATCH)?;
        let mut bytes = 0;
        for row in &rows {
            bytes += row.payload.len().min(MAX_PAYLOAD);
            if bytes > BATCH_BYTES && !out.raw.is_empty() {
                last = row.event_id - 1;
                break;
            }
            let (event, refused) = incoming(row, writers);
            out.raw.extend(event);
            if let Some((kind, what)) = refused
                && self.refused.len() < MAX_REFUSED
                && self.refused.insert(kind.clone())
            {
                let who = writers.name();
                tracing::warn!("{database} is writable by {who}, who may not publish {kind}: {what}");
            }
            self.told.push(row.event_id);
            self.taken = (row.event_id, row.created_at);
        }
        if last > self.taken.0 {
            // Rows of our own stand at the end.
            self.taken = (last, queue.created_at(database, last)?.unwrap_or(0.0));
        }
        self.carried.0 += out.raw.len() as u64;
        self.say(out);
        Ok(())
    }

    /// Whether the file is another one than that of which we took the last row: that row is another one, or gone while
    /// older numbers are there, which are cleared away before it. If we err, the router knows what it has.
    fn begun_anew(&self, queue: &dyn ForeignQueue) -> Result<bool, HandlerError> {
        let database = &self.settings.database;
        match queue.created_at(database, self.taken.0)? {
            Some(at) => Ok(at != self.taken.1),
            None => Ok((1..self.taken.0).contains(&queue.read(database, 0, 1)?.1)),
        }
    }

    fn put_out(
        &mut self,
        queue: &dyn ForeignQueue,
        event: &Event,
        payload: &Payload,
        out: &mut Out,
    ) -> Result<(), HandlerError> {
        if event.source == SPEC.daemon.kebab() {
            return Ok(());
        }
        let info = payload.kind().info();
        let fresh = queue.put(
            &self.settings.database,
            event.id.as_str(),
            info.wire,
            &event.payload,
            event.time_us as f64 / 1e6,
        )?;
        self.carried.1 += u64::from(fresh);
        self.say(out);
        Ok(())
    }
}

/// A row as an event, and if its type was refused, that and what becomes of such rows. One that is of our types by its
/// name but not by its payload, that controls the suite, or that those who write the file may not publish, comes in as
/// what it is: a word of a program that is not ours, if they may say such.
fn incoming(row: &ForeignEvent, writers: Class) -> (Option<NewEvent>, Option<(String, &'static str)>) {
    let parsed: Option<Map<String, Value>> = serde_json::from_str(&row.payload).ok();
    let named = event_type(&row.event_type);
    let foreign = external(named.map_or(&row.event_type, |kind| kind.info().wire));
    if !may_publish(writers, &foreign, false) {
        return (None, Some((foreign, "such rows are skipped")));
    }
    let known = named.filter(|kind| !kind.is_control());
    let refused = known.filter(|kind| !may_publish(writers, kind.info().wire, false));
    let fits = |kind: &EventType| {
        let payload = today(parsed.clone()?);
        Payload::parse(*kind, &Value::Object(payload.clone())).ok().map(|_| payload)
    };
    let (kind, payload) = match known.filter(|_| refused.is_none()).and_then(|kind| Some((kind, fits(&kind)?))) {
        Some((kind, payload)) => (kind.info().wire.to_owned(), payload),
        None => (foreign, outsider(row, parsed)),
    };
    let key = payload.get("config_key").and_then(Value::as_str).and_then(|text| ConfigKey::new(text).ok());
    let name: String = row.event_type.chars().take(MAX_NAME).collect();
    let event = NewEvent {
        id: None,
        kind,
        payload,
        key,
        cause: None,
        correlation: None,
        source: String::new(),
        time_us: (row.created_at > 0.0).then_some((row.created_at * 1e6) as i64),
        idempotency_key: Some(format!("foreign/{}/{:.6}/{name}", row.event_id, row.created_at)),
    };
    (Some(event), refused.map(|kind| (kind.info().wire.to_owned(), "such rows are published as external.*")))
}

fn outsider(row: &ForeignEvent, parsed: Option<Map<String, Value>>) -> Map<String, Value> {
    let from =
        json!({"event_id": row.event_id, "event_type": row.event_type, "source": row.source, "hostname": row.hostname});
    let mut payload = match parsed {
        _ if row.payload.len() > MAX_PAYLOAD => {
            Map::from_iter([("bytes_left_out".to_owned(), row.payload.len().into())])
        }
        Some(payload) => today(payload),
        None => Map::from_iter([("text".to_owned(), row.payload.clone().into())]),
    };
    payload.insert("foreign".into(), from);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ports::fakes::envelope;
    use crate::daemons::testing::build;

    fn row(id: i64, kind: &str, payload: &str) -> ForeignEvent {
        let (source, hostname) = ("old".into(), "h".into());
        ForeignEvent {
            event_id: id,
            event_type: kind.into(),
            payload: payload.into(),
            source,
            hostname,
            created_at: 100.0 + id as f64,
        }
    }

    #[test]
    fn rows_come_in_as_what_they_are() {
        for (kind, payload, wanted) in [
            ("EXPLORATION_BOOST", r#"{"config": "hex8_2p", "boost_factor": 1.5, "reason": "r"}"#, "exploration_boost"),
            ("new_games", r#"{"host": "a", "new_games": 3}"#, "external.new_games"),
            ("training_complete", "{}", "external.training_completed"),
            ("nas_triggered", r#"{"config": "hex8_2p"}"#, "external.nas_triggered"),
            // Whoever can write the file must not promote models by it.
            ("promotion_complete", "{}", "external.model_promoted"),
            (
                "daemon_stopped",
                r#"{"daemon_name": "X", "hostname": "h", "reason": "r", "invocation_id": "i"}"#,
                "external.daemon_stopped",
            ),
            ("odd", "no json", "external.odd"),
        ] {
            let event = incoming(&row(7, kind, payload), Class::Suite).0.expect("an event");
            assert_eq!(event.kind, wanted);
            assert_eq!(event.idempotency_key, Some(format!("foreign/7/107.000000/{kind}")));
            assert_eq!(event.key.is_some(), payload.contains("config"), "{kind}");
            assert_eq!(event.payload.contains_key("foreign"), wanted.starts_with("external."));
        }
        let long = incoming(&row(1, "x", &format!("{{\"a\":\"{}\"}}", "y".repeat(MAX_PAYLOAD))), Class::Suite)
            .0
            .expect("an event");
        assert!(long.payload["bytes_left_out"].as_u64().is_some_and(|n| n > MAX_PAYLOAD as u64));
    }

    #[test]
    fn an_event_has_the_rights_of_those_who_can_write_the_file() {
        let boost = r#"{"config": "hex8_2p", "boost_factor": 1.5, "reason": "r"}"#;
        for (writers, kind, wanted) in [
            (Class::Root, "EXPLORATION_BOOST", Some("exploration_boost")),
            (Class::Admin, "EXPLORATION_BOOST", Some("exploration_boost")),
            (Class::Member, "EXPLORATION_BOOST", Some("external.exploration_boost")),
            (Class::Member, "odd", Some("external.odd")),
            (Class::Anybody, "EXPLORATION_BOOST", None),
            (Class::Job, "odd", None),
        ] {
            let (event, refused) = incoming(&row(1, kind, boost), writers);
            assert_eq!(event.map(|e| e.kind).as_deref(), wanted, "{writers:?} {kind}");
            let as_itself =
                wanted.is_some_and(|wanted| !wanted.starts_with("external.")) || (kind == "odd" && wanted.is_some());
            assert_eq!(refused.is_none(), as_itself, "{writers:?} {kind}");
        }
        let fakes = Fakes::new();
        fakes.foreign.hold().writers = Some(Class::Member);
        fakes.foreign.hold().rows.extend((1..=3).map(|n| row(n, "EXPLORATION_BOOST", boost)));
        let mut daemon: CrossProcessPoller = build();
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(out.raw.len() == 3 && out.raw.iter().all(|event| event.kind == "external.exploration_boost"));
        assert_eq!(daemon.refused.len(), 1, "told once");
        assert!(
            out.health.is_some_and(
                |h| h.message.starts_with("events: 3 received") && h.message.contains("may not publish: 1")
            )
        );
        // Rows of writers who may publish nothing are passed over, told to the queue and not counted as carried.
        fakes.foreign.hold().writers = Some(Class::Anybody);
        fakes.foreign.hold().acked.clear();
        let mut daemon: CrossProcessPoller = build();
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(out.raw.is_empty() && out.health.is_some_and(|h| h.message.starts_with("events: 0 received")));
        fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled");
        assert_eq!(fakes.foreign.hold().acked, [1, 2, 3]);
    }

    #[test]
    fn each_row_is_taken_in_once_and_told_when_it_is_on_disk() {
        let fakes = Fakes::new();
        fakes.foreign.hold().rows.extend((1..=3).map(|n| row(n, "x", "{}")));
        let mut daemon: CrossProcessPoller = build();
        let tick = || Input::Tick { number: 1 };
        assert_eq!(fakes.give(&mut daemon, tick()).expect("handled").raw.len(), 3);
        assert!(fakes.foreign.hold().acked.is_empty(), "the router has not got them yet");
        // A restart between: the state goes with the outputs.
        let state = daemon.save().expect("a state");
        daemon = build();
        daemon.restore(state).expect("a state");
        fakes.foreign.hold().rows.push(row(4, "x", "{}"));
        assert_eq!(fakes.give(&mut daemon, tick()).expect("handled").raw.len(), 1);
        assert_eq!(fakes.foreign.hold().acked, [1, 2, 3]);
        assert!(fakes.give(&mut daemon, tick()).expect("handled").raw.is_empty());
        // The file is replaced: its numbers begin anew, with younger rows.
        fakes.foreign.hold().rows = vec![ForeignEvent { created_at: 900.0, ..row(1, "x", "{}") }];
        assert_eq!(fakes.give(&mut daemon, tick()).expect("handled").raw.len(), 1);
        assert!(fakes.give(&mut daemon, tick()).expect("handled").raw.is_empty());
    }

    #[test]
    fn what_came_in_does_not_go_out_again() {
        let (fakes, mut daemon) = (Fakes::new(), build::<CrossProcessPoller>());
        fakes.foreign.hold();
        let boost = crate::contract::events::ExplorationBoost {
            config_key: crate::daemons::testing::key(),
            boost_factor: 1.5,
            reason: "r".into(),
            anomaly_count: None,
        };
        for (source, out) in [("feedback-loop", 1), ("cross-process-poller", 1), ("someone", 2)] {
            let event = Event { source: source.into(), ..envelope(&boost) };
            fakes.give(&mut daemon, Input::Event { event: &event, payload: boost.clone().into() }).expect("handled");
            assert_eq!(fakes.foreign.hold().put.len(), out, "after one of {source}");
        }
        assert_eq!(fakes.foreign.hold().put[0].1, "exploration_boost");
    }
}
