//! A job by hand, and a trainer that is not ours.
use crate::machine::Machine;
use crate::suite::{MINUTE, start};
use serde_json::Value;
use std::path::Path;

on_both!(a_job_is_submitted_by_hand_and_waited_for, a_command_that_jobs_cannot_run_is_warned_of);

/// A small and quick loop.
const SMALL: &str = "pipeline: {auto_trigger: false}\nworkload: {games_per_job: 10, selfplay: {params: {simulations: 2}}}\n";

fn submitted(m: &Machine, words: &str) -> Value {
    let shown = m.ok(&format!("ringrift jobs submit {words} --wait --json"));
    serde_json::from_str(&shown).unwrap_or_else(|e| panic!("{shown}: {e}"))
}

fn a_job_is_submitted_by_hand_and_waited_for(m: &Machine) {
    m.write("/etc/ringrift/conf.d/60-small.yaml", SMALL);
    start(m);
    m.run("ringrift jobs submit evaluation --wait").expect_refused("ringrift jobs submit evaluation", "has no model of square8_2p");
    let played = submitted(m, "selfplay --param games=3 --param simulations=2");
    assert_eq!((&played["job"]["status"], &played["job"]["work"]["params"]["games"]), (&"completed".into(), &3.into()), "{played}");
    // The artefacts of one job are in the catalog before the next reads them.
    m.wait_for("the games in the catalog", MINUTE, || match m.run("ringrift jobs submit export --wait") {
        done if done.code == 0 => Ok(()),
        done => Err(done.err),
    });
    m.wait_for("a model of the samples", 3 * MINUTE, || match m.run("ringrift jobs submit training --param epochs=1 --wait") {
        done if done.code == 0 => Ok(()),
        done => Err(done.err),
    });
    // A job that fails says why, and its exit code says that it failed.
    let failed = m.run("ringrift jobs submit selfplay --param gamse=3 --wait");
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    assert!(failed.err.contains("gamse") && failed.err.contains("ringrift jobs logs"), "{}", failed.err);
    if m.run("python3 --version").code == 0 {
        let script = "import ringrift; print(ringrift.submit('selfplay', params={'games': 2, 'simulations': 2}, wait=True)['status'])";
        assert_eq!(m.ok(&format!("python3 -c \"{script}\"")), "completed");
    } else {
        m.skipped("there is no python3 in the machine for ringrift.submit()");
    }
}

fn a_command_that_jobs_cannot_run_is_warned_of(m: &Machine) {
    let trainer = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/numpy-trainer/train.py");
    m.ok("mkdir -p /root/trainer /opt/trainer");
    for folder in ["/root/trainer", "/opt/trainer", "/tmp"] {
        m.copy(&trainer, folder);
    }
    let warned = |command: &str| {
        m.write("/etc/ringrift/conf.d/70-trainer.yaml", &format!("workload: {{training: {{command: [{command}]}}}}\n"));
        m.ok("ringrift config check")
    };
    for (command, why) in [
        ("/root/trainer/train.py", "ProtectHome="),
        ("/tmp/train.py", "PrivateTmp="),
        ("/opt/trainer/none.py", "No such file"),
        ("/usr/bin/env, /root/trainer/train.py", "ProtectHome="),
        ("/etc/passwd", "not executable for others"),
    ] {
        let said = warned(command);
        assert!(said.contains("workload.training.command") && said.contains(why), "{command}: {said}");
    }
    let said = warned("/bin/sh, -c, 'exit 0'");
    assert!(!said.contains("workload.training.command"), "{said}");
}
