//! Planted faults: within seconds the first problem has the expected code, it is the only cause, its first step works,
//! and where that step is the cure the problem goes.
use crate::emergency::call;
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, get, running, start};
use serde_json::Value;
use std::time::{Duration, Instant};

on_both!(
    a_masked_router_is_named_and_the_step_brings_it_back,
    a_stopped_daemon_is_named_with_who_stopped_it,
    a_broken_configuration_is_a_problem_while_it_runs_and_after_a_restart,
    a_training_command_that_fails_is_named_with_its_place,
    a_halt_and_a_pause_are_the_headline,
    dead_letters_are_a_problem_until_they_are_deleted,
    a_daemon_that_fails_again_and_again_is_named_at_each_stage,
    a_disk_that_fills_up_is_the_cause_of_what_it_breaks,
);

/// From the moment at which the condition holds; a look takes a part of it.
const SOON: Duration = Duration::from_secs(5);

/// What `ringrift status` judges; causes first.
pub fn problems(m: &Machine) -> Vec<Value> {
    let said = m.run("ringrift status --json");
    let value: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {} {}", said.out, said.err));
    assert_eq!(value["schema"], "ringrift.status/2");
    value["problems"].as_array().cloned().unwrap_or_default()
}

/// Causes that are more than notices.
fn causes(problems: &[Value]) -> Vec<&Value> {
    problems.iter().filter(|p| p["caused_by"].is_null() && p["severity"] != "notice").collect()
}

fn show(m: &Machine) -> String {
    m.run("COLUMNS=80 ringrift status").out
}

/// Waits until the first problem has this code and is the only cause; says how long it took.
fn first(m: &Machine, code: &str, within: Duration) -> Value {
    let since = Instant::now();
    let found = m.wait_for(&format!("{code} to be the one cause"), within, || {
        let found = problems(m);
        let causes = causes(&found);
        match causes.as_slice() {
            [only] if only["code"] == code && found[0]["code"] == code => Ok((*only).clone()),
            _ => Err(causes.iter().map(|p| format!("{} {}; ", p["code"], p["title"])).collect::<String>()),
        }
    });
    let page = show(m);
    println!("{:?} {code} after {:?}\n{page}", m.suite, since.elapsed());
    assert!(!page.contains("all is well") && page.contains(found["title"].as_str().expect("a title")), "{page}");
    m.wait_for(&format!("the same over HTTP: {code}"), MINUTE, || same_over_http(m, code));
    found
}

/// HTTP says the same first, as long as HEALTH_SERVER runs; without it nobody answers.
fn same_over_http(m: &Machine, code: &str) -> Result<(), String> {
    let (said, up) = (get(m, 8790, "/problems"), m.show("ringrift-health-server.service", "ActiveState") == "active");
    let body = said.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let same = said.starts_with("HTTP/1.1 200") && value["problems"][0]["code"] == code;
    match (up, same) {
        (true, true) => Ok(()),
        (false, _) if said.is_empty() => Ok(()),
        _ => Err(format!("HEALTH_SERVER runs: {up}; {said}")),
    }
}

/// Runs the first step, and the one after it where that is part of the cure; each succeeds and the problem goes.
fn cured(m: &Machine, problem: &Value) {
    let steps = problem["next"]
        .as_array()
        .expect("steps")
        .iter()
        .enumerate()
        .filter(|(at, step)| *at == 0 || step["text"] == "then");
    for (_, step) in steps {
        m.ok(step["command"].as_str().expect("a command"));
    }
    gone(m, problem["code"].as_str().expect("a code"));
}

fn gone(m: &Machine, code: &str) {
    m.wait_for(&format!("{code} to be gone"), MINUTE, || match problems(m) {
        found if found.iter().any(|p| p["code"] == code) => Err(show(m)),
        _ => Ok(()),
    });
}

fn well(m: &Machine) {
    m.wait_for("all to be well", 2 * MINUTE, || match m.run("ringrift status") {
        said if said.code == 0 && said.out.contains("all is well") => Ok(()),
        said => Err(said.out),
    });
    let page = show(m);
    assert!(page.lines().count() <= 23, "{page}");
}

fn a_masked_router_is_named_and_the_step_brings_it_back(m: &Machine) {
    start(m);
    well(m);
    m.ok("systemctl mask --now ringrift-event-router.service 2>&1");
    let problem = first(m, "RR-UNIT-MASKED", SOON);
    assert!(problem["title"].as_str().is_some_and(|t| t.contains("EVENT_ROUTER")), "{problem}");
    assert_eq!(m.run("ringrift status").code, 4);
    cured(m, &problem);
    m.wait_for("the daemons", 2 * MINUTE, || running(m, daemons()));
    well(m);
}

