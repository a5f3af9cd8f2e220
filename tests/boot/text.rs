//! Bytes of workloads are data everywhere: not for the bus, not for the service manager, not for a terminal.
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, running, start};
use serde_json::Value;

on_both!(
    bytes_of_a_job_end_nothing_and_reach_no_terminal,
    the_master_survives_the_loss_of_the_bus,
    a_flood_of_progress_costs_pid_1_nothing
);

/// Writes every kind of harmful bytes into progress and stderr, then fails.
const NOISY: &str = r#"#!/bin/bash
for n in 1 2 3; do
  printf '{"progress":{"done":%s,"total":3,"unit":"g\\u0000\\u001b[31m","message":"a\\u0000b\\u001b[2J\\u0007\\nSTATUS=x\\ufdd0"}}\n' $n >&$RINGRIFT_REPORT_FD
  sleep 1.2
done
printf 'first\0\033[2J\033]0;title\007\xff\xef\xb7\x90\xe2\x80\xae bytes\n' >&2
exit 3
"#;

fn harmful(text: &str) -> Option<char> {
    text.chars().find(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202E}' | '\u{FDD0}'))
}

fn bytes_of_a_job_end_nothing_and_reach_no_terminal(m: &Machine) {
    m.write("/usr/local/bin/noisy", NOISY);
    m.ok("chmod 755 /usr/local/bin/noisy");
    m.write("/etc/ringrift/conf.d/60-noisy.yaml", "workload: {selfplay: {command: [/usr/local/bin/noisy]}}\n");
    start(m);
    let master = m.show("ringrift-master.service", "MainPID");
    m.wait_for("progress of a job", 2 * MINUTE, || {
        let text = m.run("ringrift jobs list --all --json").out;
        if text.contains("\"g\u{FFFD}\u{FFFD}[31m") { Ok(()) } else { Err(text) }
    });
    let failed = m.wait_for("an attempt that failed", 3 * MINUTE, || {
        let listed = m.run("ringrift jobs list --all --json").out;
        let jobs: Value = serde_json::from_str(&listed).map_err(|e| format!("{e}: {listed}"))?;
        let found = jobs["jobs"].as_array().into_iter().flatten().find(|j| j["error"].is_string()).cloned();
        found.ok_or(listed)
    });
    let error = failed["error"].as_str().expect("a reason");
    assert!(error.contains("first\u{FFFD}\u{FFFD}[2J\u{FFFD}]0;title\u{FFFD}"), "{error:?}");
    let id = failed["work_id"].as_str().expect("an id");
    for command in [
        "ringrift --color always status",
        "ringrift status --json",
        &format!("ringrift jobs show {id}"),
        "ringrift jobs list --all",
        "ringrift events tail -n 200",
        "ringrift events tail -n 200 --json",
        "ringrift jobs queue",
        "ringrift safeguards status",
        "ringrift emergency status",
        "ringrift daemon list",
    ] {
        let ran = m.run(command);
        let text = format!("{}{}", ran.out, ran.err);
        let colourless = text.replace("\u{1b}[", "");
        let rest = if command.contains("always") { &colourless } else { &text };
        assert_eq!(harmful(rest), None, "{command}: {text:?}");
    }
    assert_eq!(m.show("ringrift-master.service", "MainPID"), master, "the master runs on");
    assert_eq!(m.show("ringrift-master.service", "NRestarts"), "0");
    m.ok("busctl call org.ringrift.Master1 /org/ringrift/Master1 org.ringrift.Master1 ListDaemons >/dev/null");
    m.wait_for("all daemons to run", MINUTE, || running(m, daemons()));
}

/// The master keeps its process, its jobs and its knowledge, and has its name again.
fn the_master_survives_the_loss_of_the_bus(m: &Machine) {
    start(m);
    let master = m.show("ringrift-master.service", "MainPID");
    let ask =
        "busctl call org.freedesktop.DBus / org.freedesktop.DBus GetConnectionUnixProcessID s org.ringrift.Master1";
    for loss in 1..=3 {
        let before = m.show("dbus.service", "MainPID");
        m.ok(&format!("kill -KILL {before}"));
        m.wait_for("the master's name on another bus", MINUTE, || {
            let (bus, owner) = (m.run("systemctl show --value -p MainPID dbus.service").out, m.run(ask));
            let there = owner.out == format!("u {master}") && bus != "0" && bus != before;
            if there { Ok(()) } else { Err(format!("loss {loss}: bus {bus}, owner {} {}", owner.out, owner.err)) }
        });
    }
    m.wait_for("all daemons to run", MINUTE, || running(m, daemons()));
    // It acts over the new connection.
    m.ok("ringrift daemon restart FEEDBACK_LOOP");
    m.wait_for("all daemons to run", MINUTE, || running(m, daemons()));
    assert_eq!(m.show("ringrift-master.service", "MainPID"), master);
    assert_eq!(m.show("ringrift-master.service", "NRestarts"), "0");
    m.ok("systemctl stop ringrift-master.target");
    m.wait_state("ringrift-master.service", "inactive", MINUTE);
}

/// Reports progress as fast as bash can, with garbage between, and counts what it sent.
const FLOOD: &str = r#"#!/bin/bash
end=$((SECONDS + 12))
while [ $SECONDS -lt $end ]; do
  for i in {1..200}; do
    printf '{"progress":{"done":%s,"total":9,"unit":"games"}}\nnothing\n' $i >&$RINGRIFT_REPORT_FD
  done
done
exit 3
"#;

fn a_flood_of_progress_costs_pid_1_nothing(m: &Machine) {
    m.write("/usr/local/bin/flood", FLOOD);
    m.ok("chmod 755 /usr/local/bin/flood");
    m.write(
        "/etc/ringrift/conf.d/60-flood.yaml",
        "limits: {selfplay: {per_node: 1, cluster: 1}}\nworkload: {selfplay: {command: [/usr/local/bin/flood]}}\n",
    );
    start(m);
    let unit = m.wait_for("a job", 2 * MINUTE, || {
        let units =
            m.ok("systemctl list-units --plain --no-legend --state=active 'ringrift-job-selfplay@*' | cut -d' ' -f1");
        units.lines().next().map(str::to_owned).ok_or(units)
    });
    let ticks = |m: &Machine| {
        m.ok("cut -d' ' -f14,15 /proc/1/stat").split(' ').filter_map(|n| n.parse::<u64>().ok()).sum::<u64>()
    };
    let before = ticks(m);
    m.wait_for("the job's end", MINUTE, || match m.show(&unit, "ActiveState") {
        state if state == "active" => Err(state),
        _ => Ok(()),
    });
    let used = ticks(m) - before;
    println!("{:?}: PID 1 used {} ms during the flood", m.suite, used * 10);
    let said = m.journal(&format!("-u '{unit}'"));
    let warnings = said.iter().filter(|e| e.message().contains("invalid progress report: ")).count();
    assert!((1..=20).contains(&warnings), "{warnings} warnings about equal lines");
    assert!(said.iter().any(|e| e.message().contains("more of this kind")), "the rest is counted");
}
