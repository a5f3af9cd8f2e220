//! The loader: layers and origins, every kind of bad input with its place, and the shipped files against the typed
//! defaults.
use ringrift::contract::config::{Config, WITHOUT_EFFECT};
use ringrift::contract::registry::{self, DaemonType};
use ringrift::contract::workload::JobType;
use ringrift::platform::config::{ConfigErrors, Dirs, Loaded, VARIABLES, load};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const SHIPPED: &str = include_str!("../config/unified_loop.yaml");
const ENVIRONMENT: &str = include_str!("../config/environment");

fn dirs(root: &Path, files: &[(&str, &str)], env: &[(&str, &str)]) -> Dirs {
    for (name, text) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("makes a directory");
        std::fs::write(path, text).expect("writes");
    }
    let env = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Dirs { share: root.join("share"), etc: root.join("etc"), env, environment_file: None }
}

fn try_load(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let root = tempfile::tempdir().expect("a directory");
    load(&dirs(root.path(), files, env))
}

#[test]
fn nothing_at_all_is_the_defaults() {
    let loaded = try_load(&[], &[]).expect("loads");
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.show().iter().all(|s| s.default && s.origin == "default"));
}

#[test]
fn later_layers_win_key_by_key_and_each_key_knows_its_origin() {
    let root = tempfile::tempdir().expect("a directory");
    let files = [
        ("share/unified_loop.yaml", "daemons: {auto_export: {threshold_games: 10, interval: 11}}\n"),
        (
            "etc/unified_loop.yaml",
            "daemons:\n  auto_export:\n    interval: 12\nworkload:\n  selfplay:\n    params: {simulations: 8}\n",
        ),
        ("etc/conf.d/20-b.yaml", "daemons:\n  auto_export:\n    window_games: 99\n  # nothing\n  evaluation:\n"),
        (
            "etc/conf.d/10-a.yaml",
            "daemons:\n  auto_export:\n    window_games: 98\nmaster:\n  configs: [hex8_2p, square8_2p]\n",
        ),
        ("etc/conf.d/ignored.txt", "not: [yaml"),
        ("etc/environment", "# old habits\nRINGRIFT_PID_KI=\"0.07\"\nRINGRIFT_PID_KP=0.5\n"),
    ];
    let mut dirs = dirs(
        root.path(),
        &files,
        &[("RINGRIFT_PID_KP", "0.6"), ("RINGRIFT_PID_XX", "1"), ("RINGRIFT_TARGET_UTIL_MIN", "58")],
    );
    dirs.environment_file = Some(root.path().join("etc/environment"));
    let loaded = load(&dirs).expect("loads");
    let export = loaded.config.daemons.of(DaemonType::AutoExport);
    let number = |key: &str| export.read::<u64>(key);
    assert_eq!((number("threshold_games"), export.interval, number("window_games")), (Some(10), Some(12), Some(99)));
    assert_eq!(loaded.config.workload.selfplay.params["simulations"], 8);
    assert_eq!(loaded.config.workload.selfplay.command.len(), 2, "what a file does not name stays");
    assert_eq!((loaded.config.resource_targets.pid.kp, loaded.config.resource_targets.pid.ki), (0.6, 0.07));
    assert_eq!((loaded.config.resource_targets.cpu_min, loaded.config.resource_targets.gpu_min), (58.0, 58.0));
    let origin = |key: &str| loaded.origin(key).to_string().replace(&format!("{}/", root.path().display()), "");
    assert_eq!(origin("daemons.auto_export.threshold_games"), "share/unified_loop.yaml:1");
    assert_eq!(origin("daemons.auto_export.interval"), "etc/unified_loop.yaml:3");
    assert_eq!(origin("daemons.auto_export.window_games"), "etc/conf.d/20-b.yaml:3");
    assert_eq!(origin("master.configs"), "etc/conf.d/10-a.yaml:5");
    assert_eq!(origin("workload.selfplay.params.simulations"), "etc/unified_loop.yaml:6");
    assert_eq!(origin("resource_targets.pid.kp"), "RINGRIFT_PID_KP in the environment");
    assert_eq!(origin("resource_targets.pid.ki"), "RINGRIFT_PID_KI in etc/environment:2");
    assert_eq!(origin("router.max_attempts"), "default");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(
        loaded.warnings[0].contains("RINGRIFT_PID_XX") && loaded.warnings[0].contains("RINGRIFT_PID_K"),
        "{:?}",
        loaded.warnings
    );
    let shown = serde_json::to_value(loaded.show()).expect("serialises");
    let row =
        shown.as_array().expect("rows").iter().find(|r| r["key"] == "daemons.auto_export.interval").expect("the key");
    assert_eq!((&row["value"], &row["default"]), (&Value::from(12), &Value::from(false)));
}

