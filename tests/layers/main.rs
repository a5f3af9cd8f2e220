//! The layers: which of our folders and which third-party crates each folder of `src` may use. DESIGN's layout, as a
//! test.
mod graph;
mod sources;
mod texts;
mod times;

use sources::{is_test, root, shipped, sources};
use std::collections::BTreeSet;
use std::path::Path;

/// What a folder may use beside itself: a row of the table in ARCHITECTURE.md.
struct Layer {
    folder: String,
    /// Our modules.
    ours: Vec<String>,
    /// Whether it may touch files, sockets, processes, threads or the clock.
    effects: bool,
}

impl Layer {
    fn crates(&self) -> &'static [&'static str] {
        CRATES.iter().find(|(folder, _)| *folder == self.folder).map_or(&[], |(_, crates)| crates)
    }
    fn owns(&self, file: &str) -> bool {
        file.starts_with(&format!("{}/", self.folder)) && !is_test(file)
    }
}

/// Data, errors and logging: no layer is the wrong one for them.
const PLAIN: [&str; 4] = ["serde", "serde_json", "thiserror", "anyhow"];

/// Third-party crates that a folder may name.
const CRATES: &[(&str, &[&str])] = &[
    ("contract", &["uuid", "strsim", "serde_path_to_error"]),
    (
        "platform",
        // An adapter a file; see `an_adapter_knows_one_thing`.
        &[
            "futures_util",
            "http_body_util",
            "hyper",
            "hyper_util",
            "nix",
            "nvml_wrapper",
            "rusqlite",
            "saphyr_parser",
            "sd_notify",
            "serde_path_to_error",
            "serde_yaml",
            "sha2",
            "sysinfo",
            "tokio",
            "tracing",
            "tracing_journald",
            "tracing_subscriber",
            "uuid",
            "zbus",
            "zbus_systemd",
        ],
    ),
    ("runtime", &["tracing"]),
    ("daemons", &["prometheus_client", "tracing"]),
    ("router", &["clap", "memchr", "nix", "rusqlite", "serde_path_to_error", "sha2", "tokio", "tracing"]),
    ("coordinator", &["clap", "nix", "rusqlite", "sha2", "tracing"]),
    ("master", &["clap", "nix", "rusqlite", "tokio", "tracing", "zbus"]),
    ("jobrunner", &["clap", "nix", "sha2", "tracing"]),
    ("failure", &["clap", "tracing"]),
    ("starts", &["clap", "tokio", "tracing"]),
    ("cli", &["anstyle", "clap", "clap_complete", "clap_mangen", "comfy_table", "indicatif", "jiff"]),
];

/// "Where things are" in ARCHITECTURE.md.
fn table() -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"))
        .expect("ARCHITECTURE.md");
    let section = text.split("\n## Where things are\n").nth(1).expect("the table");
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The rules: the table "Where things are". Its last column names modules, `nothing of ours`, and `no I/O` behind a
/// semicolon.
fn layers() -> Vec<Layer> {
    let mut layers = Vec::new();
    for line in table().lines().filter(|line| line.starts_with("| `src/")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [folders, _, rule] = cells[..] else { panic!("not a row of three cells: {line}") };
        let (may, limits) = rule.split_once(';').unwrap_or((rule, ""));
        let name = |word: &str| word.trim().trim_matches('`').to_owned();
        let ours: Vec<String> =
            if may.trim() == "nothing of ours" { Vec::new() } else { may.split(',').map(name).collect() };
        if rule.is_empty() {
            continue;
        }
        for folder in
            folders.split(',').map(name).filter(|folder| !root().join(&folder[4..]).join("Cargo.toml").exists())
        {
            let folder = folder[4..].to_owned();
            assert!(root().join(&folder).is_dir(), "ARCHITECTURE.md has a rule for src/{folder}, which is not there");
            layers.push(Layer { folder, ours: ours.clone(), effects: limits.trim() != "no I/O" });
        }
    }
    assert!(layers.len() >= 13, "ARCHITECTURE.md has {} rules", layers.len());
    for layer in &layers {
        for module in &layer.ours {
            let known = layers.iter().any(|l| l.folder == *module.split("::").next().unwrap_or_default());
            assert!(known, "ARCHITECTURE.md lets src/{} use {module}, which is no folder of the table", layer.folder);
        }
    }
    layers
}

