//! What goes wrong on real machines: a daemon that never works, a job that takes all memory, a disk that is full, a
//! reboot.
use crate::machine::{Machine, Suite};
use crate::suite::{MINUTE, daemons, members, running, start, states};
use ringrift::contract::registry::Profile;
use serde_json::Value;
use std::time::Duration;

on_both!(
    a_daemon_that_keeps_failing_is_failed_and_one_event_says_so,
    a_daemon_that_is_well_again_waits_one_second_again,
    a_job_out_of_memory_is_reported_so,
    a_reboot_keeps_the_profile,
    a_full_disk_loses_nothing_that_was_acknowledged,
    a_cancelled_job_ends_and_is_not_tried_again,
);

const FEEDBACK: &str = "ringrift-feedback-loop.service";

/// Seconds between the entries of a unit's journal whose message ends so.
fn gaps(m: &Machine, unit: &str, ending: &str) -> Vec<f64> {
    let at: Vec<Duration> =
        m.journal(&format!("-u {unit}")).iter().filter(|e| e.message().ends_with(ending)).map(|e| e.at()).collect();
    at.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
}

fn events(m: &Machine, kind: &str) -> Vec<Value> {
    let listed = m.ok(&format!("ringrift events tail --type {kind} --json -n 1000"));
    listed.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// It fails as soon as it is ready, whatever it does, so that what is measured is the delays and nothing else.
fn a_daemon_that_keeps_failing_is_failed_and_one_event_says_so(m: &Machine) {
    start(m);
    m.write(&format!("/etc/systemd/system/{FEEDBACK}.d/50-fails.conf"), "[Service]\nExecStartPost=/bin/false\n");
    m.ok(&format!("systemctl daemon-reload; systemctl reset-failed {FEEDBACK}"));
    m.run(&format!("systemctl restart {FEEDBACK}"));
    m.wait_state(FEEDBACK, "failed", 2 * MINUTE);
    // A failure, a delay, a start and a failure again: the delays double.
    let delays = gaps(m, FEEDBACK, "Control process exited, code=exited, status=1/FAILURE");
    assert_eq!(delays.len(), 5, "{delays:?}");
    for (delay, expected) in delays.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0]) {
        assert!((expected - 0.1..expected + 15.0).contains(delay), "{delays:?}");
    }
    let told = m.wait_for("the event", MINUTE, || match events(m, "DAEMON_PERMANENTLY_FAILED") {
        told if told.is_empty() => Err("no event yet".to_owned()),
        told => Ok(told),
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].to_string().contains("FEEDBACK_LOOP"), "{told:?}");
    assert_eq!(states(m).expect("listed").get("FEEDBACK_LOOP").map(String::as_str), Some("FAILED"));
    let said = m.run("ringrift status");
    assert!(
        said.code == 4
            && said.out.contains("FEEDBACK_LOOP has failed")
            && said.out.contains(&format!("{} of {} daemons run · 1 failed: FEEDBACK_LOOP", daemons() - 1, daemons())),
        "{} {}",
        said.code,
        said.out
    );
    // Mended by hand, it runs again, and the rest never stopped.
    m.ok(&format!("rm /etc/systemd/system/{FEEDBACK}.d/50-fails.conf; systemctl daemon-reload; ringrift daemon start FEEDBACK_LOOP"));
    m.wait_for("all daemons to be well again", MINUTE, || running(m, daemons()));
    assert_eq!(events(m, "DAEMON_PERMANENTLY_FAILED").len(), 1, "one event, not one for each look");
}

fn a_daemon_that_is_well_again_waits_one_second_again(m: &Machine) {
    m.write("/etc/ringrift/conf.d/60-reset.yaml", "master: {reset_after: 10}\n");
    start(m);
    let kill = |times: u32| {
        for _ in 0..times {
            let before = m.show(FEEDBACK, "MainPID");
            m.ok(&format!("systemctl kill --kill-whom=main --signal=KILL {FEEDBACK}"));
            m.wait_for("another process", MINUTE, || {
                let pid = m.show(FEEDBACK, "MainPID");
                if pid != "0" && pid != before && m.show(FEEDBACK, "ActiveState") == "active" {
                    Ok(())
                } else {
                    Err(pid)
                }
            });
        }
    };
    kill(3);
    assert_eq!(m.show(FEEDBACK, "NRestarts"), "3");
    // By the master on 257, which forgets systemd's own count; by the runtime on 252, which forgets its own.
    m.wait_for("its count of restarts to be forgotten", MINUTE, || {
        let (systemd, own) = (m.show(FEEDBACK, "NRestarts"), m.run("cat /run/ringrift/feedback-loop/restarts").out);
        let forgotten = if m.suite == Suite::Bookworm { own.is_empty() } else { systemd == "0" };
        if forgotten { Ok(()) } else { Err(format!("NRestarts {systemd}, own count {own}")) }
    });
    let waited = gaps(m, FEEDBACK, "code=killed, status=9/KILL").len();
    kill(2);
    let delays = gaps(m, FEEDBACK, "code=killed, status=9/KILL");
    assert!(delays[waited + 1] < 3.5, "it waits one second after its first failure, not the fourth delay: {delays:?}");
}

