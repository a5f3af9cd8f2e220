//! The first screen as a terminal of 80 columns shows it.
use super::*;
use crate::contract::facts::Facts;
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::registry::{Profile, built};
use crate::coordination::judge;
use serde_json::{Map, Value, json};

const NOW: i64 = 1_800_000_000_000_000;

/// Everything of the standalone profile runs and is well.
fn well() -> Facts {
    let unit = |name: String| UnitView {
        name,
        load_state: "loaded".into(),
        active_state: "active".into(),
        sub_state: "running".into(),
        since_us: Some(NOW - 7_800_000_000),
        restarts: Some(0),
        ..UnitView::default()
    };
    let report = |name: &str, snapshot| StatusFile {
        daemon: name.into(),
        state: State::Running,
        health: Health::healthy("fine"),
        last: String::new(),
        time_us: NOW,
        valid_for: 60,
        config: None,
        idle: None,
        snapshot,
    };
    let members = Profile::Standalone.built();
    let mut facts = Facts { now_us: NOW, host_name: "vm".into(), ..Facts::default() };
    let sockets = ["ringrift-router.socket", "ringrift-coordinator.socket", "ringrift-job.socket", "ringrift-catalog.socket"];
    let others = ["ringrift-master.service", "ringrift-coordinator.service", "ringrift-emergency.path"];
    let mut units: Vec<UnitView> = sockets.iter().chain(&others).map(|name| unit((*name).into())).collect();
    for spec in built().filter(|s| members.contains(&s.daemon)) {
        units.push(unit(spec.daemon.unit()));
        facts.reports.insert(spec.daemon.kebab(), report(spec.name, Value::Null));
    }
    facts.units = Ok(units);
    let wishes: Map<String, Value> = members.iter().map(|d| (d.name().to_owned(), json!({ "desired": true }))).collect();
    let master = json!({ "profile": "standalone", "healthy": true, "loop_iteration": 412, "age_seconds": 1.0, "problems": [],
        "wishes": wishes, "interval": 10 });
    facts.reports.insert("master".into(), report("MASTER", master));
    let conditions = json!({ "running": [{ "work_id": "vs4y-9", "work_type": "selfplay", "config_key": "square8_2p", "since_us": NOW - 35_000_000,
        "started": true, "progress": { "done": 24, "total": 80, "unit": "games" } }] });
    let coordinator = json!({ "node": "vm", "epoch": "vs4y", "queue": { "pending": 0, "claimed": 0, "running": 1 }, "leases": 1, "fenced": 0,
        "dispatchers": ["vm"], "outbox": 0, "outbox_refused": 0, "conditions": conditions });
    facts.reports.insert("coordinator".into(), report("COORDINATOR", coordinator));
    let router = json!({ "last_seq": 9, "first_seq": 1, "events": 9, "published": 9, "duplicates": 0, "delivered": 9, "acked": 9,
        "dead_letters": 0, "subscribers": 13, "database_bytes": 1, "rates": { "published": 1.1, "delivered": 1.0, "acked": 1.0 } });
    facts.reports.insert("event-router".into(), report("EVENT_ROUTER", router));
    (facts.machine.disk_percent, facts.machine.memory_percent) = (Some(40.0), Some(25.0));
    facts
}

fn shown(facts: &Facts) -> String {
    page(&judge::overview(facts, "0"), false, &Out::plain(Some(80)))
}

fn unit<'a>(facts: &'a mut Facts, name: &str) -> &'a mut UnitView {
    facts.units.as_mut().expect("units").iter_mut().find(|u| u.name == name).expect("a unit")
}

#[test]
fn what_is_well_fits_a_small_screen_and_says_so_first() {
    let text = shown(&well());
    assert!(text.starts_with("● ringrift: all is well"), "{text}");
    assert!(text.lines().count() <= 23 && text.lines().all(|l| l.chars().count() <= 80), "{text}");
    let count = Profile::Standalone.built().len();
    assert!(text.contains(&format!("{count} of {count} daemons run")) && text.contains("self-play 24/80 games ▕██"), "{text}");
    assert!(text.lines().next().is_some_and(|l| l.ends_with("vm · standalone · up 2h 10min")), "{text}");
}

#[test]
fn a_cause_is_the_second_line_and_its_consequences_are_one() {
    let mut facts = well();
    let router = unit(&mut facts, "ringrift-event-router.service");
    (router.load_state, router.active_state, router.since_us) = ("masked".into(), "inactive".into(), Some(NOW - 60_000_000));
    for name in
        ["ringrift-auto-export.service", "ringrift-evaluation.service", "ringrift-data-pipeline.service", "ringrift-feedback-loop.service"]
    {
        let unit = unit(&mut facts, name);
        (unit.active_state, unit.start_queued) = ("inactive".into(), true);
    }
    let text = shown(&facts);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].split("  ").next(), Some("● ringrift: running, 1 problem"), "{text}");
    assert!(lines[1].starts_with("✗ EVENT_ROUTER cannot start: its unit is masked"), "{text}");
    assert!(text.contains("→ systemctl unmask ringrift-event-router.service"), "{text}");
    assert!(text.contains("4 wait for it: "), "{text}");
    assert!(!text.contains('…') && lines.iter().all(|l| l.chars().count() <= 80), "{text}");
}

#[test]
fn a_reason_is_wrapped_and_never_cut() {
    let mut facts = well();
    facts.config.errors = (1..=3)
        .map(|n| format!("/etc/ringrift/conf.d/90-mine.yaml:{n}:3: limits.nonsense: unknown key; allowed are per_node and cluster"))
        .collect();
    facts.config.first_file = Some("/etc/ringrift/conf.d/90-mine.yaml".into());
    let text = shown(&facts);
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("✗ The configuration on disk is invalid") && words.contains("90-mine.yaml has 3 errors"), "{text}");
    assert!(words.contains("90-mine.yaml:3:3: limits.nonsense: unknown key; allowed are per_node and cluster"), "{text}");
    assert!(words.contains("→ ringrift config check") && !text.contains('…'), "{text}");
}