/// What does not keep the rules yet: the file, and a part of what the test says about it. A line that is no longer
/// needed fails the test, so the list only shrinks.
const DEBTS: &[(&str, &str)] = &[];

/// Fails with what is wrong beyond the debts of this kind, and with debts that are paid.
fn settle(wrong: Vec<String>, kind: &str) {
    let owed = |line: &String| {
        DEBTS.iter().any(|(file, what)| line.starts_with(&format!("src/{file} ")) && line.contains(what))
    };
    let left: Vec<&String> = wrong.iter().filter(|line| !owed(line)).collect();
    assert!(left.is_empty(), "{}", left.iter().map(|l| l.as_str()).collect::<Vec<_>>().join("\n"));
    for (file, what) in DEBTS.iter().filter(|(_, what)| what.contains(kind)) {
        let still = wrong.iter().any(|line| line.starts_with(&format!("src/{file} ")) && line.contains(what));
        assert!(still, "src/{file} keeps the rule now ({what}); take its line out of DEBTS");
    }
}

/// Third-party crates of Cargo.toml, as code names them.
fn third_party() -> BTreeSet<String> {
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("Cargo.toml");
    let section =
        manifest.split("\n[dependencies]\n").nth(1).expect("dependencies").split("\n[").next().unwrap_or_default();
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().trim().replace('-', "_");
    section.lines().filter(|l| !l.trim_start().starts_with('#')).map(name).filter(|n| !n.is_empty()).collect()
}

/// Names that stand before `::` in the code, with a border before them.
fn names(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let before = &code[..at];
        let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |i| i + 1);
        if !before[..start].ends_with("::") {
            found.insert(&before[start..]);
        }
    }
    found
}

/// Our modules that the code names, `master::guard` with its second part where the rule has one.
fn ours(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let path: String =
            code[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        found.insert(path);
    }
    found
}

#[test]
fn each_folder_uses_only_what_is_below_it() {
    let (third, sources) = (third_party(), sources());
    let mut wrong = Vec::new();
    for layer in layers() {
        for (name, text) in sources.iter().filter(|(n, _)| layer.owns(n)) {
            let code = shipped(text);
            for path in ours(&code) {
                let allowed = |module: &String| path == *module || path.starts_with(&format!("{module}::"));
                if !allowed(&layer.folder) && !layer.ours.iter().any(allowed) {
                    wrong.push(format!(
                        "src/{name} uses crate::{path}; {} may use {}",
                        layer.folder,
                        layer.ours.join(", ")
                    ));
                }
            }
            for found in names(&code).into_iter().filter(|n| third.contains(*n)) {
                if !PLAIN.contains(&found) && !layer.crates().contains(&found) {
                    wrong.push(format!(
                        "src/{name} uses the crate {found}; {} may use {}",
                        layer.folder,
                        layer.crates().join(", ")
                    ));
                }
            }
        }
    }
    settle(wrong, "the crate");
}

#[test]
fn pure_folders_have_no_effects() {
    let effects = [
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UnixStream",
        "UnixListener",
        "UdpSocket",
        "process::Command",
        "process::exit",
        "std::thread",
        "std::env::",
        "SystemTime::now",
        "Instant::now",
        "println!",
    ];
    let mut wrong = Vec::new();
    for layer in layers().iter().filter(|l| !l.effects) {
        for (name, text) in sources().iter().filter(|(n, _)| layer.owns(n)) {
            let code = shipped(text);
            let found = effects.iter().filter(|e| code.contains(**e));
            wrong.extend(found.map(|e| format!("src/{name} has the effect {e}; {} touches nothing", layer.folder)));
        }
    }
    settle(wrong, "the effect");
}