/// Text, then what the errors must say: line:column, key, words.
type Case = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const BAD: &[Case] = &[
    // unknown
    ("daemons:\n  auto_exprot:\n    enabled: false\n", &[("2:3", "daemons.auto_exprot", "did you mean auto_export")]),
    (
        "daemon:\n  x: 1\nmaster:\n  profil: full\n",
        &[("1:1", "daemon", "did you mean daemons"), ("4:3", "master.profil", "did you mean profile")],
    ),
    (
        "safeguards:\n  disk: {warning: 60, xyzzy: 1}\n",
        &[("2:23", "safeguards.disk.xyzzy", "must be one of critical, warning")],
    ),
    // duplicate
    (
        "master:\n  interval: 5\n  interval: 6\n",
        &[("3:3", "master.interval", "duplicate key; first defined on line 2")],
    ),
    (
        "master: {interval: 5}\nrouter: {}\nmaster: {interval: 5}\n",
        &[("3:1", "master", "duplicate key; first defined on line 1")],
    ),
    // mistyped
    ("master:\n  interval: soon\n", &[("2:3", "master.interval", "string \"soon\", must be an integer")]),
    ("master:\n  interval: 1.5\n", &[("2:3", "master.interval", "must be an integer")]),
    ("master:\n  interval: -1\n", &[("2:3", "master.interval", "must be an integer from 0 to")]),
    ("master:\n  required: yes\n", &[("2:3", "master.required", "must be true or false")]),
    ("node_id: 12\n", &[("1:1", "node_id", "must be a string")]),
    ("master:\n  configs: square8_2p\n", &[("2:3", "master.configs", "must be a list")]),
    ("master:\n  configs: [square8_2p, chess_2p]\n", &[("2:25", "master.configs[1]", "board must be one of square8")]),
    ("master: fast\n", &[("1:1", "master", "must be a mapping")]),
    (
        "limits:\n  selfplay: 3\n  training: 4\n",
        &[("2:3", "limits.selfplay", "mapping"), ("3:3", "limits.training", "mapping")],
    ),
    ("safeguards:\n  load_per_cpu:\n", &[("2:3", "safeguards.load_per_cpu", "must be a number")]),
    // out of range, contradictory
    ("master:\n  interval: 0\n", &[("2:3", "master.interval", "0 is out of range; must be from 1 to 3600")]),
    ("daemons:\n  auto_sync: {interval: 90000}\n", &[("2:15", "daemons.auto_sync.interval", "1 to 86400")]),
    ("master:\n  profile: ful\n", &[("2:3", "master.profile", "unknown profile \"ful\"; must be one of")]),
    (
        "safeguards:\n  disk:\n    warning: 80\n    critical: 75\n",
        &[("3:5", "safeguards.disk.warning", "80 must be below safeguards.disk.critical = 75")],
    ),
    // the user wrote the other key of the pair: he is sent there
    (
        "safeguards:\n  disk:\n    critical: 60\n",
        &[("3:5", "safeguards.disk.critical", "contradicts safeguards.disk.warning: 65 must be below")],
    ),
    (
        "daemons:\n  auto_export: {threshold_games: 5000}\n",
        &[("2:17", "daemons.auto_export.threshold_games", "contradicts daemons.auto_export.window_games")],
    ),
    ("promotion: {max_games: 7}\n", &[("1:13", "promotion.max_games", "odd")]),
    // no YAML at all
    ("master:\n  interval: [1,\n", &[("", "", "")]),
    ("- master\n", &[("", "", "must be a mapping of keys, not a list")]),
];

#[test]
fn bad_input_is_refused_with_file_line_column_key_and_what_is_allowed() {
    for (text, wanted) in BAD {
        let errors = try_load(&[("etc/unified_loop.yaml", text)], &[]).expect_err(text).0;
        assert_eq!(errors.len(), wanted.len(), "{text}\n{errors:#?}");
        for (error, (place, key, words)) in errors.iter().zip(*wanted) {
            let shown = error.to_string();
            assert!(error.file.ends_with("etc/unified_loop.yaml"), "{shown}");
            assert_eq!(error.key, *key, "{shown}");
            assert!(error.why.contains(words), "{shown}\nwants {words}");
            if !place.is_empty() {
                let found = format!("{}:{}", error.line.expect("a line"), error.column.expect("a column"));
                assert_eq!(found, *place, "{shown}");
                assert!(shown.contains(&format!("unified_loop.yaml:{place}: {key}: ")), "{shown}");
            }
        }
    }
}

