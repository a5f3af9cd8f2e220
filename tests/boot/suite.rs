//! The suite as its users meet it: started, looked at, re-profiled, hurt, stopped; and the loop turned to its second
//! generation.
use crate::machine::Machine;
use ringrift::contract::registry::Profile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

on_both!(
    the_loop_reaches_its_second_generation,
    a_profile_is_applied_as_a_difference,
    a_daemon_that_was_stopped_is_not_started_by_its_clients,
    killing_the_router_changes_no_other_process,
    every_daemon_killed_comes_back,
    looking_starts_nothing_and_ordinary_users_may_look,
    bad_configuration_fails_at_once_and_what_runs_keeps_running,
    results_of_jobs_are_found_after_the_master_was_away,
    a_stop_ends_everything_in_order,
    the_health_endpoints_tell_the_truth,
);

pub const MINUTE: Duration = Duration::from_secs(60);

/// Starts the suite. The thresholds of disk and memory are raised: they are the host's, and how full those are has
/// nothing to do with the test. Those of the processors stay: the loop has to turn on busy ones.
pub fn start(m: &Machine) {
    m.write(
        "/etc/ringrift/conf.d/50-test.yaml",
        "safeguards: {disk: {warning: 98, critical: 99}, memory: {warning: 98, critical: 99}, memory_stall: {warning: 98, critical: 99}}\ndaemons: {data_pipeline: {max_disk_percent: 99.5}}\n",
    );
    m.ok("systemctl start ringrift-master.target");
    m.wait_for("all daemons of the profile to run", 2 * MINUTE, || running(m, daemons()));
}

/// The states of the built daemons that the profile wants.
pub fn states(m: &Machine) -> Result<BTreeMap<String, String>, String> {
    let listed = m.run("ringrift daemon list --json");
    let listed: Value = serde_json::from_str(&listed.out).map_err(|e| format!("{e}: {} {}", listed.out, listed.err))?;
    let daemons = listed["daemons"].as_array().cloned().unwrap_or_default();
    let pair = |d: &Value| {
        (d["name"].as_str().unwrap_or_default().to_owned(), d["state"].as_str().unwrap_or_default().to_owned())
    };
    Ok(daemons.iter().map(pair).collect())
}

/// How many of a profile's members are built.
pub fn members(profile: Profile) -> usize {
    profile.built().len()
}

/// The daemons that run after `start`.
pub fn daemons() -> usize {
    members(Profile::Standalone)
}

pub fn running(m: &Machine, wanted: usize) -> Result<(), String> {
    let states = states(m)?;
    let up = states.values().filter(|s| *s == "RUNNING").count();
    if up == wanted { Ok(()) } else { Err(format!("{up} of {wanted} run: {states:?}")) }
}

/// MainPID of every service of ours that runs, jobs apart.
fn pids(m: &Machine) -> BTreeMap<String, String> {
    let units = m.ok("systemctl list-units --plain --no-legend --state=active 'ringrift-*.service' | cut -d' ' -f1");
    let daemons = units.lines().filter(|u| !u.starts_with("ringrift-job-"));
    daemons.map(|u| (u.to_owned(), m.show(u, "MainPID"))).collect()
}

pub fn generation(m: &Machine) -> Result<u64, String> {
    let shown = m.run("ringrift pipeline show --json");
    let stages: Value = serde_json::from_str(&shown.out).map_err(|e| format!("{e}: {} {}", shown.out, shown.err))?;
    Ok(stages["stages"][0]["champion"]["generation"].as_u64().unwrap_or(0))
}

