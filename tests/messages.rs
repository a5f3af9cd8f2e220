//! The journal's catalog explains every message id that the programs send, and no other.
use ringrift::contract::error::STATUS_EXITS;
use ringrift::contract::messages::ALL;
use ringrift::contract::problem::{Code, Severity};
use std::collections::BTreeSet;

const ALERTS: &str = include_str!("../packaging/prometheus/problem_alerts.yml");

const CATALOG: &str = include_str!("../packaging/catalog/ringrift.catalog");
/// Generated from the table of codes.
const PROBLEMS: &str = include_str!("../packaging/catalog/ringrift-problems.catalog");

#[test]
fn every_code_of_a_problem_has_its_entry() {
    let explained: Vec<&str> = PROBLEMS.lines().filter_map(|l| l.strip_prefix("-- ")).collect();
    let codes: Vec<&str> = Code::all().iter().map(|entry| entry.message_id).collect();
    assert_eq!(explained, codes);
    for entry in Code::all() {
        assert!(PROBLEMS.contains(&format!("Subject: {}: {}", entry.name, entry.subject)), "{}", entry.name);
        assert!(ringrift::contract::problem::page().contains(&entry.name.replace('-', "\\-")), "{}", entry.name);
    }
}

/// Everything that a code is known by comes from its line in the table. Each has an alert on its metric, and what is
/// broken pages whatever the code: one that is usually less has a second alert for that.
#[test]
fn every_code_has_its_alert_and_what_is_broken_always_pages() {
    let rules: Vec<&str> = ALERTS.split("      - alert: ").skip(1).collect();
    let wanted: Vec<_> = Code::all()
        .iter()
        .flat_map(|entry| {
            let usual = (entry, String::new(), entry.severity == Severity::Broken);
            let worse = (entry, ",severity=\"broken\"".to_owned(), true);
            std::iter::once(usual).chain((entry.severity != Severity::Broken).then_some(worse))
        })
        .collect();
    assert_eq!(rules.len(), wanted.len());
    let mut names = BTreeSet::new();
    for (rule, (entry, matching, pages)) in rules.iter().zip(wanted) {
        let line = |key: &str| {
            rule.lines().find_map(|l| l.trim_start().strip_prefix(key)).unwrap_or_default().trim().to_owned()
        };
        assert!(names.insert(rule.lines().next().expect("a name")), "two alerts have one name: {rule}");
        assert_eq!(
            line("expr:"),
            format!("max without (severity) (ringrift_problem{{code=\"{}\"{matching}}}) > 0", entry.name)
        );
        assert_eq!(line("severity:") == "page", pages, "{rule}");
        for key in ["summary:", "description:"] {
            let text: String = serde_json::from_str(&line(key)).unwrap_or_else(|e| panic!("{e}: {rule}"));
            assert!(text.starts_with(if key == "summary:" { entry.subject } else { entry.meaning }), "{text}");
        }
    }
}

/// The manual of the problems has the exit statuses that the verb's page has.
#[test]
fn the_exit_statuses_of_status_are_said_in_one_way() {
    let page = ringrift::contract::problem::page();
    let (_, exits) = page.split_once(".SH EXIT STATUS").expect("a section");
    for (exit, meaning) in STATUS_EXITS {
        assert!(exits.contains(&format!(".B {}\n{meaning}.\n", exit as u8)), "{exits}");
    }
}

#[test]
fn the_catalog_and_the_programs_know_the_same_ids() {
    let explained: Vec<&str> = CATALOG.lines().filter_map(|l| l.strip_prefix("-- ")).map(str::trim).collect();
    let sent: BTreeSet<&str> = ALL.iter().map(|m| m.id).collect();
    assert_eq!(explained.iter().copied().collect::<BTreeSet<_>>(), sent);
    assert_eq!(explained.len(), sent.len(), "an id stands twice");
}

#[test]
fn every_entry_has_a_subject_and_says_what_to_do() {
    for entry in CATALOG.split("\n-- ").skip(1) {
        let body = entry.split_once("\n\n").map_or("", |(_, body)| body);
        assert!(entry.contains("\nSubject: ") && body.lines().count() >= 3, "{entry}");
    }
}