fn a_stopped_daemon_is_named_with_who_stopped_it(m: &Machine) {
    start(m);
    well(m);
    m.ok("ringrift daemon stop DATA_PIPELINE");
    let problem = first(m, "RR-DAEMON-HELD", SOON);
    assert!(problem["title"].as_str().is_some_and(|t| t.starts_with("DATA_PIPELINE is stopped by root")), "{problem}");
    let page = show(m);
    assert!(
        page.contains(&format!("{} of {} daemons run · 1 stopped by root: DATA_PIPELINE", daemons() - 1, daemons())),
        "{page}"
    );
    assert!(get(m, 8790, "/ready").starts_with("HTTP/1.1 503"));
    cured(m, &problem);
    well(m);
    m.ok("ringrift daemon pause EVALUATION --reason smoke");
    let problem = first(m, "RR-DAEMON-HELD", SOON);
    assert!(
        problem["title"].as_str().is_some_and(|t| t.starts_with("EVALUATION is paused by root: smoke")),
        "{problem}"
    );
    cured(m, &problem);
    well(m);
}

/// The suite's state lies on a disk of its own, of so many MiB: how full the host's is has nothing to do with the test.
fn own_disk(m: &Machine, mebibytes: u32) {
    m.ok(&format!(
        "mkdir -p /mnt/keep && cp -a /var/lib/ringrift/. /mnt/keep/ \
         && mount -t tmpfs -o size={mebibytes}m,mode=755 tmpfs /var/lib/ringrift \
         && cp -a /mnt/keep/. /var/lib/ringrift/ && chown --reference=/mnt/keep /var/lib/ringrift; \
         systemd-tmpfiles --create ringrift.conf"
    ));
}

fn a_broken_configuration_is_a_problem_while_it_runs_and_after_a_restart(m: &Machine) {
    // Where the configuration is invalid the thresholds are the defaults, which the host's disk may be beyond.
    own_disk(m, 1024);
    start(m);
    well(m);
    m.write("/etc/ringrift/conf.d/90-mine.yaml", "limits: {nonsense: 1, more: 2}\nmaster: {interval: never}\n");
    let problem = first(m, "RR-CONFIG-INVALID", SOON);
    assert!(problem.to_string().contains("90-mine.yaml") && problem.to_string().contains("3 errors"), "{problem}");
    assert!(get(m, 8790, "/ready").starts_with("HTTP/1.1 503"), "a time bomb is not ready");
    m.run("systemctl stop ringrift-master.target; systemctl start ringrift-master.target");
    m.wait_for("what cannot start to be its consequence", MINUTE, || {
        let problem = first(m, "RR-CONFIG-INVALID", MINUTE);
        let listed = problem["consequences"].as_array().is_some_and(|list| !list.is_empty());
        if listed { Ok(()) } else { Err(show(m)) }
    });
    assert_eq!(m.run("ringrift status").code, 3);
    m.ok("rm /etc/ringrift/conf.d/90-mine.yaml; systemctl start ringrift-master.target");
    gone(m, "RR-CONFIG-INVALID");
    m.wait_for("the daemons", 2 * MINUTE, || running(m, daemons()));
}