fn the_loop_reaches_its_second_generation(m: &Machine) {
    start(m);
    m.wait_for("generation 1", 15 * MINUTE, || match generation(m)? {
        0 => Err(m.run("ringrift jobs list").out),
        _ => Ok(()),
    });
    // The second generation's games are played by the promoted model: the self-play job says which network it used.
    let promoted = m.ok("ringrift events tail --type MODEL_PROMOTED --json -n 100");
    let promoted: Value = serde_json::from_str(promoted.lines().next().expect("a promotion")).expect("JSON");
    let model = promoted["event"]["payload"]["model_id"].as_str().expect("a model").to_owned();
    m.wait_for("games by the promoted model", 5 * MINUTE, || {
        let games = m.ok("ringrift events tail --type SELFPLAY_COMPLETE --json -n 1000");
        if games.contains(&model) { Ok(()) } else { Err(games.lines().last().unwrap_or_default().to_owned()) }
    });
    let timing: Value = serde_json::from_str(&m.ok("ringrift pipeline timing --json")).expect("JSON");
    println!("{:?}: {}", m.suite, m.ok("ringrift pipeline timing"));
    let handovers = timing["timing"]["handovers"].as_array().expect("hand-overs");
    assert!(handovers.len() >= 3, "{timing}");
    for h in handovers {
        let (starting, running) = (h["starting_milliseconds"].as_f64(), h["running_milliseconds"].as_f64());
        assert!(starting.is_some_and(|at| at > 0.0) && starting < running, "{h}");
    }
    let warnings = m.journal("-p err -u 'ringrift-*'");
    assert!(warnings.is_empty(), "{:?}", warnings.iter().map(|e| e.message().to_owned()).collect::<Vec<_>>());
}

fn a_profile_is_applied_as_a_difference(m: &Machine) {
    start(m);
    let before = pids(m);
    m.ok("ringrift profile apply selfplay");
    m.wait_for("the selfplay profile", MINUTE, || running(m, members(Profile::Selfplay)));
    let during = pids(m);
    for unit in ["ringrift-event-router.service", "ringrift-idle-resource.service", "ringrift-health-server.service"] {
        assert_eq!(before.get(unit), during.get(unit), "{unit} is in both profiles and stays");
    }
    assert!(!during.contains_key("ringrift-auto-export.service"));
    m.ok("ringrift profile apply standalone");
    m.wait_for("the standalone profile", MINUTE, || running(m, daemons()));
    // One that is overtaken while systemd is still at it: the later one counts, and nothing is left out.
    m.ok("ringrift profile apply selfplay --no-wait; ringrift profile apply standalone");
    running(m, daemons()).expect("what was stopped for a moment runs again");
    let would = m.ok("ringrift profile apply selfplay --dry-run");
    assert!(would.contains("AUTO_EXPORT") && would.contains("would stop") && !would.contains("stopped"), "{would}");
    running(m, daemons()).expect("a dry run changes nothing");
    // Undone, what ran before runs again, and what was stopped by hand stays so; undone once more, the profile.
    m.ok("ringrift daemon stop EVALUATION");
    let did = m.ok("ringrift profile apply selfplay");
    assert!(did.contains("stopped") && did.contains("back: ringrift profile undo"), "{did}");
    let would = m.ok("ringrift profile undo --dry-run");
    assert!(would.contains("AUTO_EXPORT") && would.contains("would start") && !would.contains("EVALUATION"), "{would}");
    m.ok("ringrift profile undo");
    assert_eq!(m.show("ringrift-evaluation.service", "ActiveState"), "inactive");
    assert_eq!(m.show("ringrift-auto-export.service", "ActiveState"), "active");
    m.ok("ringrift profile undo");
    assert_eq!(m.show("ringrift-auto-export.service", "ActiveState"), "inactive");
    m.ok("ringrift profile undo && ringrift daemon start EVALUATION");
    running(m, daemons()).expect("all run");
    m.run("ringrift profile apply selfplai").expect_refused("ringrift profile apply selfplai", "selfplay");
    m.run("ringrift daemon start AUTO_SYNC").expect_refused("ringrift daemon start AUTO_SYNC", "AUTO_SYNC");
}

/// The catalog's socket goes with DATA_PIPELINE: a client that connects starts nothing that a person or the profile
/// stopped.
fn a_daemon_that_was_stopped_is_not_started_by_its_clients(m: &Machine) {
    start(m);
    m.ok("ringrift daemon stop DATA_PIPELINE");
    assert_eq!(m.show("ringrift-catalog.socket", "ActiveState"), "inactive");
    assert_ne!(m.run("ringrift models list").code, 0, "the catalog is down");
    m.run("curl -s --unix-socket /run/ringrift/catalog.sock http://x/ >/dev/null");
    assert_eq!(m.show("ringrift-data-pipeline.service", "ActiveState"), "inactive");
    m.ok("ringrift daemon start DATA_PIPELINE");
    m.wait_for("all daemons to be well again", MINUTE, || running(m, daemons()));
    m.ok("ringrift models list");
}

