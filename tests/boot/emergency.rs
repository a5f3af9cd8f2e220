//! The emergency halt with thirty real jobs, and the breaker of a job that runs out of memory.
use crate::machine::Machine;
use serde_json::Value;
use std::time::Duration;

on_both!(
    halt_kills_thirty_jobs_within_a_second_and_holds_over_everything,
    halt_works_while_the_master_hangs_and_flag_files_halt_and_clear,
    a_job_out_of_memory_opens_its_breaker_and_is_tried_again,
);

pub const MINUTE: Duration = Duration::from_secs(60);

/// The host's use of processors, memory and disk has nothing to do with the test.
pub const CALM: &str = "disk: {warning: 98, critical: 99}, memory: {warning: 98, critical: 99}, cpu: {warning: 99, critical: 100}, \
                    load_per_cpu: 1000, memory_stall: {warning: 99, critical: 100}";
const FAST: &str = "admission: {per_minute: 100000, selfplay_per_minute: 100000, burst: 1000, cooldown_ms: 0, window_starts: 100000}\n";

/// Starts the suite with the smallest profile, and waits until jobs can be started.
pub fn start(m: &Machine, config: &str) {
    m.write("/etc/ringrift/conf.d/50-test.yaml", &format!("master: {{profile: minimal}}\n{FAST}{config}"));
    m.ok("systemctl start ringrift-master.target");
    m.wait_state("ringrift-coordinator.service", "active", MINUTE);
    m.wait_for("a master that takes orders", MINUTE, || {
        let status = call(m, "Status", "{}");
        if status["dispatchers"].as_array().is_some_and(|d| !d.is_empty()) { Ok(()) } else { Err(status.to_string()) }
    });
}

