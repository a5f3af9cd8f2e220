//! The registry and the tree agree: every built daemon has program, unit, configuration section and manual line; no
//! orphans.
use ringrift::contract::registry::{self, DaemonType, PROCESSES, Profile, built};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, suffix: &str) -> BTreeSet<String> {
    let path = root().join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    entries
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
        .collect()
}

/// Services that run the command line for a moment.
const OTHER_SERVICES: [&str; 3] = ["ringrift-emergency", "ringrift-prepare", "ringrift-up"];
/// Programs that are no daemon and no hub.
const OTHER_PROGRAMS: [&str; 2] = ["ringrift", "ringrift-daemon"];

/// The suite does not link the workload, so its version of the rules is written down twice.
#[test]
fn the_suite_and_the_built_in_workload_know_the_same_rules() {
    let source = include_str!("../src/workload/src/game/mod.rs");
    let line = format!("pub const RULES_VERSION: u32 = {};", ringrift::contract::workload::BUILT_IN_RULES);
    assert!(source.contains(&line), "src/workload/src/game/mod.rs has no line {line:?}");
}

#[test]
fn the_registry_is_valid() {
    let report = registry::validate();
    assert_eq!(report.errors, Vec::<String>::new());
}

#[test]
fn every_built_daemon_and_process_has_its_program_and_no_program_is_an_orphan() {
    // Those of the shared library are started by lines of a few kilobytes each, which the packages below src/shared
    // are.
    let own = built().filter(|s| s.program != registry::Program::Shared);
    let mut wanted: BTreeSet<String> = own.map(|s| s.daemon.binary()).collect();
    wanted.extend(PROCESSES.iter().map(|p| p.binary.to_owned()));
    wanted.extend(OTHER_PROGRAMS.map(str::to_owned));
    assert_eq!(files("src/bin", ".rs"), wanted, "programs in src/bin and the registry's");
}

#[test]
fn every_built_daemon_has_its_unit_and_no_service_is_an_orphan() {
    let services = files("units", ".service");
    for spec in built() {
        assert!(services.contains(&spec.daemon.binary()), "units/{} is missing", spec.daemon.unit());
    }
    for service in services.iter().filter(|s| !s.ends_with('@')) {
        let known = DaemonType::of_unit(&format!("{service}.service")).is_some_and(|d| d.spec().is_built());
        assert!(
            known || PROCESSES.iter().any(|p| p.binary == service) || OTHER_SERVICES.contains(&service.as_str()),
            "units/{service}.service belongs to nothing"
        );
    }
}

#[test]
fn every_built_daemon_has_its_line_in_the_manual() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_ringrift"))
        .args(["generate", "man"])
        .arg(folder.path())
        .status()
        .expect("runs");
    assert!(done.success());
    let page = std::fs::read_to_string(folder.path().join("ringrift-daemons.8")).expect("the page");
    for spec in built() {
        assert!(page.contains(&format!(".B {}\n", spec.name)), "{} has no line in ringrift-daemons(8)", spec.name);
    }
    for process in PROCESSES {
        assert!(
            page.contains(&process.binary.replace('-', "\\-")),
            "{} has no line in ringrift-daemons(8)",
            process.binary
        );
    }
}

#[test]
fn every_profile_has_its_target_with_exactly_its_built_members() {
    for profile in Profile::ALL {
        let text = std::fs::read_to_string(root().join("units").join(profile.target())).expect("the target");
        let wants = text.lines().find_map(|l| l.strip_prefix("Wants=")).unwrap_or_default();
        let wanted: BTreeSet<String> = wants.split(' ').map(str::to_owned).collect();
        let members: BTreeSet<String> = profile.built().into_iter().map(|d| d.unit()).collect();
        assert_eq!(wanted, members, "{profile}");
    }
}

#[test]
fn only_sockets_are_required_and_every_path_outside_the_units_own_is_made_by_tmpfiles() {
    let tmpfiles = std::fs::read_to_string(root().join("packaging/tmpfiles.d/ringrift.conf")).expect("the tmpfiles");
    let made: Vec<&str> =
        tmpfiles.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_whitespace().nth(1)).collect();
    for file in ringrift::units::generate() {
        for line in file.text.lines() {
            if let Some(units) = line.strip_prefix("Requires=") {
                // The oneshot that makes a start of the suite fail ends by itself; nothing goes down with it.
                let may = |u: &str| u.ends_with(".socket") || u == "ringrift-up.service";
                assert!(units.split(' ').all(may), "{}: {line}", file.name);
            }
            if let Some(paths) = line.strip_prefix("ReadWritePaths=") {
                for path in paths.split(' ') {
                    assert!(
                        made.contains(&path),
                        "{} writes {path}, which packaging/tmpfiles.d/ringrift.conf does not make",
                        file.name
                    );
                }
            }
        }
    }
}

