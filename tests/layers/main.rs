//! The layers: which of our folders and which third-party crates each folder of `src` may use. DESIGN's layout, as a test.
mod sources;
mod texts;

use sources::{is_test, root, shipped, sources};
use std::collections::BTreeSet;
use std::path::Path;

struct Layer {
    folder: &'static str,
    /// Our modules that it may name, beside its own.
    ours: &'static [&'static str],
    /// Third-party crates that it may name.
    crates: &'static [&'static str],
    /// Whether it may touch files, sockets, processes, threads or the clock.
    effects: bool,
}

/// Data, errors and logging: no layer is the wrong one for them.
const PLAIN: [&str; 4] = ["serde", "serde_json", "thiserror", "anyhow"];

const LAYERS: &[Layer] = &[
    Layer { folder: "contract", ours: &[], crates: &["uuid", "strsim", "serde_path_to_error"], effects: false },
    Layer { folder: "coordination", ours: &["contract"], crates: &[], effects: false },
    Layer {
        folder: "platform",
        ours: &["contract"],
        // An adapter a file; see `an_adapter_knows_one_thing`.
        crates: &[
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
        effects: true,
    },
    Layer { folder: "runtime", ours: &["contract", "coordination", "platform"], crates: &["nix", "tokio", "tracing"], effects: true },
    Layer { folder: "daemons", ours: &["contract", "coordination", "runtime"], crates: &["prometheus_client", "tracing"], effects: false },
    Layer {
        folder: "router",
        // The delay before a restart on systemd 252 is the same for every process.
        ours: &["contract", "coordination", "platform", "runtime::backoff"],
        crates: &["clap", "memchr", "nix", "rusqlite", "serde_path_to_error", "sha2", "strsim", "tokio", "tracing", "uuid"],
        effects: true,
    },
    Layer {
        folder: "coordinator",
        // The delay before a restart on systemd 252 is the same for every process.
        ours: &["contract", "coordination", "platform", "runtime::backoff"],
        crates: &["clap", "nix", "rusqlite", "sha2", "tokio", "tracing", "uuid"],
        effects: true,
    },
    Layer {
        folder: "master",
        // The delay before a restart on systemd 252 is the same for every process.
        ours: &["contract", "coordination", "platform", "runtime::backoff"],
        crates: &["clap", "futures_util", "nix", "rusqlite", "tokio", "tracing", "zbus"],
        effects: true,
    },
    Layer { folder: "jobrunner", ours: &["contract", "platform"], crates: &["clap", "nix", "sha2", "tokio", "tracing"], effects: true },
    Layer {
        folder: "failure",
        // The master's helper: it leaves what the master's spool reader takes.
        ours: &["contract", "coordination", "platform", "master::link", "master::settings"],
        crates: &["clap", "tokio", "tracing"],
        effects: true,
    },
    Layer { folder: "starts", ours: &["contract", "platform"], crates: &["clap", "tokio", "tracing"], effects: true },
    Layer { folder: "units", ours: &["contract"], crates: &[], effects: false },
    Layer {
        folder: "cli",
        ours: &["contract", "coordination", "platform", "units", "master::guard"],
        crates: &["anstyle", "clap", "clap_complete", "clap_mangen", "comfy_table", "jiff"],
        effects: true,
    },
];

/// What does not keep the rules yet: the file, and a part of what the test says about it. A line that is no longer needed fails
/// the test, so the list only shrinks.
const DEBTS: &[(&str, &str)] = &[];

/// Fails with what is wrong beyond the debts of this kind, and with debts that are paid.
fn settle(wrong: Vec<String>, kind: &str) {
    let owed = |line: &String| DEBTS.iter().any(|(file, what)| line.starts_with(&format!("src/{file} ")) && line.contains(what));
    let left: Vec<&String> = wrong.iter().filter(|line| !owed(line)).collect();
    assert!(left.is_empty(), "{}", left.iter().map(|l| l.as_str()).collect::<Vec<_>>().join("\n"));
    for (file, what) in DEBTS.iter().filter(|(_, what)| what.contains(kind)) {
        let still = wrong.iter().any(|line| line.starts_with(&format!("src/{file} ")) && line.contains(what));
        assert!(still, "src/{file} keeps the rule now ({what}); take its line out of DEBTS");
    }
}

/// Third-party crates of Cargo.toml, as code names them.
fn third_party() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("dependencies").split("\n[").next().unwrap_or_default();
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
        let path: String = code[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        found.insert(path);
    }
    found
}