/// One call of the coordinator's interface, by the perl that every Debian has.
pub fn call(m: &Machine, method: &str, parameters: &str) -> Value {
    let talk = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(q(/run/ringrift/coordinator.sock)) or die $!; \
                print $s qq({\"method\":\"org.ringrift.Coordinator.$ARGV[0]\",\"parameters\":$ARGV[1]}\\0); $s->flush; \
                $/ = qq(\\0); my $r = <$s>; chop $r; print $r";
    let said = m.ok(&format!("perl -e '{talk}' {method} '{parameters}'"));
    let reply: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert!(reply["error"].is_null(), "{method} {parameters}: {said}");
    reply["parameters"].clone()
}

fn thirty(m: &Machine) {
    start(
        m,
        &format!(
            "safeguards: {{{CALM}}}\nlimits: {{evaluation: {{per_node: 40}}}}\nworkload: {{evaluation: {{command: [/usr/bin/sleep, '3600']}}}}\n"
        ),
    );
    for _ in 0..30 {
        call(m, "Enqueue", r#"{"work_type":"evaluation","config_key":"square8_2p","requested_by":"the test"}"#);
    }
    sleeping(m, 30);
}

/// Waits until no process of a job is left: killed ones are on their way out for a moment.
fn gone(m: &Machine) {
    m.wait_for("the jobs to be gone", MINUTE, || if sleepers(m) == 0 { Ok(()) } else { Err(sleepers(m).to_string()) });
}

fn sleepers(m: &Machine) -> usize {
    m.run("cat /proc/[0-9]*/comm 2>/dev/null | grep -cx sleep").out.trim().parse().unwrap_or(0)
}

/// Waits until this many jobs run, each with its command.
fn sleeping(m: &Machine, wanted: usize) {
    m.wait_for(&format!("{wanted} jobs to run"), 3 * MINUTE, || match sleepers(m) {
        n if n == wanted => Ok(()),
        n => Err(format!("{n}; {}", m.run("ringrift jobs queue").out)),
    });
}

/// Halts; the milliseconds that the command took, and what it printed.
fn halt(m: &Machine) -> (u64, Value) {
    let said = m.ok("a=$(date +%s%3N); ringrift emergency halt 'smoke in the room' --json; b=$(date +%s%3N); echo \"TOOK $((b - a))\"");
    let (json, took) = said.rsplit_once("TOOK ").expect("a time");
    (took.trim().parse().expect("milliseconds"), serde_json::from_str(json).expect("JSON"))
}

/// From the coordinator's word that it halts to the end of the last job's main process, as the journal stamps them.
fn killed_within(m: &Machine) -> Duration {
    let halt = m
        .journal("-u ringrift-coordinator.service")
        .into_iter()
        .rfind(|e| e.message().starts_with("emergency halt by"));
    let begin = halt.expect("the halt is in the journal").at();
    let ends = m.journal("_PID=1 --grep 'ringrift-job-.*Main process exited, code=killed'");
    ends.iter().map(|e| e.at()).max().expect("jobs were killed").saturating_sub(begin)
}

fn is_halted(m: &Machine) {
    let status = m.run("ringrift emergency status");
    assert!(
        status.code == 3 && status.out.contains("HALTED by root") && status.out.contains("smoke in the room"),
        "{} {}",
        status.out,
        status.err
    );
    assert_eq!(sleepers(m), 0);
    assert_eq!(m.ok("systemctl list-units --plain --no-legend --state=active 'ringrift-job-*' | wc -l"), "0");
    m.ok("test -e /run/ringrift/EMERGENCY_HALT");
    let shown = m.ok("ringrift safeguards");
    assert!(shown.contains("emergency halt by root: smoke in the room"), "{shown}");
}

fn halt_kills_thirty_jobs_within_a_second_and_holds_over_everything(m: &Machine) {
    thirty(m);
    let (took, said) = halt(m);
    gone(m);
    let killed = killed_within(m);
    println!(
        "{:?}: 30 jobs were dead after {killed:?}; the command took {took} ms: {}",
        m.suite, said["emergency"]["done"]
    );
    is_halted(m);
    for what in [
        "systemctl restart ringrift-master.target",
        "systemctl restart ringrift-coordinator.service ringrift-master.service",
    ] {
        m.ok(what);
        m.wait_state("ringrift-coordinator.service", "active", MINUTE);
        m.wait_for("the answer", MINUTE, || {
            if m.run("ringrift jobs queue").code == 0 { Ok(()) } else { Err(m.run("ringrift jobs queue").err) }
        });
        is_halted(m);
    }
    m.ok("systemctl enable ringrift-master.target");
    m.power_cut();
    m.wait_state("ringrift-coordinator.service", "active", MINUTE);
    m.wait_for("the flag", MINUTE, || {
        if m.run("test -e /run/ringrift/EMERGENCY_HALT").code == 0 { Ok(()) } else { Err(String::new()) }
    });
    is_halted(m);
    m.ok("ringrift emergency clear");
    // No attempt was lost: all thirty run again.
    sleeping(m, 30);
    m.ok("ringrift emergency status");
    let status = call(m, "List", r#"{"limit":50}"#);
    assert!(status["items"].as_array().expect("items").iter().all(|i| i["attempts"] == 1), "{status}");
}

fn halt_works_while_the_master_hangs_and_flag_files_halt_and_clear(m: &Machine) {
    thirty(m);
    m.ok("systemctl kill --kill-whom=main --signal=STOP ringrift-master.service");
    let (took, said) = halt(m);
    gone(m);
    let killed = killed_within(m);
    m.ok("systemctl kill --kill-whom=main --signal=CONT ringrift-master.service");
    println!(
        "{:?}: 30 jobs were dead after {killed:?} without a master; the command took {took} ms: {}",
        m.suite, said["emergency"]["done"]
    );
    assert!(said["emergency"]["done"].to_string().contains("the coordinator kills them itself"), "{said}");
    is_halted(m);
    // Removing the flag by hand clears, making it halts; the same where legacy scripts make it.
    m.ok("rm /run/ringrift/EMERGENCY_HALT");
    ended(m);
    // An administrator of the suite may make one there, and can hide or move nothing.
    m.ok("useradd --system -G ringrift-admin boss");
    let hide = m
        .run("su boss -s /bin/sh -c 'chmod 700 /tmp/ringrift_coordination || mv /tmp/ringrift_coordination /tmp/away'");
    assert_ne!(hide.code, 0, "{}", hide.out);
    m.ok("su boss -s /bin/sh -c \"echo 'an old script' > /tmp/ringrift_coordination/EMERGENCY_HALT\"");
    halted_by_flag(m, "an old script");
    m.ok("rm /tmp/ringrift_coordination/EMERGENCY_HALT");
    ended(m);
    // What is no file is a flag as well, and holds up nobody.
    m.ok("su boss -s /bin/sh -c 'mkfifo /tmp/ringrift_coordination/EMERGENCY_HALT'");
    halted_by_flag(m, "HALTED");
    m.ok("rm /tmp/ringrift_coordination/EMERGENCY_HALT");
    ended(m);
    // In a directory that root has closed only systemd sees the flag: who cannot look does not say that there is none.
    m.ok("chmod 700 /tmp/ringrift_coordination && touch /tmp/ringrift_coordination/EMERGENCY_HALT");
    halted_by_flag(m, "user ringrift cannot read its directory");
    m.ok("rm /tmp/ringrift_coordination/EMERGENCY_HALT && systemd-tmpfiles --create ringrift.conf");
    ended(m);
}

fn halted_by_flag(m: &Machine, says: &str) {
    m.wait_for("the halt", MINUTE, || {
        if m.run("ringrift emergency status").code == 3 { Ok(()) } else { Err(m.run("ringrift jobs queue").out) }
    });
    gone(m);
    let status = m.run("ringrift emergency status").out;
    assert!(status.contains(says), "{status}");
}

/// The halt ends by itself, and no attempt was lost, also while the master was behind: all run again.
fn ended(m: &Machine) {
    m.wait_for("the end of the halt", MINUTE, || match m.run("ringrift emergency status") {
        status if status.code == 0 => Ok(()),
        status => Err(status.out),
    });
    sleeping(m, 30);
}

fn a_job_out_of_memory_opens_its_breaker_and_is_tried_again(m: &Machine) {
    if m.run("test -d /sys/fs/cgroup/memory || grep -qw memory /sys/fs/cgroup/cgroup.controllers").code != 0 {
        m.skipped("this host offers no memory controller to a systemd that sees cgroup v2 only");
        return;
    }
    // The first attempt eats more than it may, the second one ends well.
    let greedy = "if [ -z \"$RINGRIFT_PREVIOUS_DIR\" ]; then x=$(yes | head -c 300000000); fi; \
                  printf '{\"schema\":1,\"artefacts\":[],\"metrics\":{}}' > \"$RINGRIFT_OUTPUT_DIR/result.json\"";
    let quoted = serde_json::to_string(greedy).expect("text");
    start(
        m,
        &format!(
            "safeguards: {{{CALM}, breaker: {{recovery_seconds: [15]}}}}\nlimits: {{job_memory_max: 67108864, retry_base_seconds: 1}}\n\
             workload: {{cmaes: {{command: [/bin/bash, -c, {quoted}]}}}}\n"
        ),
    );
    let id = call(m, "Enqueue", r#"{"work_type":"cmaes","config_key":"square8_2p"}"#)["work_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let open = m.wait_for("an open breaker", 2 * MINUTE, || {
        let view: Value = serde_json::from_str(&m.ok("ringrift safeguards --json")).map_err(|e| e.to_string())?;
        match view["safeguards"]["breakers"].as_array().and_then(|b| b.first()) {
            Some(breaker) => Ok(breaker.clone()),
            None => Err(m.ok("ringrift jobs list --all")),
        }
    });
    assert!(
        open["task_type"] == "cmaes"
            && open["state"] == "OPEN"
            && open["reason"].as_str().is_some_and(|r| r.contains("oom-kill")),
        "{open}"
    );
    let shown = m.ok("ringrift safeguards");
    println!("{:?}:\n{shown}", m.suite);
    assert!(shown.contains("OPEN") && shown.contains("oom-kill"), "{shown}");
    let waits = m.ok(&format!("ringrift jobs show {id}"));
    assert!(waits.contains("circuit breaker for cmaes"), "{waits}");
    m.wait_for("the job to be tried again and to end well", 2 * MINUTE, || {
        let shown = m.ok(&format!("ringrift jobs show {id} --json"));
        if shown.contains("\"completed\"") { Ok(()) } else { Err(shown) }
    });
    let after: Value = serde_json::from_str(&m.ok("ringrift safeguards --json")).expect("JSON");
    assert_eq!(after["safeguards"]["breakers"][0]["state"], "HALF_OPEN", "one probe of three has succeeded");
    m.ok("ringrift safeguards reset --type cmaes");
    assert!(m.ok("ringrift safeguards").contains("no breaker has anything to remember"));
}