#[test]
fn every_wrong_key_of_every_file_is_reported_at_once() {
    let files = [
        ("etc/unified_loop.yaml", "master: {interval: soon, required: 3}\nrouter: {max_attempts: many}\n"),
        ("etc/conf.d/1.yaml", "workload:\n  games_per_job: few\n  gmaes: {}\n"),
    ];
    let errors = try_load(&files, &[("RINGRIFT_DAEMON_INTERVAL", "often")]).expect_err("bad").0;
    let keys: BTreeSet<&str> = errors.iter().map(|e| e.key.as_str()).collect();
    let wanted = [
        "master.interval",
        "master.required",
        "router.max_attempts",
        "workload.games_per_job",
        "workload.gmaes",
        "RINGRIFT_DAEMON_INTERVAL",
    ];
    assert_eq!(keys, wanted.into_iter().collect(), "{errors:#?}");
}

#[test]
fn a_bad_variable_is_named() {
    for (name, value, words) in [
        ("RINGRIFT_DAEMON_HEALTH_PORT", "http", "not an integer"),
        ("RINGRIFT_DAEMON_HEALTH_PORT", "70000", "0 to 65535"),
        ("RINGRIFT_DAEMON_INTERVAL", "0", "0 is out of range; must be from 1 to 86400"),
        ("RINGRIFT_PID_KP", "NaN", "not a number"),
        ("RINGRIFT_PID_KP", "11", "0 to 10"),
        ("RINGRIFT_TARGET_UTIL_MIN", "90", "must be below"),
        ("RINGRIFT_TRAINING_ACTIVITY_ENABLED", "perhaps", "1, true, yes or on"),
        ("RINGRIFT_COORDINATOR_DIR", "here", "not an absolute path"),
    ] {
        let errors = try_load(&[], &[(name, value)]).expect_err(name).0;
        assert!(
            errors.iter().any(|e| e.key == name && e.why.contains(words) && e.file == "environment"),
            "{name}={value}: {errors:#?}"
        );
    }
}

