//! Limits that the kernel enforces for the suite's units.

use crate::emergency::{CALM, MINUTE, call, start};
use crate::machine::Machine;
use std::process::Command;
use std::time::Duration;

on_both!(
    memory_max_kills,
    limits_are_properties_of_the_jobs_unit_and_slice,
    a_job_beyond_its_time_is_ended_by_its_runner,
);

/// A unit that takes more than its MemoryMax= is killed by the kernel, and says so in its result.
fn memory_max_kills(m: &Machine) {
    if m.run("test -d /sys/fs/cgroup/memory || grep -qw memory /sys/fs/cgroup/cgroup.controllers").code != 0 {
        m.skipped("this host offers no memory controller to a systemd that sees cgroup v2 only");
        return;
    }
    let hog = "[Service]\nMemoryMax=20M\nMemorySwapMax=0\nExecStart=/bin/bash -c 'x=$$(yes | head -c 200000000)'\n";
    m.write("/run/systemd/system/ringrift-hog.service", hog);
    m.ok("systemctl daemon-reload; systemctl start ringrift-hog.service");
    m.wait_state("ringrift-hog.service", "failed", Duration::from_secs(30));
    assert_eq!(m.show("ringrift-hog.service", "ExecMainStatus"), "9", "not killed");
    // With cgroup v1 systemd sees only the signal; with v2 also why.
    let result = m.show("ringrift-hog.service", "Result");
    assert!(["signal", "oom-kill"].contains(&result.as_str()), "{result}");
}

/// The process of a job's command, or nothing.
fn sleeper(m: &Machine) -> String {
    m.run("grep -lx sleep /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3").out
}

/// A job gets its memory and tasks on its unit, its processors on the slice of its type, its GPU in its environment.
/// The GPUs are a stand-in for the driver's library, which the coordinator has to be able to load and use in its
/// sandbox.
fn limits_are_properties_of_the_jobs_unit_and_slice(m: &Machine) {
    let folder = tempfile::tempdir().expect("a directory");
    let library = folder.path().join("libnvidia-ml.so.1");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/nvml.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-DTELLS", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("a C compiler").success(), "cc {source}");
    m.copy(&library, "/usr/lib");
    let config = |cpus: &str| {
        format!(
            "safeguards: {{{CALM}, gpu: {{warning: 98, critical: 99}}}}\n\
             limits: {{job_memory_max: 1073741824, job_tasks_max: 100, gpus_per_training: 1, cpus: {{{cpus}}}}}\n\
             workload: {{training: {{command: [/usr/bin/sleep, '3600']}}}}\n"
        )
    };
    start(m, &config("training: '0'"));
    let begin = || {
        let id = call(m, "Enqueue", r#"{"work_type":"training","config_key":"square8_2p"}"#)["work_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let unit = format!("ringrift-job-training@{id}.service");
        let pid = m.wait_for("the job's command", MINUTE, || match sleeper(m) {
            pid if !pid.is_empty() && m.show(&unit, "ActiveState") == "active" => Ok(pid),
            _ => Err(m.run("ringrift jobs list; ringrift safeguards").out),
        });
        (id, unit, pid)
    };
    let (id, unit, pid) = begin();
    assert_eq!((m.show(&unit, "MemoryMax"), m.show(&unit, "TasksMax")), ("1073741824".into(), "100".into()));
    assert_eq!(m.ok(&format!("tr '\\0' '\\n' < /proc/{pid}/environ | grep CUDA_VISIBLE")), "CUDA_VISIBLE_DEVICES=0");
    assert_eq!(m.show("ringrift-jobs-training.slice", "AllowedCPUs"), "0");
    assert_eq!(m.ok(&format!("grep -o 'Cpus_allowed_list.*' /proc/{pid}/status | cut -f2")), "0");
    assert!(m.ok("ringrift safeguards").contains("73"), "the gate sees the GPU's use: {}", m.ok("ringrift safeguards"));
    // Taken out of the configuration, the slice has all processors again.
    m.ok(&format!("ringrift jobs cancel {id}"));
    m.wait_for("the job's end", MINUTE, || match sleeper(m) {
        none if none.is_empty() => Ok(()),
        pid => Err(pid),
    });
    m.ok("sed -i \"s/cpus: {training: '0'}/cpus: {}/\" /etc/ringrift/conf.d/50-test.yaml && systemctl reload ringrift-coordinator.service");
    let (id, ..) = begin();
    assert_eq!(m.show("ringrift-jobs-training.slice", "AllowedCPUs"), "");
    // What an operator says of the slice stays.
    m.ok(&format!("ringrift jobs cancel {id}"));
    m.write("/etc/systemd/system/ringrift-jobs-training.slice.d/override.conf", "[Slice]\nAllowedCPUs=1\n");
    m.ok("systemctl daemon-reload");
    m.wait_for("the job's end", MINUTE, || match sleeper(m) {
        none if none.is_empty() => Ok(()),
        pid => Err(pid),
    });
    begin();
    assert_eq!(m.show("ringrift-jobs-training.slice", "AllowedCPUs"), "1");
}

/// A job is ended by its runner at its own time, also when it ignores that and neither coordinator nor master is there.
fn a_job_beyond_its_time_is_ended_by_its_runner(m: &Machine) {
    let stubborn = "workload: {evaluation: {command: [/bin/sh, -c, \"trap '' TERM; exec sleep 3600\"]}}";
    start(m, &format!("safeguards: {{{CALM}}}\n{stubborn}\n"));
    let item = r#"{"work_type":"evaluation","config_key":"square8_2p","timeout_seconds":8,"max_attempts":1}"#;
    let id = call(m, "Enqueue", item)["work_id"].as_str().expect("an id").to_owned();
    let unit = format!("ringrift-job-evaluation@{id}.service");
    m.wait_for("the job's command", MINUTE, || match sleeper(m) {
        pid if !pid.is_empty() => Ok(()),
        _ => Err(m.run("ringrift jobs list").out),
    });
    m.ok("systemctl stop ringrift-master.service ringrift-job.socket ringrift-coordinator.socket ringrift-coordinator.service");
    m.ok("systemctl daemon-reload");
    m.wait_for("the job's end", 2 * MINUTE, || match sleeper(m) {
        none if none.is_empty() => Ok(()),
        pid => Err(format!("{pid} {}", m.run(&format!("systemctl status {unit}")).out)),
    });
    let told = m.journal("-t ringrift-job-evaluation");
    let at =
        |words: &str| told.iter().find(|e| e.message().contains(words)).unwrap_or_else(|| panic!("no {words:?}")).at();
    let last_call = at("timeout: SIGKILL").saturating_sub(at("timeout: SIGTERM"));
    assert!((20..25).contains(&last_call.as_secs()), "{last_call:?}");
    let started = m
        .journal(&format!("_PID=1 UNIT={unit}"))
        .iter()
        .find(|e| e.message().starts_with("Started"))
        .expect("a start")
        .at();
    let ran = at("timeout: SIGTERM").saturating_sub(started);
    assert!((8..12).contains(&ran.as_secs()), "{ran:?}");
    // Its end was kept, and is reported when the coordinator is back.
    m.ok("systemctl start ringrift-master.target");
    m.wait_for("the end to be known", MINUTE, || {
        let told = m.run(&format!("ringrift jobs show {id} --json")).out;
        let shown: serde_json::Value = serde_json::from_str(&told).map_err(|e| format!("{e}: {told}"))?;
        if shown["job"]["status"] == "failed" && shown["job"]["result"] == "timeout" { Ok(()) } else { Err(told) }
    });
}
