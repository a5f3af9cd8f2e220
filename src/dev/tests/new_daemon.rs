//! `scripts/new-daemon` in a copy of the tree: three files are by hand, and what it makes compiles and passes its
//! tests.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the tree")
}

/// The files of the tree that git knows or would take.
fn files(root: &Path) -> BTreeSet<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|path| root.join(path).is_file())
        .map(str::to_owned)
        .collect()
}

fn copy(root: &Path) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().expect("a folder");
    for path in files(root) {
        let to = scratch.path().join(&path);
        fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        fs::copy(root.join(&path), to).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    scratch
}

/// Files below `folder` of the copy that are new or differ.
fn changed(root: &Path, scratch: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = path.strip_prefix(scratch).expect("below").to_string_lossy().into_owned();
        if path.is_dir() {
            changed(root, scratch, &path, found);
        } else if fs::read(root.join(&name)).ok() != fs::read(&path).ok() {
            found.insert(name);
        }
    }
}

fn new_daemon(scratch: &Path, arguments: &[&str]) -> Output {
    Command::new(scratch.join("scripts/new-daemon")).args(arguments).output().expect("the script runs")
}

fn succeeds(done: &Output) {
    assert!(
        done.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn three_files_of_a_new_daemon_are_by_hand() {
    let root = root();
    // One that nobody planned, and one whose entry stands in the roster already.
    for (category, name, snake, entry) in [
        ("feedback", "TRIED_OUT", "tried_out", "[TriedOut at feedback::tried_out]"),
        ("sync", "elo-sync", "elo_sync", "[EloSync at sync::elo_sync]"),
    ] {
        let scratch = copy(&root);
        succeeds(&new_daemon(scratch.path(), &["--no-generate", category, name]));
        let mut touched = BTreeSet::new();
        changed(&root, scratch.path(), scratch.path(), &mut touched);
        let module = format!("src/daemons/{category}/mod.rs");
        assert!(touched.remove(&module), "{module} is generated, and compiles from the first");
        let wanted = [
            format!("src/daemons/{category}/{snake}.rs"),
            "src/contract/registry/roster.rs".into(),
            "tests/boot/daemons.rs".into(),
        ];
        assert_eq!(touched, BTreeSet::from(wanted));
        let roster = fs::read_to_string(scratch.path().join("src/contract/registry/roster.rs")).expect("the roster");
        let type_name = &entry[1..entry.find(' ').expect("a name")];
        assert_eq!(roster.matches(&format!("[{type_name} ")).count(), 1, "one line, in place of an entry");
        assert!(roster.contains(entry), "{entry}");
        let again = new_daemon(scratch.path(), &["--no-generate", category, name]);
        assert_eq!(again.status.code(), Some(65), "it already exists");
    }
}

#[test]
fn bad_names_are_refused_before_anything_is_written() {
    let root = root();
    let scratch = copy(&root);
    for (arguments, words) in [
        (&["nowhere", "X"][..], "unknown category nowhere"),
        (&["sync", "no name"], "invalid name"),
        (&["event", "DLQ_RETRY"], "already exists"),
        (&["sync"], "scripts/new-daemon CATEGORY NAME"),
    ] {
        let done = new_daemon(scratch.path(), arguments);
        assert!(!done.status.success());
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let mut touched = BTreeSet::new();
    changed(&root, scratch.path(), scratch.path(), &mut touched);
    assert_eq!(touched, BTreeSet::new());
}

/// Each slip of a declaration is refused while compiling, with the daemon's file and line.
fn contradictions_do_not_compile(file: &Path, check: &dyn Fn() -> Output) {
    let good = fs::read_to_string(file).expect("the daemon");
    for (right, wrong, words) in [
        ("= 100 in", "= 0 in", "setting every is outside of its range"),
        ("&[D::EventRouter]", "&[D::EventRouter, D::TriedOut]", "TriedOut depends on itself"),
        ("&[D::EventRouter]", "&[D::EventRouter, D::AutoSync]", "TriedOut depends on a daemon that is not built"),
        (
            "&[D::EventRouter]",
            "&[D::EventRouter, D::DlqRetry], profiles: &[Profile::Minimal]",
            "TriedOut is in a profile without",
        ),
        ("E::NewGamesAvailable]", "E::NoSuchEvent]", "NoSuchEvent"),
        ("D::EventRouter", "D::NoSuchDaemon", "NoSuchDaemon"),
    ] {
        assert!(good.contains(right), "{right}");
        fs::write(file, good.replacen(right, wrong, 1)).expect("written");
        let done = check();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            !done.status.success() && said.contains(words) && said.contains("src/daemons/feedback/tried_out.rs:"),
            "{wrong}: {said}"
        );
    }
    fs::write(file, good).expect("written");
}

/// Minutes: the library is compiled twice. `scripts/torture` runs it.
#[test]
#[ignore = "compiles the suite anew"]
fn what_it_makes_compiles_and_passes_its_tests() {
    let scratch = copy(&root());
    // Only for the tests of the skeleton: dependencies are compiled once more, and nothing of this build is touched.
    let target = root().join("target/new-daemon");
    let cargo = |arguments: &[&str]| {
        Command::new("cargo")
            .args(arguments)
            .current_dir(scratch.path())
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .expect("cargo runs")
    };
    let made = Command::new(scratch.path().join("scripts/new-daemon"))
        .args(["feedback", "TRIED_OUT"])
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .expect("the script runs");
    succeeds(&made);
    for file in ["src/bin/ringrift-tried-out.rs", "units/ringrift-tried-out.service"] {
        assert!(scratch.path().join(file).exists(), "{file}");
    }
    let configuration = fs::read_to_string(scratch.path().join("config/unified_loop.yaml")).expect("the configuration");
    assert!(
        configuration
            .contains("#    # New games after which it says how many came, 1 to 1,000,000.\n#    every: 100\n")
    );
    succeeds(&cargo(&["test", "--offline", "--lib", "tried_out"]));
    succeeds(&cargo(&["test", "--offline", "--package", "ringrift-dev", "--test", "generated"]));
    contradictions_do_not_compile(&scratch.path().join("src/daemons/feedback/tried_out.rs"), &|| {
        cargo(&["check", "--offline", "--lib"])
    });
    succeeds(&cargo(&["test", "--offline", "--test", "registry", "--test", "config", "--test", "layers"]));
}
