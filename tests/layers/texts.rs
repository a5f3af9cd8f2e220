//! Texts in the source: who prints them, who decides on them, and what they may not refer to.
use crate::sources::{is_test, root, shipped, sources};
use std::collections::BTreeSet;

/// The file that cleans what is printed, and those that print texts of their own before anything else runs.
const PRINTERS: [&str; 4] = ["platform/terminal.rs", "router/fuzz.rs", "platform/process.rs", "programs.rs"];

/// Text from outside reaches a terminal only through the file that cleans it.
#[test]
fn one_file_prints() {
    let ways = ["print!(", "println!(", "stdout().lock", "stderr().lock", "stdout().write", "stderr().write"];
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(name, _)| !PRINTERS.contains(&name.as_str()) && !is_test(name))
        .filter_map(|(name, text)| Some((name, shipped(text))).filter(|(_, code)| ways.iter().any(|way| code.contains(way))))
        .map(|(name, _)| format!("src/{name} prints; use platform::terminal or cli::out, which clean what they print"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Texts that are told apart by what stands in them, each with the reason why there is no type: the file, a part of the line, the reason.
const READ: &[(&str, &str, &str)] = &[
    ("platform/report.rs", "failed-", "names of files"),
    ("platform/catalog/rebuild.rs", ".json", "names of files"),
    ("platform/host.rs", "some ", "a line of the kernel's"),
    ("platform/config/mod.rs", "RINGRIFT_", "names of variables"),
    ("platform/config/mod.rs", ".params", "paths of keys"),
    ("platform/config/mod.rs", "duplicate", "serde_yaml has words for it and no type"),
    ("platform/systemd/bus.rs", "ringrift", "names of units"),
    ("platform/systemd/bus.rs", "inactive", "systemd's states, with the sub-state behind them"),
    ("platform/systemd/limits.rs", "/run/systemd/system.control/", "paths"),
    ("platform/http/names.rs", ".localhost", "names of hosts"),
    ("units/text.rs", "here.", "a file that this code writes"),
    ("router/prepare.rs", "config_key", "a quick look before the payload is read"),
    ("contract/host.rs", "auto-restart", "systemd's states: auto-restart-queued is one of them"),
    ("contract/problem/codes.rs", "RR-", "names of codes"),
    ("coordination/judge/processes.rs", ".socket", "names of units"),
    ("coordination/hardware.rs", "GH200", "the model's name is all that the driver tells"),
    ("coordination/state.rs", "STOPPED (healthy)", "STATUS= is one text, and this one is said by the runtime alone"),
    ("cli/examples.rs", "ringrift", "lines of a command"),
    ("cli/targets.rs", "resource_targets.", "paths of keys"),
    ("cli/trace/tree.rs", "_FAILED", "names of events"),
    ("cli/trace/tree.rs", "_REJECTED", "names of events"),
    ("cli/units/generate.rs", "ringrift", "names of units, and the head of files that this code writes"),
    ("cli/units/verify.rs", ".service", "names of units"),
    ("cli/units/verify.rs", "Overall exposure", "systemd-analyze prints it and has no other form"),
];

/// A text for people is no fact: whoever decides on one is wrong as soon as somebody words it better, or as soon as another program's
/// words are in it. Reasons, causes and errors have codes, kinds and names.
#[test]
fn nobody_decides_on_a_text() {
    let looks = [".contains(\"", ".starts_with(\"", ".ends_with(\""];
    let texts = ["reason", "why", "error", "message", "detail", "words", "said", "to_string()"];
    let ways = [" == \"", " != \"", ".as_str() == \"", ".strip_prefix(\"", ".find(\"", ".split_once(\""];
    let decides = |line: &str| {
        let compared = || texts.iter().any(|text| ways.iter().any(|way| line.contains(&format!("{text}{way}"))));
        looks.iter().any(|look| line.contains(look)) || compared()
    };
    let helper = |name: &str| is_test(name) || ["daemons/testing.rs", "daemons/pipeline/testdata.rs", "router/fuzz.rs"].contains(&name);
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (name, text) in sources().iter().filter(|(name, _)| !helper(name)) {
        for line in shipped(text).lines().filter(|line| decides(line)) {
            match READ.iter().position(|(file, part, _)| file == name && line.contains(part)) {
                Some(n) => drop(used.insert(n)),
                None => wrong.push(format!("src/{name} decides on a text: {}", line.trim())),
            }
        }
    }
    let unused = READ.iter().enumerate().filter(|(n, _)| !used.contains(n));
    wrong.extend(unused.map(|(_, (file, part, _))| format!("src/{file} has no {part:?} any more; take its line out of READ")));
    assert!(wrong.is_empty(), "{}\nGive the fact a type and decide on that, or name the reason in READ.", wrong.join("\n"));
}

/// `000` to `004`, alone or with what belongs to it: numbers of documents that no reader has. A number with more digits is a number.
fn names_a_document(line: &str) -> bool {
    line.match_indices("00").any(|(at, _)| {
        let bordered = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '.' | ',' | '\\'));
        let digit = line[at + 2..].chars().next().is_some_and(|c| ('0'..='4').contains(&c));
        digit && bordered(line[..at].chars().next_back()) && bordered(line[at + 3..].chars().next().filter(|c| !matches!(c, '.' | ',')))
    })
}

#[test]
fn no_text_refers_to_a_document_that_readers_do_not_have() {
    assert!(["000's guard", "the limits (002), and", "as 004 has it.", "\"004\""].iter().all(|line| names_a_document(line)));
    assert!(["1,000", "0.004", "0o004", "500", "2_000", "x004", "\\000"].iter().all(|line| !names_a_document(line)));
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        wrong.extend(text.lines().filter(|line| names_a_document(line)).map(|line| format!("src/{name}: {}", line.trim())));
    }
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/unified_loop.yaml"] {
        let text = std::fs::read_to_string(root().join("..").join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        wrong.extend(text.lines().filter(|line| names_a_document(line)).map(|line| format!("{page}: {}", line.trim())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
