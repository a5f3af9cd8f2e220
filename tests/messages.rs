//! The journal's catalog explains every message id that the programs send, and no other.
use ringrift::contract::messages::ALL;
use ringrift::contract::problem::Code;
use std::collections::BTreeSet;

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
