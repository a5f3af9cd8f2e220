//! Faults planted into facts, for the tests of the judgement and of what shows it.
use crate::contract::facts::Facts;
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::problem::Code;
use crate::contract::registry::{DaemonType, Profile};
use serde_json::{Map, Value, json};

pub const NOW: i64 = 1_800_000_000_000_000;
pub const SECOND: i64 = 1_000_000;

pub fn unit(name: impl Into<String>) -> UnitView {
    UnitView {
        name: name.into(),
        load_state: "loaded".into(),
        active_state: "active".into(),
        sub_state: "running".into(),
        since_us: Some(NOW - 7800 * SECOND),
        restarts: Some(0),
        ..UnitView::default()
    }
}

pub fn report(name: &str, snapshot: Value) -> StatusFile {
    StatusFile {
        daemon: name.into(),
        state: State::Running,
        health: Health::healthy("fine"),
        last: String::new(),
        time_us: NOW,
        valid_for: 60,
        config: None,
        idle: None,
        snapshot,
    }
}

/// Everything of the standalone profile runs and is well.
pub fn well() -> Facts {
    well_of(Profile::Standalone)
}

/// Everything of a profile runs and is well.
pub fn well_of(profile: Profile) -> Facts {
    let members = profile.built();
    let names = [
        "router.socket",
        "coordinator.socket",
        "job.socket",
        "catalog.socket",
        "master.service",
        "coordinator.service",
        "emergency.path",
    ];
    let mut units: Vec<UnitView> = names.iter().map(|name| unit(format!("ringrift-{name}"))).collect();
    let mut facts = Facts { now_us: NOW, host_name: "vm".into(), ..Facts::default() };
    for daemon in &members {
        units.push(unit(daemon.unit()));
        let snapshot = if *daemon == DaemonType::DataPipeline { json!({ "stages": [] }) } else { Value::Null };
        facts.reports.insert(daemon.kebab(), report(daemon.name(), snapshot));
    }
    facts.units = Ok(units);
    let wishes: Map<String, Value> =
        members.iter().map(|d| (d.name().to_owned(), json!({ "desired": true }))).collect();
    let master = json!({ "profile": profile.name(), "healthy": true, "loop_iteration": 412, "age_seconds": 1.0, "problems": [],
        "wishes": wishes, "interval": 10 });
    facts.reports.insert("master".into(), report("MASTER", master));
    let coordinator = json!({ "node": "vm", "epoch": "vs4y", "queue": { "pending": 0, "claimed": 0, "running": 0 }, "leases": 0, "fenced": 0,
        "dispatchers": ["vm"], "outbox": 0, "outbox_refused": 0, "conditions": {} });
    facts.reports.insert("coordinator".into(), report("COORDINATOR", coordinator));
    let router = json!({ "last_seq": 9, "first_seq": 1, "events": 9, "published": 9, "duplicates": 0, "delivered": 9, "acked": 9,
        "dead_letters": 0, "subscribers": 13, "database_bytes": 1 });
    facts.reports.insert("event-router".into(), report("EVENT_ROUTER", router));
    facts.machine.disk_percent = Some(40.0);
    facts.machine.disk_free_bytes = Some(10 << 30);
    facts
}

pub fn of<'a>(facts: &'a mut Facts, name: &str) -> &'a mut UnitView {
    facts.units.as_mut().expect("units").iter_mut().find(|u| u.name == name).expect("a unit")
}

pub fn snapshot<'a>(facts: &'a mut Facts, folder: &str, pointer: &str) -> &'a mut Value {
    facts.reports.get_mut(folder).expect("a report").snapshot.pointer_mut(pointer).expect("a place")
}

pub fn conditions(facts: &mut Facts, value: Value) {
    *snapshot(facts, "coordinator", "/conditions") = value;
}

pub fn wish(facts: &mut Facts, daemon: DaemonType, value: Value) {
    snapshot(facts, "master", "/wishes").as_object_mut().expect("wishes").insert(daemon.name().into(), value);
}

/// A fault as it is planted into facts that are well.
pub type Plant = fn(&mut Facts);

pub fn restarts(facts: &mut Facts, unit: &str, times: &[i64]) {
    snapshot(facts, "master", "")
        .as_object_mut()
        .expect("an object")
        .insert("restarts".into(), json!({ unit: { "count": times.len(), "times_us": times } }));
}

/// FEEDBACK_LOOP's unit, which nothing else needs.
pub fn single(facts: &mut Facts) -> &mut UnitView {
    of(facts, "ringrift-feedback-loop.service")
}