/// The whole loop at its smallest, so that a training comes soon.
fn a_training_command_that_fails_is_named_with_its_place(m: &Machine) {
    m.write(
        "/etc/ringrift/conf.d/90-false.yaml",
        "limits: {retry_base_seconds: 1}\nworkload:\n  export:\n    command: [/bin/false]\n",
    );
    start(m);
    let work = r#"{"work_type":"export","config_key":"square8_2p","max_attempts":3}"#;
    let id = call(m, "Enqueue", work)["work_id"].as_str().expect("an id").to_owned();
    m.wait_for("a second attempt", 3 * MINUTE, || match crate::jobs::shown(m, &id)["attempts"].as_u64() {
        Some(n) if n >= 2 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let problem = first(m, "RR-JOB-FAILING", MINUTE);
    let text = problem.to_string();
    assert!(
        text.contains("Export of square8_2p fails") && text.contains("/bin/false") && text.contains("90-false.yaml:4"),
        "{text}"
    );
    m.ok(problem["next"][0]["command"].as_str().expect("a step"));
}

fn a_halt_and_a_pause_are_the_headline(m: &Machine) {
    start(m);
    well(m);
    m.ok("ringrift emergency halt smoke");
    let problem = first(m, "RR-HALT", SOON);
    assert!(show(m).starts_with("● ringrift: HALTED"), "{}", show(m));
    assert!(get(m, 8790, "/ready").starts_with("HTTP/1.1 503"));
    cured(m, &problem);
    m.ok("ringrift jobs queue pause maintenance");
    let problem = first(m, "RR-QUEUE-PAUSED", SOON);
    cured(m, &problem);
    well(m);
}

/// Results that no reader takes: DATA_PIPELINE gives their events up.
fn dead_letters_are_a_problem_until_they_are_deleted(m: &Machine) {
    use crate::jobs::{FORGE, SPEAK, program};
    program(m, "speak", SPEAK);
    program(m, "forge", FORGE);
    m.write("/etc/ringrift/conf.d/60-forge.yaml", "workload: {selfplay: {command: [/usr/local/bin/forge]}}\n");
    start(m);
    let letters = || problems(m).into_iter().find(|p| p["code"] == "RR-DEAD-LETTERS");
    let problem = m.wait_for("dead letters", 3 * MINUTE, || letters().ok_or_else(|| format!("{:?}", problems(m))));
    assert!(
        problem["caused_by"].is_null() && problem["title"].as_str().is_some_and(|t| t.contains("given up")),
        "{problem}"
    );
    assert!(get(m, 8790, "/problems").contains("RR-DEAD-LETTERS"));
    let listed = m.ok(problem["next"][0]["command"].as_str().expect("a step"));
    assert!(listed.contains("data-pipeline"), "{listed}");
    // No more of them come, and those that there are go.
    m.ok("ringrift emergency halt 'no more of these'");
    m.wait_for("none to be left", MINUTE, || {
        m.ok("ringrift events dlq purge --all");
        letters().map_or(Ok(()), |left| Err(left.to_string()))
    });
}

fn a_daemon_that_fails_again_and_again_is_named_at_each_stage(m: &Machine) {
    start(m);
    well(m);
    let unit = "ringrift-feedback-loop.service";
    m.write(&format!("/etc/systemd/system/{unit}.d/50-fails.conf"), "[Service]\nExecStartPost=/bin/false\n");
    m.ok("systemctl daemon-reload");
    m.run(&format!("systemctl restart --no-block {unit}"));
    m.wait_for("the daemon to be in backoff", MINUTE, || match problems(m) {
        found if found.iter().any(|p| p["code"] == "RR-DAEMON-BACKOFF" && p["subject"]["name"] == "FEEDBACK_LOOP") => {
            Ok(())
        }
        found => Err(format!("{found:?}")),
    });
    m.wait_for("it to crash again and again", MINUTE, || match problems(m) {
        found if found.iter().any(|p| p["code"] == "RR-DAEMON-CRASHING") => Ok(()),
        found => Err(format!("{found:?}")),
    });
    m.wait_state(unit, "failed", 2 * MINUTE);
    let problem = first(m, "RR-DAEMON-FAILED", SOON);
    m.ok(&format!("rm /etc/systemd/system/{unit}.d/50-fails.conf; systemctl daemon-reload"));
    cured(m, &problem);
    well(m);
}

fn a_disk_that_fills_up_is_the_cause_of_what_it_breaks(m: &Machine) {
    own_disk(m, 64);
    m.write(
        "/etc/ringrift/conf.d/60-quiet.yaml",
        "daemons: {queue_populator: {enabled: false}, idle_resource: {enabled: false}}\n",
    );
    m.write(
        "/etc/ringrift/conf.d/50-test.yaml",
        "safeguards: {memory: {warning: 98, critical: 99}, memory_stall: {warning: 98, critical: 99}}\n",
    );
    m.ok("systemctl start ringrift-master.target");
    m.wait_for("the daemons", MINUTE, || running(m, daemons() - 2));
    well(m);
    // Three quarters of it, then all.
    m.ok("head -c $(($(df --output=avail -B1 /var/lib/ringrift | tail -n 1) * 80 / 100)) /dev/zero > /var/lib/ringrift/filler");
    let problem = first(m, "RR-DISK-LOW", SOON);
    assert!(problem["title"].as_str().is_some_and(|t| t.contains("% full: no new jobs until")), "{problem}");
    m.run(
        "dd if=/dev/zero of=/var/lib/ringrift/filler2 bs=64k 2>/dev/null; dd if=/dev/zero of=/var/lib/ringrift/filler3 bs=1k 2>/dev/null",
    );
    let problem = first(m, "RR-DISK-FULL", SOON);
    m.ok(problem["next"][0]["command"].as_str().expect("a step"));
    m.ok("rm /var/lib/ringrift/filler*");
    gone(m, "RR-DISK-FULL");
    well(m);
    // A daemon gives what it depends on half a minute; two of those are disabled here, and nobody may miss them after
    // that.
    for (daemon, folder) in
        [("WORK_QUEUE_MONITOR", "work-queue-monitor"), ("UTILIZATION_OPTIMIZER", "utilization-optimizer")]
    {
        let up = m.show(&format!("ringrift-{folder}.service"), "ActiveEnterTimestampMonotonic");
        let up: f64 = up.parse().expect("microseconds");
        m.wait_for(&format!("{daemon} to be up for 40 s"), MINUTE, || {
            let now: f64 = m.ok("cut -d' ' -f1 /proc/uptime").trim().parse().expect("seconds");
            if now - up / 1e6 > 40.0 { Ok(()) } else { Err(format!("{now} {up}")) }
        });
        let said = m.ok(&format!("ringrift daemon status {daemon}"));
        assert!(said.contains("RUNNING (healthy)"), "{said}");
    }
    well(m);
}