#[test]
fn a_daemon_knows_no_other_daemon() {
    let sources = sources();
    let daemons: Vec<&(String, String)> =
        sources.iter().filter(|(n, _)| n.starts_with("daemons/") && !n.ends_with("/mod.rs")).collect();
    let module = |name: &str| name.trim_end_matches(".rs").replace('/', "::");
    let types: Vec<String> = daemons.iter().map(|(n, _)| module(n)).collect();
    for (name, text) in &daemons {
        let code = shipped(text);
        for other in
            types.iter().filter(|t| **t != module(name) && t.split("::").count() == 3 && is_daemon(&sources, t))
        {
            assert!(
                !code.contains(&format!("crate::{other}")),
                "src/{name} uses {other}: a daemon never uses another daemon"
            );
        }
    }
}

/// Whether a module of `daemons` implements the trait; others are shared helpers.
fn is_daemon(sources: &[(String, String)], module: &str) -> bool {
    let file = module.replace("::", "/") + ".rs";
    sources.iter().any(|(n, text)| *n == file && text.contains("impl Daemon for"))
}

#[test]
fn an_adapter_knows_one_thing() {
    // Crates that talk to the outside; zbus_systemd is the typed half of zbus, futures_util and tokio carry its
    // streams; hyper_util and http_body_util are the other halves of hyper.
    let outside = [
        "hyper",
        "nvml_wrapper",
        "rusqlite",
        "saphyr_parser",
        "sd_notify",
        "serde_yaml",
        "sysinfo",
        "tracing_journald",
        "zbus",
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(n, _)| n.starts_with("platform/") && !is_test(n)) {
        let code = shipped(text);
        let used: Vec<&str> = names(&code).into_iter().filter(|n| outside.contains(n)).collect();
        if used.len() > 1 {
            wrong.push(format!("src/{name} adapts {}: one third-party crate a file", used.join(" and ")));
        }
    }
    settle(wrong, "adapts");
}

#[test]
fn programs_are_one_line() {
    for (name, text) in sources().iter().filter(|(n, _)| n.starts_with("bin/")) {
        let lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with("//!")).count();
        assert!(lines <= 3, "src/{name} has {lines} lines of code; everything else belongs into the library");
        let foreign: Vec<&str> =
            names(text).into_iter().filter(|n| !["ringrift", "std", "process"].contains(n) && !n.is_empty()).collect();
        assert!(
            foreign.iter().all(|n| n.chars().next().is_some_and(char::is_uppercase)),
            "src/{name} uses {foreign:?}"
        );
    }
}

#[test]
fn every_file_says_what_it_owns_and_is_short() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("src/{name} does not open with a //! sentence on what it owns"));
        }
        let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
        if !is_test(&name) && lines > 400 {
            wrong.push(format!("src/{name} has {lines} lines; 400 is the most, split it"));
        }
    }
    settle(wrong, "lines");
}

/// A job may put a link, a FIFO or another's file under any name of its directory. Whoever knows where those files lie
/// and is not the job itself opens them through `platform/job_files.rs`.
#[test]
fn files_of_jobs_have_one_opener() {
    let opening = ["File::open", "File::options", "OpenOptions", "fs::read", "fs::copy", "openat("];
    for (name, text) in
        sources().iter().filter(|(n, _)| !n.starts_with("jobrunner/") && !n.starts_with("platform/job_files"))
    {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let knows = ["paths::JOBS", "attempt_name(", ".shown("].iter().any(|word| code.contains(word));
        let opens: Vec<&&str> = opening.iter().filter(|word| code.contains(**word)).collect();
        assert!(
            !knows || opens.is_empty(),
            "src/{name} knows where jobs' files lie and uses {opens:?}; use platform::job_files"
        );
    }
}

