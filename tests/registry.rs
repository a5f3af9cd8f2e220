//! The registry and the tree agree: every built daemon has program, unit, configuration section and manual line; no orphans.
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
const OTHER_PROGRAMS: [&str; 1] = ["ringrift"];

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
    let mut wanted: BTreeSet<String> = built().map(|s| s.daemon.binary()).collect();
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
    let done =
        std::process::Command::new(env!("CARGO_BIN_EXE_ringrift")).args(["generate", "man"]).arg(folder.path()).status().expect("runs");
    assert!(done.success());
    let page = std::fs::read_to_string(folder.path().join("ringrift-daemons.8")).expect("the page");
    for spec in built() {
        assert!(page.contains(&format!(".B {}\n", spec.name)), "{} has no line in ringrift-daemons(8)", spec.name);
    }
    for process in PROCESSES {
        assert!(page.contains(&process.binary.replace('-', "\\-")), "{} has no line in ringrift-daemons(8)", process.binary);
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
    let made: Vec<&str> = tmpfiles.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_whitespace().nth(1)).collect();
    for file in ringrift::units::generate() {
        for line in file.text.lines() {
            if let Some(units) = line.strip_prefix("Requires=") {
                // The oneshot that makes a start of the suite fail ends by itself; nothing goes down with it.
                let may = |u: &str| u.ends_with(".socket") || u == "ringrift-up.service";
                assert!(units.split(' ').all(may), "{}: {line}", file.name);
            }
            if let Some(paths) = line.strip_prefix("ReadWritePaths=") {
                for path in paths.split(' ') {
                    assert!(made.contains(&path), "{} writes {path}, which packaging/tmpfiles.d/ringrift.conf does not make", file.name);
                }
            }
        }
    }
}

#[test]
fn every_reference_between_units_is_to_a_unit_that_is_there() {
    let units: BTreeSet<String> = ringrift::units::generate().into_iter().map(|f| f.name).collect();
    let keys =
        ["Wants=", "Requires=", "After=", "PartOf=", "Sockets=", "Service=", "ReloadPropagatedFrom=", "StopPropagatedFrom=", "Slice="];
    for file in ringrift::units::generate() {
        for line in file.text.lines() {
            let Some(list) = keys.iter().find_map(|k| line.strip_prefix(k)) else { continue };
            for unit in list.split(' ').filter(|u| u.starts_with("ringrift")) {
                assert!(units.contains(unit), "{}: {line}: there is no {unit}", file.name);
            }
        }
    }
}