#[test]
fn every_reference_between_units_is_to_a_unit_that_is_there() {
    let units: BTreeSet<String> = ringrift::units::generate().into_iter().map(|f| f.name).collect();
    let keys = [
        "Wants=",
        "Requires=",
        "After=",
        "PartOf=",
        "Sockets=",
        "Service=",
        "ReloadPropagatedFrom=",
        "StopPropagatedFrom=",
        "Slice=",
    ];
    for file in ringrift::units::generate() {
        for line in file.text.lines() {
            let Some(list) = keys.iter().find_map(|k| line.strip_prefix(k)) else { continue };
            for unit in list.split(' ').filter(|u| u.starts_with("ringrift")) {
                assert!(units.contains(unit), "{}: {line}: there is no {unit}", file.name);
            }
        }
    }
}

/// The code of a file, without its tests.
fn code(file: &std::path::Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The code of all files of a folder.
fn folder(path: &std::path::Path) -> String {
    let entries = std::fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|p| if p.is_dir() { folder(&p) } else { code(&p) }).collect()
}

/// A daemon's own code: its file and those beside it that it names.
fn handler(spec: &registry::DaemonSpec) -> String {
    let file = root().join(spec.declared.place.rsplit_once(':').expect("file:line").0);
    let own = code(&file);
    let beside = std::fs::read_dir(file.parent().expect("a folder"))
        .expect("its folder")
        .map(|entry| entry.expect("an entry").path());
    let named = beside.filter(|path| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        *path != file && (own.contains(&format!("super::{stem}")) || own.contains(&format!("use super::{{{stem}")))
    });
    let mut all: String = named.map(|path| code(&path)).collect();
    // Modules in braces: `use super::{catalog_calls, stage_results as results}`.
    if let Some(list) = own.split("use super::{").nth(1).and_then(|rest| rest.split('}').next()) {
        for name in list.split(',').map(|part| part.trim().split(' ').next().unwrap_or_default()) {
            let path = file.with_file_name(format!("{name}.rs"));
            if path.exists() {
                all += &code(&path);
            }
        }
    }
    own + &all
}

/// Whether the code makes an event of the type.
fn makes(code: &str, event: &str) -> bool {
    code.contains(&format!("::{event} {{"))
        || code.contains(&format!(" {event} {{"))
        || code.contains(&format!("({event} {{"))
}

/// Carries every type alike, so no arm names one.
const ALIKE: [DaemonType; 1] = [DaemonType::CrossProcessPoller];

#[test]
fn every_declared_event_is_made_and_every_input_reaches_an_arm() {
    let mut wrong = Vec::new();
    let wishes = code(&root().join("src/coordination/selfplay.rs"));
    for spec in built().filter(|spec| matches!(spec.program, registry::Program::Shared | registry::Program::Own)) {
        let code = handler(spec);
        let shared = if code.contains("selfplay::{Plan, Wishes}") { wishes.as_str() } else { "" };
        for event in ringrift::contract::events::EventType::ALL {
            let (name, arm) = (format!("{event:?}"), format!("Payload::{event:?}("));
            match (spec.publishes.contains(event), makes(&code, &name)) {
                (true, false) => {
                    wrong.push(format!("{} declares that it publishes {name} and never makes one", spec.name))
                }
                (false, true) => {
                    wrong.push(format!("{} makes {name} and does not declare it in `publishes`", spec.name))
                }
                _ => {}
            }
            let handled = code.contains(&arm) || shared.contains(&arm);
            match (spec.subscribes.contains(event), handled) {
                (true, false) if !ALIKE.contains(&spec.daemon) => {
                    wrong.push(format!("{} subscribes to {name} and no arm handles it", spec.name));
                }
                // What a pipeline hands to its own events is an arm and no subscription.
                (false, true) if code.contains(&arm) && !spec.publishes.contains(event) => {
                    wrong.push(format!("{} has an arm for {name} and does not subscribe to it", spec.name));
                }
                _ => {}
            }
        }
    }
    for process in PROCESSES.iter().filter(|process| !process.publishes.is_empty()) {
        let path = root().join("src").join(process.binary.trim_start_matches("ringrift-"));
        let code = folder(&path);
        for event in process.publishes {
            if !makes(&code, &format!("{event:?}")) {
                wrong.push(format!("{} declares that it publishes {event:?} and never makes one", process.binary));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
