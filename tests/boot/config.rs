//! Broken and hostile configuration files: named by the check, never waited for, never part of a unit.
use crate::machine::Machine;
use crate::suite::{MINUTE, start};
use serde_json::Value;

on_both!(
    a_hostile_configuration_is_named_and_reaches_no_unit,
    a_reload_reaches_all_and_names_what_it_could_not_take_over
);

const COORDINATOR_DROP_IN: &str = "/etc/systemd/system/ringrift-coordinator.service.d/60-configuration.conf";
const GENERATE: &str = "ringrift units generate --drop-ins --dest /etc/systemd/system";

/// One file in conf.d that the check refuses with these words.
fn refused(m: &Machine, make: &str, words: &str) {
    m.ok(make);
    let check = m.run("timeout 10 ringrift config check");
    assert_eq!(check.code, 78, "{make}: {} {}", check.out, check.err);
    assert!(check.out.contains(words), "{make}: {}", check.out);
    m.ok("rm -r /etc/ringrift/conf.d/60-odd.yaml");
}

fn a_hostile_configuration_is_named_and_reaches_no_unit(m: &Machine) {
    let file = "/etc/ringrift/conf.d/60-odd.yaml";
    m.ok("mkdir -p /etc/ringrift/conf.d; ringrift config check");
    refused(m, &format!("mkfifo {file}"), "is a FIFO");
    refused(m, &format!("ln -s /nowhere {file}"), "No such file");
    refused(m, &format!("mkdir {file}"), "is a directory");
    refused(
        m,
        &format!("echo 'workload: {{selfplay: {{params: {{x: .nan}}}}}}' > {file}"),
        ".nan and .inf are not allowed",
    );
    refused(m, &format!("printf 'a: &a {{}}\\nmaster:\\n  <<: *a\\n' > {file}"), "merge keys (<<) are not supported");
    refused(m, &format!("(umask 077; echo 'master: {{}}' > {file})"), "not readable by user ringrift");
    m.ok("mkfifo /etc/ringrift/conf.d/.hidden.yaml; ringrift config check; rm /etc/ringrift/conf.d/.hidden.yaml");

    let evil = r#"runtime: {coordinator_dir: "/srv\nExecStartPre=+/bin/touch /evil"}"#;
    m.write(file, evil);
    m.run(GENERATE).expect_refused(GENERATE, "U+000A");
    assert!(m.run(&format!("test -e {COORDINATOR_DROP_IN}")).code != 0, "no drop-in was written");

    // Everything that systemd would act on, in a path that is allowed.
    let odd = "/srv/ring rift%n 'a' \"b\" $HOME \\x";
    m.write(file, &serde_json::json!({ "runtime": { "coordinator_dir": odd } }).to_string());
    m.ok(&format!("{GENERATE} && systemctl daemon-reload"));
    let unit = "/org/freedesktop/systemd1/unit/ringrift_2dcoordinator_2eservice";
    let shown =
        m.ok(&format!("busctl --json=short get-property org.freedesktop.systemd1 {unit} org.freedesktop.systemd1.Service ReadWritePaths"));
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let paths: Vec<&str> = shown["data"].as_array().expect("paths").iter().filter_map(Value::as_str).collect();
    assert!(paths.contains(&odd), "{paths:?}");
    let verified = m.run("systemd-analyze verify ringrift-coordinator.service 2>&1 | grep -i configuration.conf");
    assert_eq!(verified.out, "", "systemd has nothing to say about the drop-in");
}

/// What `ringrift config reload` says, as JSON.
fn reload(m: &Machine) -> Value {
    let said: Value = serde_json::from_str(&m.ok("ringrift config reload --json")).expect("JSON");
    said["reloaded"].clone()
}

fn a_reload_reaches_all_and_names_what_it_could_not_take_over(m: &Machine) {
    start(m);
    let file = "/etc/ringrift/conf.d/60-later.yaml";
    let calm = reload(m);
    let taken: Vec<&str> = calm["taken"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
    for process in ["master", "coordinator", "EVENT_ROUTER", "HEALTH_SERVER"] {
        assert!(taken.contains(&process), "{process} is not among {taken:?}");
    }
    assert_eq!((&calm["at_next_start"], &calm["drop_ins"]), (&serde_json::json!([]), &serde_json::json!(0)), "{calm}");

    m.write(file, "daemons: {health_server: {port: 8999}}\nruntime: {restart_max: 3}\n");
    let said = m.ok("ringrift config reload");
    let restart = "ringrift daemon restart HEALTH_SERVER";
    assert!(
        said.contains(&format!("daemons.health_server.port takes effect when HEALTH_SERVER restarts: {restart}")),
        "{said}"
    );
    let units = "ringrift units generate --drop-ins --dest /etc/systemd/system";
    assert!(said.contains(units), "{said}");
    // What it says helps.
    m.ok(restart);
    m.ok(&format!("{units} && systemctl daemon-reload"));
    let after = reload(m);
    assert_eq!(
        (&after["at_next_start"], &after["drop_ins"]),
        (&serde_json::json!([]), &serde_json::json!(0)),
        "{after}"
    );
    m.ok("ss -ltn 2>/dev/null | grep -q :8999 || grep -qi ':2327 ' /proc/net/tcp");

    // The environment file is read by a reload too, by every daemon.
    m.ok("echo RINGRIFT_DAEMON_HEALTH_INTERVAL=7 >> /etc/ringrift/environment");
    reload(m);
    m.wait_for("a report at the new interval", MINUTE, || {
        let file = m.ok("cat /run/ringrift/dlq-retry/status.json");
        let report: Value = serde_json::from_str(&file).map_err(|e| format!("{e}: {file}"))?;
        if report["valid_for"] == 24 { Ok(()) } else { Err(file) }
    });

    // A broken file changes nothing, and nobody has to be asked to find out.
    m.write(file, "daemons: {health_server: {prot: 1}}\n");
    let refused = m.run("ringrift config reload");
    assert_eq!(refused.code, 78, "{} {}", refused.out, refused.err);
    m.ok(&format!("rm {file}"));
    reload(m);
}
