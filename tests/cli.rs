//! The command line as a program: exit codes, JSON, errors that name the next step, and no bus where none is.
use ringrift::contract::registry::{self, Category, DaemonType};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Runs it without a bus, with a configuration and /run of its own.
fn ringrift(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringrift"))
        .args(arguments)
        .env_clear()
        .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", folder.join("no-bus").display()))
        .env("RINGRIFT_RUN", folder.join("run"))
        .env("RINGRIFT_ETC", folder.join("etc"))
        .env("RINGRIFT_SHARE", folder.join("share"))
        .output()
        .expect("runs")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("etc")).expect("etc");
    folder
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", out(output)))
}

/// A pipe whose reader has gone away.
fn closed() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer
}

#[test]
fn a_closed_stdout_or_stderr_is_no_panic() {
    let folder = folder();
    for words in [
        &["registry", "list"] as &[&str],
        &["status"],
        &["no-such-verb"],
        &["jobs", "list"],
        &["daemon", "start", "AUTO_EXPORT"],
        &["--help"],
    ] {
        let quiet = |out: bool, err: bool| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift"));
            command
                .args(words)
                .env("RINGRIFT_RUN", folder.path().join("run"))
                .env("RINGRIFT_ETC", folder.path().join("etc"));
            command.env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", folder.path().join("no-bus").display()));
            let stdio = |gone: bool| if gone { closed().into() } else { std::process::Stdio::null() };
            command.stdout(stdio(out)).stderr(stdio(err)).status().expect("runs").code()
        };
        let whole = quiet(false, false);
        assert_ne!(whole, Some(101), "{words:?}");
        assert_eq!(quiet(false, true), whole, "{words:?} with a closed stderr");
        assert!(quiet(true, true).is_some_and(|code| code != 101), "{words:?} with both closed");
    }
    for program in [
        env!("CARGO_BIN_EXE_ringrift-job-runner"),
        env!("CARGO_BIN_EXE_ringrift-event-router"),
        env!("CARGO_BIN_EXE_ringrift-failure"),
    ] {
        let ended =
            Command::new(program).arg("--no-such-option").stdout(closed()).stderr(closed()).status().expect("runs");
        assert!(ended.code().is_some_and(|code| code != 101), "{program}: {ended}");
    }
}

#[test]
fn the_registrys_health_is_in_the_words_of_the_original() {
    let folder = folder();
    let done = ringrift(folder.path(), &["registry", "health"]);
    assert_eq!(done.status.code(), Some(0));
    let original: Vec<_> = registry::all().filter(|s| s.daemon.is_original()).collect();
    let deprecated = original.iter().filter(|s| s.is_deprecated()).count();
    let words = format!(
        "Healthy: True, {} daemon types ({} active, {deprecated} deprecated)",
        original.len(),
        original.len() - deprecated
    );
    assert!(out(&done).starts_with(&words), "{}", out(&done));
}

#[test]
fn json_has_a_schema_and_no_colour_even_when_colour_is_wanted() {
    let folder = folder();
    let deprecated = registry::all().filter(|s| s.is_deprecated()).count();
    let counts = [("daemons", DaemonType::ALL.len()), ("deprecated", deprecated), ("categories", Category::ALL.len())];
    for (verb, (name, count)) in ["list", "deprecated", "categories"].into_iter().zip(counts) {
        let value = json(&ringrift(folder.path(), &["registry", verb, "--json", "--color=always"]));
        assert_eq!(value["schema"], 1);
        assert_eq!(value[name].as_array().map(Vec::len), Some(count), "registry {verb}");
    }
    let order = json(&ringrift(folder.path(), &["registry", "order", "--json"]));
    let placed: Vec<u64> =
        order["order"].as_array().expect("a list").iter().filter_map(|d| d["position"].as_u64()).collect();
    let places = registry::all().filter(|s| s.order.is_some()).count() as u64;
    assert_eq!(placed, (1..=places).collect::<Vec<_>>());
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let folder = folder();
    assert!(!out(&ringrift(folder.path(), &["registry", "list"])).contains('\x1b'));
    assert!(out(&ringrift(folder.path(), &["registry", "list", "--color=always"])).contains('\x1b'));
}