fn killing_the_router_changes_no_other_process(m: &Machine) {
    start(m);
    let before = pids(m);
    m.ok("systemctl kill --kill-whom=main --signal=KILL ringrift-event-router.service");
    let router = "ringrift-event-router.service";
    m.wait_for("another router", MINUTE, || match m.show(router, "MainPID") {
        pid if pid != "0" && Some(&pid) != before.get(router) => Ok(()),
        pid => Err(pid),
    });
    m.wait_for("all daemons to be well again", MINUTE, || running(m, daemons()));
    for (unit, pid) in pids(m) {
        if unit != router {
            assert_eq!(before.get(&unit), Some(&pid), "{unit} was restarted with the router");
        }
    }
}

fn every_daemon_killed_comes_back(m: &Machine) {
    start(m);
    for (unit, pid) in pids(m) {
        m.ok(&format!("systemctl kill --kill-whom=main --signal=KILL {unit}"));
        m.wait_for(&format!("another process of {unit}"), MINUTE, || {
            let now = m.show(&unit, "MainPID");
            if now != "0" && now != pid && m.show(&unit, "ActiveState") == "active" { Ok(()) } else { Err(now) }
        });
    }
    m.wait_for("all daemons to be well again", MINUTE, || running(m, daemons()));
}

fn looking_starts_nothing_and_ordinary_users_may_look(m: &Machine) {
    m.ok("useradd --create-home somebody");
    let look = |what: &str| m.run_as("somebody", what);
    let stopped = look("ringrift status");
    assert!(stopped.code == 3 && stopped.out.starts_with("○ ringrift: not running"), "{} {}", stopped.out, stopped.err);
    for verb in
        ["profile list", "profile show full", "daemon list", "registry validate", "registry order", "config check"]
    {
        look(&format!("ringrift {verb}")).expect_ok(verb);
    }
    assert!(pids(m).is_empty(), "{:?}", pids(m));
    start(m);
    let before = pids(m);
    let tree = look("ringrift status -v").out;
    assert!(tree.lines().any(|l| l.contains("AUTO_EXPORT") && l.contains("RUNNING")), "{tree}");
    for verb in ["ringrift daemon stop AUTO_EXPORT", "ringrift profile apply minimal"] {
        let ran = look(verb);
        assert_eq!(ran.code, 77, "{verb}: {} {}", ran.out, ran.err);
        ran.expect_refused(verb, "ringrift-admin");
    }
    assert_eq!(before, pids(m));
    m.ok("adduser somebody ringrift-admin 2>/dev/null || usermod -aG ringrift-admin somebody");
    look("ringrift daemon pause AUTO_EXPORT").expect_ok("ringrift daemon pause AUTO_EXPORT");
    m.wait_for("AUTO_EXPORT to be paused", MINUTE, || match states(m)?.get("AUTO_EXPORT") {
        Some(state) if state == "PAUSED" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // A pause survives a restart of the process.
    m.ok("systemctl restart ringrift-auto-export.service");
    m.wait_for("AUTO_EXPORT to be paused again", MINUTE, || match states(m)?.get("AUTO_EXPORT") {
        Some(state) if state == "PAUSED" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    look("ringrift daemon resume AUTO_EXPORT").expect_ok("ringrift daemon resume AUTO_EXPORT");
    m.wait_for("AUTO_EXPORT to run", MINUTE, || running(m, daemons()));
}

fn bad_configuration_fails_at_once_and_what_runs_keeps_running(m: &Machine) {
    start(m);
    let before = pids(m);
    m.write("/etc/ringrift/conf.d/90-bad.yaml", "daemons:\n  auto_exprot: {enabled: true}\n");
    let check = m.run("ringrift config check");
    assert_eq!(check.code, 78, "{} {}", check.out, check.err);
    let said = format!("{}{}", check.out, check.err);
    assert!(said.contains("90-bad.yaml:2:3") && said.contains("auto_export"), "{said}");
    assert_ne!(m.run("ringrift config reload").code, 0);
    assert_eq!(before, pids(m), "what runs keeps running");
    m.ok("systemctl restart ringrift-auto-export.service || true");
    m.wait_state("ringrift-auto-export.service", "failed", MINUTE);
    assert_eq!(m.show("ringrift-auto-export.service", "NRestarts"), "0");
    assert_eq!(m.show("ringrift-auto-export.service", "ExecMainStatus"), "78");
}

fn results_of_jobs_are_found_after_the_master_was_away(m: &Machine) {
    start(m);
    let job = m.wait_for("a self-play job", MINUTE, || {
        let units =
            m.ok("systemctl list-units --plain --no-legend --state=active 'ringrift-job-selfplay@*' | cut -d' ' -f1");
        units.lines().next().map(str::to_owned).ok_or(units)
    });
    m.ok("systemctl kill --kill-whom=main --signal=STOP ringrift-master.service");
    let id = job.trim_start_matches("ringrift-job-selfplay@").trim_end_matches(".service").to_owned();
    m.wait_for("the job to end", 5 * MINUTE, || match m.show(&job, "ActiveState") {
        state if state == "inactive" || state == "failed" => Ok(()),
        state => Err(state),
    });
    m.ok("systemctl kill --kill-whom=main --signal=KILL ringrift-master.service");
    m.wait_for("its result", 2 * MINUTE, || {
        let shown = m.run(&format!("ringrift jobs show {id} --json"));
        if shown.out.contains("\"completed\"") { Ok(()) } else { Err(format!("{} {}", shown.out, shown.err)) }
    });
}

fn a_stop_ends_everything_in_order(m: &Machine) {
    start(m);
    m.ok("systemctl stop ringrift-master.target");
    m.wait_for("everything to end", MINUTE, || {
        let left = pids(m);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    // Every daemon said that it drained, and the router, which takes their last words, went last.
    // systemd's word on it comes a moment after the last process has gone.
    let stopped = m.wait_for("the router's end in the journal", MINUTE, || {
        let said = m.journal("--output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT _PID=1");
        let ends = said.iter().filter(|e| e.message().starts_with("Stopped ringrift-"));
        let stopped: Vec<(String, Duration)> = ends.map(|e| (e.field("UNIT").to_owned(), e.at())).collect();
        if stopped.iter().any(|(unit, _)| unit == "ringrift-event-router.service") {
            Ok(stopped)
        } else {
            Err(format!("{stopped:?}"))
        }
    });
    let at = |unit: &str| stopped.iter().find(|(u, _)| u == unit).map(|(_, at)| *at);
    let router = at("ringrift-event-router.service").expect("the router stopped");
    for unit in ["ringrift-auto-export.service", "ringrift-data-pipeline.service", "ringrift-queue-populator.service"] {
        assert!(at(unit).is_some_and(|t| t <= router), "{unit} stopped after the router: {stopped:?}");
    }
    // Another start starts where it was.
    m.ok("systemctl start ringrift-master.target");
    m.wait_for("all daemons to run again", 2 * MINUTE, || running(m, daemons()));
}

/// One GET, by the shell alone: a minimal Debian has no curl. The status line and the body.
pub fn get(m: &Machine, port: u16, path: &str) -> String {
    let talk = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
    );
    m.run(&format!("bash -c \"{talk}\"")).out
}

fn the_health_endpoints_tell_the_truth(m: &Machine) {
    start(m);
    let answers = |port, path: &str, wanted: &str| {
        let said = get(m, port, path);
        if said.contains(wanted) { Ok(()) } else { Err(said) }
    };
    m.wait_for("/ready to be 200", MINUTE, || answers(8790, "/ready", "HTTP/1.1 200"));
    for (port, path, wanted) in [
        (8790, "/health", "HTTP/1.1 200"),
        (8790, "/metrics", "ringrift_daemon_up{daemon=\"auto_export\"} 1"),
        (8790, "/status", "\"profile\": \"standalone\""),
        (8770, "/daemon/status", "\"AUTO_SYNC\""),
        (8770, "/daemon/auto_export/health", "HTTP/1.1 200"),
    ] {
        answers(port, path, wanted).unwrap_or_else(|said| panic!("{path}: {said}"));
    }
    m.ok("ringrift daemon stop QUEUE_POPULATOR");
    m.wait_for("/health to be 503", MINUTE, || answers(8790, "/health", "QUEUE_POPULATOR is stopped by root"));
    assert!(get(m, 8790, "/health").contains("HTTP/1.1 503"));
}