pub fn router(facts: &mut Facts, key: &str, value: Value) {
    snapshot(facts, "event-router", "").as_object_mut().expect("an object").insert(key.into(), value);
}

fn notice(facts: &mut Facts, about: Value) {
    let mut value = json!({ "id": "database-events", "what": "It was lost", "next": "ringrift database confirm events", "since_us": NOW });
    value.as_object_mut().expect("an object").extend(about.as_object().expect("an object").clone());
    facts.notices.push(serde_json::from_value(value).expect("a notice"));
}

fn stage(facts: &mut Facts, change: Value) {
    let mut stage = json!({ "config_key": "square8_2p", "stage": "selfplay", "since_us": NOW, "reason": "", "games": 0,
        "games_since_export": 0, "samples": 0, "models": 0, "matches": 0, "refusals": 0 });
    stage.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    *snapshot(facts, "data-pipeline", "/stages") = json!([stage]);
}

fn taken(facts: &mut Facts, value: Value) {
    facts.reports.get_mut("evaluation").expect("a report").config =
        serde_json::from_value(value).expect("a configuration");
}

pub fn failing(cause: &str, in_a_row: u32) -> Value {
    json!({ "work_type": "training", "config_key": "square8_2p", "work_id": "vs4y-9", "in_a_row": in_a_row, "attempts": in_a_row,
        "max_attempts": 3, "cause": cause, "error": "the workload exited with 1", "since_us": NOW - SECOND })
}

pub fn open_breaker() -> Value {
    json!({ "node": "vm", "task_type": "training", "state": "OPEN", "failures": 3, "opened": 1, "successes": 0, "retry_in_seconds": 60,
        "reason": "job vs4y-9: exit-code", "failed_us": NOW })
}

fn condition(facts: &mut Facts, key: &str, value: Value) {
    snapshot(facts, "coordinator", "/conditions").as_object_mut().expect("conditions").insert(key.into(), value);
}