#[test]
fn unknown_names_are_answered_with_the_nearest_and_a_next_step() {
    let folder = folder();
    for (arguments, nearest, next) in [
        (&["daemon", "start", "auto_xport"][..], "AUTO_EXPORT", "ringrift registry list"),
        (&["profile", "show", "standalon"], "standalone", "ringrift profile list"),
        (&["registry", "list", "--category", "pipline"], "pipeline", "ringrift registry categories"),
        (&["events", "tail", "--type", "NEW_GAME_AVAILABLE"], "NEW_GAMES_AVAILABLE", "external.NAME"),
        (&["config", "show", "daemons.auto_exprt"], "daemons.auto_export", "ringrift config show"),
    ] {
        let done = ringrift(folder.path(), arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(err(&done).contains(nearest) && err(&done).contains(next), "{arguments:?}: {}", err(&done));
        assert_eq!(out(&done), "", "{arguments:?}");
    }
}

#[test]
fn a_planned_daemon_cannot_be_started_and_a_deprecated_name_warns() {
    let folder = folder();
    let done = ringrift(folder.path(), &["daemon", "start", "ephemeral-sync"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        err(&done).contains("EPHEMERAL_SYNC is deprecated: use AUTO_SYNC with strategy ephemeral"),
        "{}",
        err(&done)
    );
    assert!(err(&done).contains("AUTO_SYNC is planned"), "{}", err(&done));
}

#[test]
fn a_wrong_key_is_named_with_file_line_and_column_and_exit_78() {
    let folder = folder();
    let file = folder.path().join("etc/unified_loop.yaml");
    std::fs::write(&file, "daemons:\n  auto_export:\n    threshold_gamez: 5\n").expect("writes");
    let done = ringrift(folder.path(), &["config", "check"]);
    assert_eq!(done.status.code(), Some(78));
    let text = out(&done);
    assert!(
        text.contains("unified_loop.yaml:3:5: daemons.auto_export.threshold_gamez") && text.contains("threshold_games"),
        "{text}"
    );
    let value = json(&ringrift(folder.path(), &["config", "check", "--json"]));
    assert_eq!(value["config"]["valid"], false);
    assert_eq!(value["config"]["errors"][0]["line"], 3);
    // Nothing that needs a valid configuration continues with a guess.
    assert_eq!(ringrift(folder.path(), &["config", "show"]).status.code(), Some(78));
    assert_eq!(ringrift(folder.path(), &["config", "reload"]).status.code(), Some(78));
}

#[test]
fn config_show_tells_each_values_origin() {
    let folder = folder();
    std::fs::write(folder.path().join("etc/unified_loop.yaml"), "daemons:\n  auto_export:\n    threshold_games: 70\n")
        .expect("writes");
    std::fs::write(folder.path().join("etc/environment"), "RINGRIFT_DAEMON_RESTART_MAX=7\n").expect("writes");
    let shown = json(&ringrift(folder.path(), &["config", "show", "--changed", "--json"]));
    let keys = shown["config"].as_array().expect("a list");
    let find = |key: &str| keys.iter().find(|k| k["key"] == key).unwrap_or_else(|| panic!("{key} in {keys:?}"));
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(find("daemons.auto_export.threshold_games")["value"], 70);
    assert!(
        find("daemons.auto_export.threshold_games")["origin"]
            .as_str()
            .expect("a text")
            .ends_with("unified_loop.yaml:3")
    );
    assert!(find("runtime.restart_max")["origin"].as_str().expect("a text").contains("RINGRIFT_DAEMON_RESTART_MAX"));
    // What only a unit can do is written as a drop-in, and taken away when it is no longer wanted.
    let dest = folder.path().join("systemd");
    std::fs::create_dir(&dest).expect("a folder");
    let generate = ["units", "generate", "--drop-ins", "--dest", dest.to_str().expect("a text")];
    assert_eq!(ringrift(folder.path(), &generate).status.code(), Some(0));
    let drop_in = dest.join("ringrift-.service.d/60-configuration.conf");
    assert!(std::fs::read_to_string(&drop_in).expect("written").contains("StartLimitBurst=8"));
    std::fs::remove_file(folder.path().join("etc/environment")).expect("removes");
    assert_eq!(ringrift(folder.path(), &generate).status.code(), Some(0));
    assert!(!drop_in.exists());
}

#[test]
fn units_are_written_once_compared_and_stale_ones_removed() {
    let folder = folder();
    let dest = folder.path().join("units");
    std::fs::create_dir(&dest).expect("a folder");
    let dir = dest.to_str().expect("a text");
    std::fs::write(dest.join("mine.service"), "[Unit]\n").expect("writes");
    std::fs::write(dest.join("ringrift-gone.service"), "# Generated from the registry by `ringrift units generate`.\n")
        .expect("writes");
    let first = json(&ringrift(folder.path(), &["units", "generate", "--dest", dir, "--json"]));
    let changes = |value: &Value, what: &str| {
        value["files"].as_array().expect("a list").iter().filter(|f| f["change"] == what).count()
    };
    assert_eq!(changes(&first, "written"), ringrift::units::generate().len());
    assert_eq!(changes(&first, "removed"), 1);
    assert!(dest.join("mine.service").exists());
    let again = json(&ringrift(folder.path(), &["units", "generate", "--dest", dir, "--json"]));
    assert_eq!(changes(&again, "written"), 0);
    let check = ["units", "check", "--dir", dir, "--drop-ins", dir];
    assert_eq!(ringrift(folder.path(), &check).status.code(), Some(0));
    std::fs::write(dest.join("ringrift-evaluation.service"), "[Unit]\n").expect("writes");
    let done = ringrift(folder.path(), &check);
    assert_eq!(done.status.code(), Some(1));
    assert!(out(&done).contains("ringrift-evaluation.service"), "{}", out(&done));
}

#[test]
fn without_a_bus_looking_says_so_and_the_guard_says_no() {
    let folder = folder();
    let status = ringrift(folder.path(), &["status"]);
    assert_eq!(status.status.code(), Some(69));
    assert!(
        out(&status).contains("systemd cannot be asked") && out(&status).contains("systemctl status dbus"),
        "{}",
        out(&status)
    );
    let unknown = ringrift(folder.path(), &["status", "--json"]);
    let value: Value = serde_json::from_slice(&unknown.stdout).expect("an overview");
    let first = &value["problems"][0]["code"];
    assert_eq!(
        (&value["schema"], &value["verdict"], first),
        (&"ringrift.status/2".into(), &"unknown".into(), &"RR-BUS".into())
    );
    let failed = ringrift(folder.path(), &["daemon", "list", "--json"]);
    let value: Value = serde_json::from_slice(&failed.stderr).expect("an error as JSON");
    assert_eq!((&value["schema"], &value["exit"]), (&Value::from(1), &Value::from(69)));
    let guard = ringrift(folder.path(), &["master", "is-running"]);
    assert_eq!(guard.status.code(), Some(3));
    assert!(out(&guard).contains("Master loop is NOT running - limited automation"));
    let ensure =
        ringrift(folder.path(), &["master", "ensure", "--require-for-automation", "--operation", "the nightly run"]);
    assert_eq!(ensure.status.code(), Some(3));
    assert!(
        err(&ensure).contains("the nightly run needs the master") && err(&ensure).contains("ringrift-master.target")
    );
    let warned = ringrift(folder.path(), &["master", "ensure", "--warn", "--operation", "a try"]);
    assert_eq!(warned.status.code(), Some(0));
    assert!(err(&warned).contains("a try needs the master"), "{}", err(&warned));
}

#[test]
fn a_profile_shows_its_planned_members_without_a_bus() {
    let folder = folder();
    let value = json(&ringrift(folder.path(), &["profile", "show", "coordinator", "--json"]));
    let planned: Vec<&str> =
        value["profile"]["planned"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let profile = ringrift::contract::registry::Profile::Coordinator;
    assert_eq!(planned, profile.planned().into_iter().map(|d| d.name()).collect::<Vec<_>>());
    assert!(planned.contains(&"AUTO_SYNC") || profile.built().iter().any(|d| d.name() == "AUTO_SYNC"));
}

#[test]
fn manuals_and_completions_come_from_the_one_definition() {
    let folder = folder();
    let dir = folder.path().join("docs");
    std::fs::create_dir(&dir).expect("a folder");
    let text = dir.to_str().expect("a text");
    assert_eq!(ringrift(folder.path(), &["generate", "man", text]).status.code(), Some(0));
    assert_eq!(ringrift(folder.path(), &["generate", "completions", text]).status.code(), Some(0));
    for page in ["ringrift.1", "ringrift-daemon-start.1", "ringrift-events-tail.1", "ringrift-daemons.8"] {
        let written = std::fs::read_to_string(dir.join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        assert!(written.len() > 200, "{page}");
    }
    // Each shell's script asks the program itself, which knows the names of now.
    for script in ["ringrift.bash", "_ringrift", "ringrift.fish"] {
        let written = std::fs::read_to_string(dir.join(script)).unwrap_or_else(|e| panic!("{script}: {e}"));
        assert!(written.contains("COMPLETE"), "{script}: {written}");
    }
    let asked = Command::new(env!("CARGO_BIN_EXE_ringrift"))
        .args(["--", "ringrift", "daemon", "start", "AUTO_E"])
        .env_clear()
        .env("COMPLETE", "fish")
        .output()
        .expect("runs");
    assert!(out(&asked).starts_with("AUTO_EXPORT"), "{}{}", out(&asked), err(&asked));
}
