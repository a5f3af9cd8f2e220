//! Broken and hostile configuration files: named by the check, never waited for, never part of a unit.
use crate::machine::Machine;
use serde_json::Value;

on_both!(a_hostile_configuration_is_named_and_reaches_no_unit);

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
    refused(m, &format!("mkfifo {file}"), "it is a FIFO");
    refused(m, &format!("ln -s /nowhere {file}"), "No such file");
    refused(m, &format!("mkdir {file}"), "it is a folder");
    refused(m, &format!("echo 'workload: {{selfplay: {{params: {{x: .nan}}}}}}' > {file}"), ".nan and .inf are not allowed");
    refused(m, &format!("printf 'a: &a {{}}\\nmaster:\\n  <<: *a\\n' > {file}"), "merge keys (<<) are not supported");
    refused(m, &format!("(umask 077; echo 'master: {{}}' > {file})"), "the user ringrift cannot read it");
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