/// Every code, planted: alone each of them is the one cause that is shown.
pub const PLANTS: &[(Code, Plant)] = &[
    (Code::MasterDown, |f| of(f, "ringrift-master.service").active_state = "inactive".into()),
    (Code::MasterStuck, |f| f.reports.get_mut("master").expect("there").time_us = NOW - 40 * SECOND),
    (Code::MasterDegraded, |f| {
        let master = snapshot(f, "master", "").as_object_mut().expect("an object");
        master.insert("troubles".into(), json!({ "database": "cannot write master.db: read-only" }));
    }),
    (Code::RouterDown, |f| of(f, "ringrift-event-router.service").active_state = "failed".into()),
    (Code::CoordinatorDown, |f| of(f, "ringrift-coordinator.service").active_state = "failed".into()),
    (Code::SocketFailed, |f| of(f, "ringrift-job.socket").active_state = "failed".into()),
    (Code::WatchDown, |f| of(f, "ringrift-emergency.path").active_state = "failed".into()),
    (Code::DaemonFailed, |f| (single(f).active_state, single(f).result) = ("failed".into(), Some("exit-code".into()))),
    (Code::DaemonCrashing, |f| {
        restarts(f, "ringrift-feedback-loop.service", &[NOW - 500 * SECOND, NOW - 300 * SECOND, NOW - SECOND])
    }),
    (Code::DaemonBackoff, |f| {
        (single(f).active_state, single(f).sub_state) = ("activating".into(), "auto-restart".into())
    }),
    (Code::DaemonStarting, |f| {
        (single(f).active_state, single(f).since_us) = ("activating".into(), Some(NOW - SECOND))
    }),
    (Code::DaemonStuckStarting, |f| {
        (single(f).active_state, single(f).since_us) = ("activating".into(), Some(NOW - 40 * SECOND))
    }),
    (Code::DaemonDown, |f| single(f).active_state = "inactive".into()),
    (Code::DaemonSilent, |f| f.reports.get_mut("feedback-loop").expect("there").time_us = NOW - 100 * SECOND),
    (Code::DaemonDegraded, |f| {
        f.reports.get_mut("feedback-loop").expect("there").health = Health::degraded("EVALUATION failed")
    }),
    (Code::DaemonHeld, |f| {
        single(f).active_state = "inactive".into();
        wish(f, DaemonType::FeedbackLoop, json!({ "desired": false, "stopped_by": "root" }));
    }),
    (Code::UnitMasked, |f| (single(f).load_state, single(f).active_state) = ("masked".into(), "inactive".into())),
    (Code::UnitMissing, |f| (single(f).load_state, single(f).active_state) = ("not-found".into(), "inactive".into())),
    (Code::DataUnusable, |f| {
        (single(f).active_state, single(f).result, single(f).exit_status) =
            ("failed".into(), Some("exit-code".into()), Some(65));
    }),
    (Code::ConfigInvalid, |f| {
        f.config.errors = vec!["/etc/ringrift/conf.d/90-mine.yaml:1:3: nonsense: unknown key".into()];
        f.config.first_file = Some("/etc/ringrift/conf.d/90-mine.yaml".into());
    }),
    (Code::ConfigRefused, |f| taken(f, json!({ "read_us": NOW - SECOND, "refused": true }))),
    (Code::ConfigNotLoaded, |f| {
        taken(f, json!({ "read_us": NOW - SECOND, "at_next_start": ["daemons.evaluation.x"] }))
    }),
    (Code::DiskLow, |f| f.machine.disk_percent = Some(78.0)),
    (Code::DiskForecast, |f| {
        let machine =
            crate::contract::host::HostSnapshot { disk_full_in_seconds: Some(3 * 3600), ..Default::default() };
        condition(f, "machine", serde_json::to_value(machine).expect("JSON"));
    }),
    (Code::DiskFull, |f| (f.machine.disk_percent, f.machine.disk_free_bytes) = (Some(100.0), Some(0))),
    (Code::Inodes, |f| f.machine.inode_percent = Some(99.0)),
    (Code::Gate, |f| {
        condition(
            f,
            "gates",
            json!([{ "gate": "memory", "open": false, "why": "cannot read memory", "unknown": true }]),
        )
    }),
    (Code::Halt, |f| {
        condition(f, "halt", json!({ "halted": true, "reason": "smoke", "by": "root", "since_us": NOW - SECOND }))
    }),
    (Code::QueuePaused, |f| {
        condition(f, "paused", json!({ "reason": "maintenance", "by": "root", "since_us": NOW - SECOND }))
    }),
    (Code::BreakerOpen, |f| condition(f, "breakers", json!([open_breaker()]))),
    (Code::JobOom, |f| condition(f, "failing", json!([failing("oom", 1)]))),
    (Code::JobFailing, |f| condition(f, "failing", json!([failing("exit", 3)]))),
    (Code::LoopStalled, |f| {
        let waiting = json!({ "config_key": "square8_2p", "by_type": { "training": 1 }, "work_id": "vs4y-9", "work_type": "training",
            "since_us": NOW - 700 * SECOND, "reasons": ["memory is used up"], "codes": ["gate"] });
        condition(f, "waiting", json!([waiting]));
    }),
    (Code::NoPromotion, |f| stage(f, json!({ "refusals": 12 }))),
    (Code::RulesChanged, |f| {
        stage(
            f,
            json!({ "set_aside": [{ "rules_version": 1, "games": 40, "samples": 0, "models": 3, "generation": 2 }] }),
        );
    }),
    (Code::LaneStands, |f| router(f, "troubles", json!({ "standing": "events have waited: x" }))),
    (Code::SubscriberLag, |f| router(f, "lag", json!(20_000))),
    (Code::EventLog, |f| router(f, "troubles", json!({ "size": "the event log has 9 GB" }))),
    (Code::DeadLetters, |f| router(f, "dead_letters", json!(2))),
    (Code::Outbox, |f| *snapshot(f, "coordinator", "/outbox_refused") = json!(1)),
    (Code::DatabaseLost, |f| {
        notice(f, json!({ "kind": "database", "name": "events", "path": "/x", "reason": "torn", "lost": "all" }))
    }),
    (Code::ArtefactLost, |f| {
        notice(f, json!({ "kind": "artefact", "sha256": "00", "artefact": "games", "reason": "torn" }))
    }),
    (Code::ClockHold, |f| notice(f, json!({ "kind": "clock", "reason": "it jumped" }))),
    (Code::Clock, |f| {
        let master = snapshot(f, "master", "").as_object_mut().expect("an object");
        master.insert("clock_jump".into(), json!({ "by_us": -5_000_000, "at_us": NOW - SECOND }));
    }),
    (Code::GpuLost, |f| f.gpu_lost = Some("the driver does not answer".into())),
    (Code::Bus, |f| f.units = Err("no bus".into())),
    (Code::Unknown, |f| f.flag = Err("permission denied".into())),
];