/// The shipped file with every key in force: one `#` is removed from each line that is no `##` line.
fn uncommented() -> String {
    SHIPPED
        .lines()
        .map(|l| if l.starts_with("##") { "" } else { l.strip_prefix('#').unwrap_or(l) })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_shipped_file_sets_nothing_and_shows_every_key_with_its_default() {
    assert_eq!(try_load(&[("etc/unified_loop.yaml", SHIPPED)], &[]).expect("loads").config, Config::default());

    let loaded = try_load(&[("etc/unified_loop.yaml", &uncommented())], &[]).unwrap_or_else(|e| panic!("{e}"));
    let missing: Vec<String> = loaded.show().into_iter().filter(|s| s.default).map(|s| s.key).collect();
    assert_eq!(missing, Vec::<String>::new(), "keys that the file does not show");

    // An interval that is shown is the registry's; the default says just that.
    let mut tree = serde_json::to_value(&loaded.config).expect("serialises");
    for spec in registry::all() {
        let interval = &mut tree["daemons"][spec.daemon.snake()]["interval"];
        assert_eq!(*interval, spec.interval, "{}", spec.name);
        *interval = Value::Null;
    }
    assert_eq!(tree, serde_json::to_value(Config::default()).expect("serialises"));
}

#[test]
fn every_key_of_the_shipped_file_has_a_comment_before_it() {
    let mut commented = false;
    for (n, line) in SHIPPED.lines().enumerate() {
        let bare = line.strip_prefix('#').unwrap_or(line).trim_start();
        let comment = bare.starts_with('#');
        let key = bare.split(':').next().unwrap_or_default();
        // The keys that every daemon and every stage has are explained once.
        if !comment && !line.is_empty() && !["enabled", "interval", "command", "params"].contains(&key) {
            assert!(commented, "line {}: {line}", n + 1);
        }
        commented = comment;
    }
}

#[test]
fn the_shipped_environment_shows_every_variable_with_its_default() {
    let shown: BTreeMap<&str, &str> =
        ENVIRONMENT.lines().filter_map(|l| l.strip_prefix("#RINGRIFT_")?.split_once('=')).collect();
    let defaults = serde_json::to_value(Config::default()).expect("serialises");
    for variable in VARIABLES {
        let text =
            shown.get(&variable.name["RINGRIFT_".len()..]).unwrap_or_else(|| panic!("{} is not shown", variable.name));
        let value = variable.parse(text).expect("the default is valid");
        for key in variable.keys {
            let default =
                defaults.pointer(&format!("/{}", key.replace('.', "/"))).unwrap_or_else(|| panic!("no key {key}"));
            let registry = key.strip_prefix("daemons.").and_then(|k| k.strip_suffix(".interval"));
            let expected = match registry {
                Some(daemon) => Value::from(DaemonType::parse(daemon).expect("a daemon").spec().interval),
                None => default.clone(),
            };
            assert_eq!(value, expected, "{} = {text}, {key}", variable.name);
        }
    }
    assert_eq!(shown.len(), VARIABLES.len() + 1, "and RINGRIFT_LOG");
    assert!(ENVIRONMENT.lines().all(|l| l.is_empty() || l.starts_with('#')), "the file sets nothing");
}

#[test]
fn what_is_known_and_has_no_effect_is_taken_with_a_warning_that_says_why() {
    let file = "daemons: {auto_sync: {interval: 90}, ephemeral_sync: {enabled: false}, dlq_retry: {batch: 3}}\nintegrations: {enabled: false}\n";
    let variables = [("RINGRIFT_SYNC_INTERVAL", "70"), ("RINGRIFT_TRAINING_ACTIVITY_HANDLE_SIGNALS", "no")];
    let warnings = try_load(&[("etc/unified_loop.yaml", file)], &variables).expect("loads").warnings;
    let said = |key: &str| warnings.iter().filter(|w| w.starts_with(&format!("{key} (set in "))).collect::<Vec<_>>();
    let auto = said("daemons.auto_sync.interval");
    assert!(
        auto.len() == 1
            && auto[0].contains("RINGRIFT_SYNC_INTERVAL")
            && auto[0].ends_with("AUTO_SYNC is planned but not built yet"),
        "{auto:?}"
    );
    let other = said("daemons.ephemeral_sync.enabled");
    assert!(
        other.len() == 1 && other[0].contains("unified_loop.yaml:1") && other[0].ends_with("another name of AUTO_SYNC"),
        "{other:?}"
    );
    assert!(
        said("daemons.training_node_watcher.handle_signals")[0].ends_with("systemd handles signals"),
        "{warnings:?}"
    );
    assert!(said("integrations.enabled")[0].contains("nothing outside"), "{warnings:?}");
    assert_eq!(warnings.len(), 4, "{warnings:?}");
}

/// Text of every source file that ships, without the checks of the configuration.
fn readers(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.join("Cargo.toml").exists() {
            readers(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).expect("a text");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            // Where the types are declared, their checks read every key.
            let checks = |line: &&str| folder.ends_with("contract/config") && line.contains("check");
            code.lines().filter(|line| !checks(line)).for_each(|line| found.extend([line, "\n"]));
        }
    }
}

/// Every key of the tree below `path`, with its own name last.
fn leaves(path: &str, tree: &Value, found: &mut Vec<String>) {
    match tree.as_object().filter(|map| !map.is_empty() && !path.ends_with(".params")) {
        Some(map) => map.iter().for_each(|(key, below)| leaves(&format!("{path}.{key}"), below, found)),
        None => found.push(path.trim_start_matches('.').to_owned()),
    }
}

/// A key that nobody reads would promise what it does not keep. One that is kept for old files says so when it is set.
#[test]
fn every_key_has_a_reader() {
    let mut source = String::new();
    readers(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let (mut unread, mut keys) = (Vec::new(), Vec::new());
    leaves("", &serde_json::to_value(Config::default()).expect("serialises"), &mut keys);
    let reads = |name: &str| {
        let after = |at: usize| source[at..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        source.match_indices(&format!(".{name}")).any(|(at, found)| !after(at + found.len()))
            || source.contains(&format!("(\"{name}\")"))
    };
    for key in
        keys.iter().filter(|key| !key.contains(".params.") && !WITHOUT_EFFECT.iter().any(|(known, _)| known == key))
    {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let daemon = section.strip_prefix("daemons.").and_then(|d| DaemonType::parse(d).ok());
        let read = match daemon {
            Some(daemon) => {
                let spec = daemon.spec();
                let old = spec.settings.iter().any(|s| s.key == name && !s.without_effect.is_empty());
                old || format!("{:?}", spec.needs).contains(&format!("{name:?}")) || reads(name)
            }
            // Types of jobs are looked up by their name.
            None => key.split('.').all(|part| JobType::ALL.iter().any(|kind| kind.name() == part) || reads(part)),
        };
        if !read {
            unread.push(key);
        }
    }
    assert_eq!(unread, Vec::<&String>::new(), "nothing reads these keys");
}
