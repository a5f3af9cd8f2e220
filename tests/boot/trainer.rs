//! A job by hand, and a trainer that is not ours.
use crate::machine::Machine;
use crate::suite::{MINUTE, generation, start};
use serde_json::Value;
use std::path::Path;

on_both!(
    a_job_is_submitted_by_hand_and_waited_for,
    a_command_that_jobs_cannot_run_is_warned_of,
    the_loop_promotes_what_a_trainer_of_others_made
);

/// A small and quick loop.
const SMALL: &str =
    "pipeline: {auto_trigger: false}\nworkload: {games_per_job: 10, selfplay: {params: {simulations: 2}}}\n";

fn submitted(m: &Machine, words: &str) -> Value {
    let shown = m.ok(&format!("ringrift jobs submit {words} --wait --json"));
    serde_json::from_str(&shown).unwrap_or_else(|e| panic!("{shown}: {e}"))
}

fn a_job_is_submitted_by_hand_and_waited_for(m: &Machine) {
    m.write("/etc/ringrift/conf.d/60-small.yaml", SMALL);
    start(m);
    m.run("ringrift jobs submit evaluation --wait")
        .expect_refused("ringrift jobs submit evaluation", "has no model of square8_2p");
    let played = submitted(m, "selfplay --param games=3 --param simulations=2");
    assert_eq!(
        (&played["job"]["status"], &played["job"]["work"]["params"]["games"]),
        (&"completed".into(), &3.into()),
        "{played}"
    );
    // The artefacts of one job are in the catalog before the next reads them.
    m.wait_for("the games in the catalog", MINUTE, || match m.run("ringrift jobs submit export --wait") {
        done if done.code == 0 => Ok(()),
        done => Err(done.err),
    });
    m.wait_for("a model of the samples", 3 * MINUTE, || {
        match m.run("ringrift jobs submit training --param epochs=1 --wait") {
            done if done.code == 0 => Ok(()),
            done => Err(done.err),
        }
    });
    // A job that fails says why, and its exit code says that it failed.
    let failed = m.run("ringrift jobs submit selfplay --param gamse=3 --wait");
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    assert!(failed.err.contains("gamse") && failed.err.contains("ringrift jobs logs"), "{}", failed.err);
    let script = "import ringrift; print(ringrift.submit('selfplay', params={'games': 2, 'simulations': 2}, wait=True)['status'])";
    assert_eq!(m.ok(&format!("PYTHONPATH=/usr/share/ringrift/python python3 -c \"{script}\"")), "completed");
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

fn the_loop_promotes_what_a_trainer_of_others_made(m: &Machine) {
    m.ok("mkdir -p /opt/numpy-trainer");
    m.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/numpy-trainer/train.py"), "/opt/numpy-trainer");
    m.ok("chmod 755 /opt/numpy-trainer/train.py");
    m.write(
        "/etc/ringrift/conf.d/50-numpy.yaml",
        "workload: {training: {command: [/opt/numpy-trainer/train.py], params: {epochs: 4}}}\n",
    );
    start(m);
    m.wait_for("a promotion", 15 * MINUTE, || match generation(m)? {
        0 => Err(m.run("ringrift jobs list --all").out),
        _ => Ok(()),
    });
    let promoted = m.ok("ringrift events tail --type MODEL_PROMOTED --json -n 100");
    let promoted: Value = serde_json::from_str(promoted.lines().next().expect("a promotion")).expect("JSON");
    let model = promoted["event"]["payload"]["model_id"].as_str().expect("a model");
    // The name that the trainer writes into its models.
    m.ok(&format!("grep -q numpy $(find /var/lib/ringrift/artefacts -name '{model}*')"));
}
