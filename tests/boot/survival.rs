//! What starts, stops and restarts do to the suite: restarts are no crashes, what failed comes back, a start tells the
//! truth.
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, members, running, start};
use ringrift::contract::registry::Profile;
use std::time::Duration;

on_both!(
    seven_restarts_of_the_target_in_a_row_are_no_crashes,
    a_start_with_a_hub_that_crashes_fails_with_its_name_and_the_hub_is_not_given_up,
    a_daemon_that_failed_is_tried_again_and_told,
    a_profile_applied_directly_after_a_reload_fails_no_unit,
    a_storm_of_starts_stops_and_reloads_leaves_a_whole_suite,
);

const FEEDBACK: &str = "ringrift-feedback-loop.service";

/// Units of the suite that are in the state "failed".
pub fn failed(m: &Machine) -> String {
    m.ok("systemctl list-units --plain --no-legend --state=failed 'ringrift-*' | cut -d' ' -f1")
}

/// Events of this type, a line each.
fn events(m: &Machine, kind: &str) -> Vec<String> {
    m.ok(&format!("ringrift events tail --type {kind} --json -n 1000")).lines().map(str::to_owned).collect()
}

/// An operator may restart the suite as often as he likes: no start is refused, none is delayed.
fn seven_restarts_of_the_target_in_a_row_are_no_crashes(m: &Machine) {
    start(m);
    for _ in 0..7 {
        m.ok("systemctl restart ringrift-master.target");
    }
    m.wait_for("all daemons to run again", 2 * MINUTE, || running(m, daemons()));
    assert_eq!(failed(m), "");
    for _ in 0..7 {
        m.ok(&format!("systemctl restart {FEEDBACK}"));
    }
    assert_eq!(m.show(FEEDBACK, "ActiveState"), "active");
    let delayed =
        m.run("journalctl --no-pager -o cat -u 'ringrift-*' | grep -E 'backing off|repeated too quickly'").out;
    assert_eq!(delayed, "", "a restart in order was taken for a crash");
    assert_eq!(events(m, "DAEMON_PERMANENTLY_FAILED"), Vec::<String>::new());
}

fn a_start_with_a_hub_that_crashes_fails_with_its_name_and_the_hub_is_not_given_up(m: &Machine) {
    let drop_in = "/etc/systemd/system/ringrift-coordinator.service.d/50-fails.conf";
    m.write(drop_in, "[Service]\nExecStartPre=/bin/false\n");
    m.ok("systemctl daemon-reload");
    let started = m.run("systemctl start ringrift-master.target");
    assert_ne!(started.code, 0, "the coordinator does not run, and the start says nothing: {}", started.out);
    m.wait_for("the journal to have the hub's name", MINUTE, || {
        let said = m.ok("journalctl --no-pager -o cat -u ringrift-up.service");
        if said.contains("ringrift-coordinator.service is ") { Ok(()) } else { Err(said) }
    });
    assert_eq!(m.show("ringrift-master.service", "ActiveState"), "active", "what can run runs");
    // More crashes than a daemon is allowed.
    m.wait_for("more than five restarts", 3 * MINUTE, || {
        match m.show("ringrift-coordinator.service", "NRestarts").parse::<u32>() {
            Ok(n) if n > 6 => Ok(()),
            other => Err(format!("{other:?} {}", m.show("ringrift-coordinator.service", "ActiveState"))),
        }
    });
    m.ok(&format!("rm {drop_in}; systemctl daemon-reload"));
    m.wait_state("ringrift-coordinator.service", "active", MINUTE);
    m.wait_for("the suite to run without anybody's help", 2 * MINUTE, || running(m, daemons()));
    m.ok("systemctl start ringrift-master.target");
    assert_eq!(m.show("ringrift-master.target", "ActiveState"), "active");
}