fn a_job_out_of_memory_is_reported_so(m: &Machine) {
    if m.run("test -d /sys/fs/cgroup/memory || grep -qw memory /sys/fs/cgroup/cgroup.controllers").code != 0 {
        m.skipped("this host offers no memory controller to a systemd that sees cgroup v2 only");
        return;
    }
    m.write("/usr/local/bin/hog", "#!/bin/bash\nx=$(yes | head -c 400000000)\n");
    m.ok("chmod 755 /usr/local/bin/hog");
    let config = "limits: {job_memory_max: 67108864}\nworkload: {selfplay: {command: [/usr/local/bin/hog]}}\n";
    m.write("/etc/ringrift/conf.d/60-hog.yaml", config);
    start(m);
    let job = m.wait_for("a job that failed", 2 * MINUTE, || {
        let listed = m.run("ringrift jobs list --all --json").out;
        let jobs: Value = serde_json::from_str(&listed).map_err(|e| format!("{e}: {listed}"))?;
        let found = jobs["jobs"].as_array().into_iter().flatten().find(|j| j["result"] == "oom-kill").cloned();
        found.ok_or(listed)
    });
    let id = job["work_id"].as_str().expect("an id");
    let shown = m.ok(&format!("ringrift jobs show {id}"));
    assert!(shown.contains("oom-kill"), "{shown}");
}

fn a_reboot_keeps_the_profile(m: &Machine) {
    m.ok("systemctl enable ringrift-master.target");
    start(m);
    m.ok("ringrift profile apply selfplay");
    m.wait_for("the selfplay profile", MINUTE, || running(m, members(Profile::Selfplay)));
    m.reboot();
    m.wait_for("the selfplay profile after the reboot", 2 * MINUTE, || running(m, members(Profile::Selfplay)));
    m.power_cut();
    m.wait_for("the selfplay profile after a power cut", 2 * MINUTE, || running(m, members(Profile::Selfplay)));
    let status = m.ok("ringrift profile list --json");
    assert!(status.contains("selfplay"), "{status}");
}

/// The suite's state lies on a small disk of its own, which something else fills to the last byte.
fn a_full_disk_loses_nothing_that_was_acknowledged(m: &Machine) {
    m.ok("mkdir -p /mnt/keep && cp -a /var/lib/ringrift/. /mnt/keep/ && mount -t tmpfs -o size=48m,mode=755 tmpfs /var/lib/ringrift \
          && cp -a /mnt/keep/. /var/lib/ringrift/ && chown --reference=/mnt/keep /var/lib/ringrift; systemd-tmpfiles --create ringrift.conf");
    // Nothing plays, so that only this test writes.
    m.write(
        "/etc/ringrift/conf.d/60-quiet.yaml",
        "daemons: {queue_populator: {enabled: false}, idle_resource: {enabled: false}}\n",
    );
    m.write(
        "/etc/ringrift/conf.d/50-test.yaml",
        "safeguards: {disk: {warning: 98, critical: 99}, memory: {warning: 98, critical: 99}, memory_stall: {warning: 98, critical: 99}}\ndaemons: {data_pipeline: {max_disk_percent: 99.5}}\n",
    );
    m.ok("systemctl start ringrift-master.target");
    let emit = |n: u32| m.run(&format!("ringrift events emit external.probe n={n}"));
    m.wait_for("an event to be taken", MINUTE, || match emit(0) {
        done if done.code == 0 => Ok(()),
        done => Err(done.err),
    });
    m.run("dd if=/dev/zero of=/var/lib/ringrift/filler bs=64k 2>/dev/null; dd if=/dev/zero of=/var/lib/ringrift/filler2 bs=1k 2>/dev/null");
    let mut acknowledged = vec![0];
    let refused = m.wait_for("a refusal", MINUTE, || {
        let n = *acknowledged.last().expect("one") + 1;
        match emit(n) {
            done if done.code == 0 => {
                acknowledged.push(n);
                Err(format!("event {n} was taken"))
            }
            done => Ok(done),
        }
    });
    assert!(refused.err.contains("OutOfSpace") || refused.err.to_lowercase().contains("full"), "{}", refused.err);
    m.ok("rm /var/lib/ringrift/filler /var/lib/ringrift/filler2");
    let last = acknowledged.last().expect("one") + 1000;
    m.wait_for("the router to take events again by itself", MINUTE, || match emit(last) {
        done if done.code == 0 => Ok(()),
        done => Err(done.err),
    });
    acknowledged.push(last);
    let kept: Vec<u64> =
        events(m, "external.probe").iter().filter_map(|e| e["event"]["payload"]["n"].as_u64()).collect();
    for n in acknowledged {
        assert!(kept.contains(&u64::from(n)), "event {n} was acknowledged and is gone: {kept:?}");
    }
    m.wait_for("no daemon to be failed", MINUTE, || match states(m)? {
        states if states.values().any(|s| s == "FAILED") => Err(format!("{states:?}")),
        _ => Ok(()),
    });
}

fn a_cancelled_job_ends_and_is_not_tried_again(m: &Machine) {
    m.write("/usr/local/bin/forever", "#!/bin/sh\nexec sleep infinity\n");
    m.ok("chmod 755 /usr/local/bin/forever");
    m.write("/etc/ringrift/conf.d/60-forever.yaml", "workload: {selfplay: {command: [/usr/local/bin/forever]}}\n");
    start(m);
    let unit = m.wait_for("a job", MINUTE, || {
        let units =
            m.ok("systemctl list-units --plain --no-legend --state=active 'ringrift-job-selfplay@*' | cut -d' ' -f1");
        units.lines().next().map(str::to_owned).ok_or(units)
    });
    let id = unit.trim_start_matches("ringrift-job-selfplay@").trim_end_matches(".service").to_owned();
    m.ok(&format!("ringrift jobs cancel {id} --reason 'not wanted'"));
    m.wait_for("its unit to end", MINUTE, || match m.show(&unit, "ActiveState") {
        state if state == "inactive" || state == "failed" => Ok(()),
        state => Err(state),
    });
    m.wait_for("the job to be cancelled", MINUTE, || {
        let shown = m.ok(&format!("ringrift jobs show {id} --json"));
        if shown.contains("\"cancelled\"") { Ok(()) } else { Err(shown) }
    });
}
