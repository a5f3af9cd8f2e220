//! The first screen as a terminal of 80 columns shows it.
use super::*;
use crate::contract::facts::Facts;
use crate::contract::host::UnitView;
use crate::contract::registry::Profile;
use crate::coordination::judge;
use crate::coordination::judge::planted::{self, NOW};
use serde_json::json;

/// Everything of the standalone profile runs and is well, and one job runs.
fn well() -> Facts {
    let mut facts = planted::well();
    let running = json!([{ "work_id": "vs4y-9", "work_type": "selfplay", "config_key": "square8_2p", "since_us": NOW - 35_000_000,
        "started": true, "progress": { "done": 24, "total": 80, "unit": "games" } }]);
    *planted::snapshot(&mut facts, "coordinator", "/conditions") = json!({ "running": running });
    *planted::snapshot(&mut facts, "coordinator", "/queue") = json!({ "pending": 0, "claimed": 0, "running": 1 });
    planted::router(&mut facts, "rates", json!({ "published": 1.1, "delivered": 1.0, "acked": 1.0 }));
    facts.machine.memory_percent = Some(25.0);
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
    assert!(
        text.contains(&format!("{count} of {count} daemons run")) && text.contains("self-play 24/80 games ▕██"),
        "{text}"
    );
    assert!(text.lines().next().is_some_and(|l| l.ends_with("vm · standalone · up 2h 10min")), "{text}");
}

#[test]
fn a_cause_is_the_second_line_and_its_consequences_are_one() {
    let mut facts = well();
    let router = unit(&mut facts, "ringrift-event-router.service");
    (router.load_state, router.active_state, router.since_us) =
        ("masked".into(), "inactive".into(), Some(NOW - 60_000_000));
    for name in [
        "ringrift-auto-export.service",
        "ringrift-evaluation.service",
        "ringrift-data-pipeline.service",
        "ringrift-feedback-loop.service",
    ] {
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
        .map(|n| {
            format!(
                "/etc/ringrift/conf.d/90-mine.yaml:{n}:3: limits.nonsense: unknown key; allowed are per_node \
            and cluster"
            )
        })
        .collect();
    facts.config.first_file = Some("/etc/ringrift/conf.d/90-mine.yaml".into());
    let text = shown(&facts);
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("✗ The configuration on disk is invalid") && words.contains("90-mine.yaml has 3 errors"),
        "{text}"
    );
    assert!(
        words.contains("90-mine.yaml:3:3: limits.nonsense: unknown key; allowed are per_node and cluster"),
        "{text}"
    );
    assert!(words.contains("→ ringrift config check") && !text.contains('…'), "{text}");
}