fn a_daemon_that_failed_is_tried_again_and_told(m: &Machine) {
    m.write("/etc/ringrift/conf.d/60-retry.yaml", "master: {retry_failed: [20, 40]}\n");
    start(m);
    let drop_in = format!("/etc/systemd/system/{FEEDBACK}.d/50-fails.conf");
    m.write(&drop_in, "[Service]\nExecStartPost=/bin/false\n");
    m.ok("systemctl daemon-reload");
    m.run(&format!("systemctl restart {FEEDBACK}"));
    m.wait_state(FEEDBACK, "failed", 2 * MINUTE);
    m.wait_for("status to name what helps", MINUTE, || match m.run("ringrift status").out {
        said if said.contains("ringrift daemon start FEEDBACK_LOOP") && said.contains("next try in") => Ok(()),
        said => Err(said),
    });
    m.ok(&format!("rm {drop_in}; systemctl daemon-reload"));
    m.wait_for("the daemon to be tried again", 2 * MINUTE, || running(m, daemons()));
    let told = m.journal("-u ringrift-master.service MESSAGE_ID=3b9a51e08f7c4c6d9c1e64d2a07f58b6");
    assert!(!told.is_empty() && told[0].message().starts_with("FEEDBACK_LOOP had failed permanently"), "not told");
    let changes = events(m, "DAEMON_STATUS_CHANGED");
    assert!(
        changes.iter().any(|e| e.contains("FEEDBACK_LOOP had failed permanently; retrying (attempt 1")),
        "{changes:?}"
    );
}

/// A stop may come in the middle of a reload; the reload is cut off and nothing has failed. A reload reaches each
/// process once.
fn a_profile_applied_directly_after_a_reload_fails_no_unit(m: &Machine) {
    start(m);
    for _ in 0..3 {
        for (profile, daemons) in [("selfplay", members(Profile::Selfplay)), ("standalone", daemons())] {
            m.ok(&format!("ringrift config reload; ringrift profile apply {profile}"));
            m.wait_for(profile, 2 * MINUTE, || running(m, daemons));
            assert_eq!(failed(m), "");
        }
    }
    assert_eq!(events(m, "DAEMON_PERMANENTLY_FAILED"), Vec::<String>::new());
    let ill = m
        .run("journalctl --no-pager -o cat _PID=1 | grep -E \"ringrift-.*(Failed with result|Control process exited)\"")
        .out;
    assert_eq!(ill, "");
    m.ok("ringrift config reload");
    let run = m.show(FEEDBACK, "InvocationID");
    let reloads = |unit: &str| {
        let said = format!(
            "journalctl --no-pager -o cat -u {unit} _SYSTEMD_INVOCATION_ID={run} | grep -c 'configuration reloaded'"
        );
        m.run(&said).out
    };
    m.wait_for("the reload", MINUTE, || if reloads(FEEDBACK) == "1" { Ok(()) } else { Err(reloads(FEEDBACK)) });
    let states = |unit: &str| m.show(unit, "ActiveState");
    m.wait_for("the reloads to be over", Duration::from_secs(30), || match states("ringrift-master.service") {
        state if state == "active" => Ok(()),
        state => Err(state),
    });
    assert_eq!(reloads(FEEDBACK), "1", "each daemon is touched once");
}

/// Everything that an operator, a script and an upgrade may ask of systemd at the same moment; the last word is
/// "start".
fn a_storm_of_starts_stops_and_reloads_leaves_a_whole_suite(m: &Machine) {
    start(m);
    for round in 0..2 {
        let words = [
            "restart ringrift-master.target",
            "stop ringrift-master.target",
            "start ringrift-master.target",
            "reload ringrift-master.service",
        ];
        let all: String = words.iter().map(|word| format!("systemctl {word} & ")).collect();
        m.run(&format!("for n in 1 2 3; do {all} ringrift config reload & done >/dev/null 2>&1; wait"));
        m.ok("systemctl start ringrift-master.target");
        m.wait_for(&format!("a whole suite after round {round}"), 2 * MINUTE, || running(m, daemons()));
    }
}