#[test]
fn each_folder_uses_only_what_is_below_it() {
    let (third, sources) = (third_party(), sources());
    let mut wrong = Vec::new();
    for layer in LAYERS {
        for (name, text) in sources.iter().filter(|(n, _)| n.starts_with(&format!("{}/", layer.folder)) && !is_test(n)) {
            let code = shipped(text);
            for path in ours(&code) {
                let allowed = |module: &&str| path == **module || path.starts_with(&format!("{module}::"));
                if ![layer.folder].iter().chain(layer.ours).any(allowed) {
                    wrong.push(format!("src/{name} uses crate::{path}; {} may use {}", layer.folder, layer.ours.join(", ")));
                }
            }
            for found in names(&code).into_iter().filter(|n| third.contains(*n)) {
                if !PLAIN.contains(&found) && !layer.crates.contains(&found) {
                    wrong.push(format!("src/{name} uses the crate {found}; {} may use {}", layer.folder, layer.crates.join(", ")));
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
    for layer in LAYERS.iter().filter(|l| !l.effects) {
        for (name, text) in sources().iter().filter(|(n, _)| n.starts_with(&format!("{}/", layer.folder)) && !is_test(n)) {
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
    let daemons: Vec<&(String, String)> = sources.iter().filter(|(n, _)| n.starts_with("daemons/") && !n.ends_with("/mod.rs")).collect();
    let module = |name: &str| name.trim_end_matches(".rs").replace('/', "::");
    let types: Vec<String> = daemons.iter().map(|(n, _)| module(n)).collect();
    for (name, text) in &daemons {
        let code = shipped(text);
        for other in types.iter().filter(|t| **t != module(name) && t.split("::").count() == 3 && is_daemon(&sources, t)) {
            assert!(!code.contains(&format!("crate::{other}")), "src/{name} uses {other}: a daemon never uses another daemon");
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
    // Crates that talk to the outside; zbus_systemd is the typed half of zbus, futures_util and tokio carry its streams;
    // hyper_util and http_body_util are the other halves of hyper.
    let outside = ["hyper", "nvml_wrapper", "rusqlite", "saphyr_parser", "sd_notify", "serde_yaml", "sysinfo", "tracing_journald", "zbus"];
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
        let foreign: Vec<&str> = names(text).into_iter().filter(|n| !["ringrift", "std", "process"].contains(n) && !n.is_empty()).collect();
        assert!(foreign.iter().all(|n| n.chars().next().is_some_and(char::is_uppercase)), "src/{name} uses {foreign:?}");
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

/// A job may put a link, a FIFO or another's file under any name of its folder. Whoever knows where those files lie and is not the job
/// itself opens them through `platform/job_files.rs`.
#[test]
fn files_of_jobs_have_one_opener() {
    let opening = ["File::open", "File::options", "OpenOptions", "fs::read", "fs::copy", "openat("];
    for (name, text) in sources().iter().filter(|(n, _)| !n.starts_with("jobrunner/") && !n.starts_with("platform/job_files")) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let knows = ["paths::JOBS", "attempt_name(", ".shown("].iter().any(|word| code.contains(word));
        let opens: Vec<&&str> = opening.iter().filter(|word| code.contains(**word)).collect();
        assert!(!knows || opens.is_empty(), "src/{name} knows where jobs' files lie and uses {opens:?}; use platform::job_files");
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
    for (name, text) in sources() {
        let renames = shipped(&text).contains("rename(");
        assert!(!renames || MOVES.contains(&name.as_str()), "src/{name} renames; use platform::replace to write a file");
    }
}

#[test]
fn every_folder_is_known() {
    for entry in std::fs::read_dir(root()).expect("src") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let known = !path.is_dir() || path.join("Cargo.toml").exists() || name == "bin" || LAYERS.iter().any(|l| l.folder == name);
        assert!(known, "src/{name} has no layer; add it to tests/layers/main.rs and ARCHITECTURE.md");
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
