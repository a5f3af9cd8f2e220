//! What packaging repeats from the source stands there as it stands in the source.
use ringrift::contract::{messages, paths};
use std::collections::BTreeSet;

const CATALOG: &str = include_str!("../packaging/catalog/ringrift.catalog");
const FOLDERS: &str = include_str!("../packaging/tmpfiles.d/ringrift.conf");

/// Each message that an operator must act on has its text under its id and name, and no text is left over.
#[test]
fn the_catalog_has_every_message_and_no_other() {
    let mut texts = BTreeSet::new();
    for id in CATALOG.lines().filter_map(|line| line.strip_prefix("-- ")) {
        assert!(texts.insert(id), "{id} twice");
    }
    let messages: BTreeSet<_> = messages::ALL.iter().map(|message| message.id).collect();
    assert_eq!(texts, messages);
}

/// Directories that no unit owns are made by tmpfiles.d, under the paths that the programs use.
#[test]
fn shared_folders_are_made() {
    let made: BTreeSet<_> = FOLDERS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    for path in [
        paths::RUN,
        paths::CONTROL,
        paths::MASTER_PID,
        paths::STATE,
        paths::FAILURES,
        paths::ARTEFACTS,
        paths::CURRENT_MODELS,
    ] {
        assert!(made.contains(path), "packaging/tmpfiles.d/ringrift.conf does not make {path}");
    }
}

/// ringrift-workload(7) shows the table that results are checked against, as it is.
#[test]
fn the_manual_shows_the_results_schema() {
    let page = include_str!("../packaging/man/ringrift-workload.7");
    let expected = ringrift::contract::results::manual();
    assert!(page.contains(&expected), "between the metrics and HOW IT ENDS the page has to say:\n{expected}");
}

/// Each manual page that a unit names is written by hand or generated.
#[test]
fn units_name_manual_pages_that_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = BTreeSet::new();
    for unit in std::fs::read_dir(root.join("units")).expect("units").flatten().filter(|e| e.path().is_file()) {
        let text = std::fs::read_to_string(unit.path()).expect("a unit");
        named.extend(text.lines().filter_map(|line| line.strip_prefix("Documentation=man:")).map(str::to_owned));
    }
    for page in named {
        let file = page.replace('(', ".").replace(')', "");
        assert!(
            file == "ringrift-daemons.8" || root.join("packaging/man").join(&file).exists(),
            "no manual page {page}"
        );
    }
}