/// Each of these moves a thing that is there already, and is no file that is written.
const MOVES: [&str; 9] = [
    "platform/replace.rs",
    "platform/models.rs",
    "platform/report.rs",
    "platform/catalog/files.rs",
    "platform/catalog/inspect.rs",
    "platform/store/quarantine.rs",
    "platform/store/snapshot.rs",
    "coordinator/folders.rs",
    "jobrunner/attempt.rs",
];

#[test]
fn files_are_replaced_in_one_place() {
    let files = sources();
    let renaming: Vec<&str> = files
        .iter()
        .filter(|(name, text)| !is_test(name) && shipped(text).contains("rename("))
        .map(|(name, _)| name.as_str())
        .collect();
    for name in &renaming {
        assert!(MOVES.contains(name), "src/{name} renames; use platform::replace to write a file");
    }
    for name in MOVES {
        assert!(renaming.contains(&name), "src/{name} renames nothing any more; take it out of MOVES");
    }
}

/// A permission that nobody uses is given by nobody's decision.
#[test]
fn every_permitted_crate_is_used() {
    let files = sources();
    for (folder, crates) in CRATES {
        let code: Vec<String> = files
            .iter()
            .filter(|(name, _)| name.starts_with(&format!("{folder}/")))
            .map(|(_, text)| text.clone())
            .collect();
        for wanted in *crates {
            let used = code.iter().any(|text| names(text).contains(wanted) || text.contains(&format!("use {wanted};")));
            assert!(used, "src/{folder} does not use {wanted}; take it out of CRATES");
        }
    }
}

/// A thread that panics must not leave a program that looks alive: `platform::threads` says what becomes of it.
#[test]
fn threads_are_started_in_one_place() {
    for (name, text) in sources().iter().filter(|(name, _)| !is_test(name) && name != "platform/threads.rs") {
        let code = shipped(text);
        for way in ["thread::spawn", "thread::Builder"] {
            assert!(!code.contains(way), "src/{name} uses {way}; use platform::threads");
        }
    }
}

#[test]
fn every_folder_is_known() {
    let table = table();
    for entry in std::fs::read_dir(root()).expect("src") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let package = |path: &std::path::Path| path.join("Cargo.toml").exists();
        let packages =
            || std::fs::read_dir(&path).expect("a folder").any(|entry| package(&entry.expect("an entry").path()));
        let known =
            !path.is_dir() || package(&path) || packages() || name == "bin" || table.contains(&format!("`src/{name}`"));
        assert!(known, "src/{name} has no layer; add it to the table in ARCHITECTURE.md");
    }
}

/// One place says what follows from an error of SQLite; whoever sorts codes himself forgets one.
#[test]
fn errors_of_sqlite_are_sorted_in_one_place() {
    let elsewhere = |name: &str| !name.starts_with("platform/store/") && name != "platform/space.rs" && !is_test(name);
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| elsewhere(name) && shipped(text).contains("ErrorCode::"))
        .map(|(name, _)| format!("src/{name} sorts errors by their code; platform::store::sort does that"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The status of a work item changes in one place, which asks the table of what may follow what.
#[test]
fn status_of_work_is_written_in_one_place() {
    let writer = "coordinator/transition.rs";
    for (name, text) in sources().iter().filter(|(name, _)| name != writer && !is_test(name)) {
        let code = shipped(text).split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let updates = code.match_indices("update work").map(|(at, _)| &code[at..]);
        let sets = |update: &str| update.split(" where ").next().is_some_and(|set| set.contains("status"));
        assert!(
            !updates.into_iter().any(sets),
            "src/{name} changes the status of work; use coordinator::transition::set"
        );
        assert!(!code.contains("insert into work ("), "src/{name} makes an item; use coordinator::transition::queue");
        let listed = code.contains("in ('pending'") && name != "coordinator/schema.rs";
        assert!(
            !listed,
            "src/{name} lists the statuses of items that have not ended; use coordinator::transition::ACTIVE"
        );
    }
}
