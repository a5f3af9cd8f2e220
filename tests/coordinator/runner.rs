//! The job-runner as its unit runs it: main process, then `--finish`, with small shell scripts as workloads.
use crate::harness::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringrift::contract::coordinator::*;
use ringrift::contract::ids::JobId;
use ringrift::contract::workload::JobType;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A script that leaves one artefact and a result that says `sha` of it.
fn plays(sha: &str) -> String {
    let result = json!({"schema": 1, "artefacts": [{"kind": "games", "path": "g.db", "sha256": sha, "bytes": 3}], "metrics": {"games_completed": 3, "games_per_second": 1.5}});
    format!("printf abc > g.db; printf '%s' '{result}' > result.json")
}

struct Unit<'a> {
    c: &'a Coordinator,
    id: JobId,
    invocation: String,
}

impl<'a> Unit<'a> {
    /// Queues a job of this script's coordinator and waits for the order to start it.
    fn ordered(c: &'a Coordinator, master: &mut Master, asked: &NewWork) -> Unit<'a> {
        let id = c.enqueue(asked);
        Unit::of(c, master, &id, 1)
    }
    fn of(c: &'a Coordinator, master: &mut Master, id: &JobId, run: u32) -> Unit<'a> {
        master.start_of(id);
        Unit { c, id: id.clone(), invocation: format!("{id}-run-{run}") }
    }
    fn dir(&self) -> PathBuf {
        self.c.path(&format!("jobs/{}", self.id))
    }
    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.dir().join(name)).ok()
    }
    fn command(&self) -> Command {
        fs::create_dir_all(self.dir()).expect("the job's folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-job-runner"));
        command
            .arg(self.id.as_str())
            .arg("--jobs")
            .arg(self.c.path("jobs"))
            .arg("--socket")
            .arg(self.c.path("job.sock"));
        command.arg("--current").arg(self.c.path("current"));
        command.env("INVOCATION_ID", &self.invocation).env_remove("NOTIFY_SOCKET");
        command
    }
    fn start(&self) -> Child {
        self.command().args(["--type", "selfplay"]).spawn().expect("the runner starts")
    }
    fn finish(&self, service_result: &str, exit_code: &str, exit_status: &str) -> ExitStatus {
        let mut command = self.command();
        command
            .arg("--finish")
            .env("SERVICE_RESULT", service_result)
            .env("EXIT_CODE", exit_code)
            .env("EXIT_STATUS", exit_status);
        command.status().expect("the finisher runs")
    }
    /// Main process and ExecStopPost=, with systemd's words for the end.
    fn run(&self) -> Option<i32> {
        let status = self.start().wait().expect("reaped");
        let result = if status.success() { "success" } else { "exit-code" };
        assert!(self.finish(result, "exited", &status.code().expect("a code").to_string()).success());
        status.code()
    }
}

/// What the script of the last attempt said went wrong.
fn error_of(c: &Coordinator, id: &JobId) -> String {
    c.show(id).error.unwrap_or_default()
}

#[test]
fn a_job_that_ends_well_is_verified_and_completed() {
    let script = format!(
        "env > environment; cp \"$RINGRIFT_JOB_FILE\" description; pwd > cwd; \
         echo '{{\"progress\":{{\"done\":1,\"total\":3,\"unit\":\"games\"}}}}' >&$RINGRIFT_REPORT_FD; \
         while ! grep -q told ../told 2>/dev/null; do sleep 0.05; done; {}",
        plays(ABC)
    );
    let c = Coordinator::scripted(&script);
    let mut master = c.dispatch();
    let mut asked = NewWork { current_model: true, ..work(JobType::Selfplay) };
    asked.params.insert("simulations".into(), json!(16));
    fs::create_dir(c.path("current")).expect("made");
    let model = c.path("current").join(format!("{}.safetensors", "b".repeat(64)));
    fs::write(&model, "weights").expect("written");
    std::os::unix::fs::symlink(&model, c.path("current/square8_2p")).expect("linked");

    let unit = Unit::ordered(&c, &mut master, &asked);
    let mut child = unit.command().env("NOTIFY_SOCKET", c.path("unit-notify.sock")).spawn().expect("starts");
    let heartbeat = c.router.about("task_heartbeat", unit.id.as_str());
    assert_eq!((&heartbeat.payload["done"], &heartbeat.payload["unit"]), (&json!(1.0), &json!("games")));
    fs::write(unit.dir().join("told"), "told").expect("written");
    assert!(child.wait().expect("reaped").success());
    assert!(unit.finish("success", "exited", "0").success());

    let completed = c.router.about("work_completed", unit.id.as_str());
    assert_eq!(completed.payload["output"], unit.dir().join("attempt-1").display().to_string());
    assert_eq!(completed.payload["artefacts"][0]["sha256"], ABC);
    let described = &completed.payload["description"];
    assert_eq!(described["inputs"]["model"]["sha256"], "b".repeat(64), "the current model was filled in");
    assert_eq!(described["params"], json!({"games": 3, "simulations": 16}), "the configuration's and the request's");
    let mut seen: Value = serde_json::from_str(&unit.file("attempt-1/description").expect("copied")).expect("JSON");
    seen["inputs"]["model"]["path"] = described["inputs"]["model"]["path"].clone();
    assert_eq!(&seen, described);
    assert_eq!(unit.file("attempt-1/cwd").expect("written").trim(), unit.dir().join("attempt-1").display().to_string());
    let environment = unit.file("attempt-1/environment").expect("written");
    for name in
        ["RINGRIFT_JOB_ID", "RINGRIFT_JOB_TYPE", "RINGRIFT_OUTPUT_DIR", "RINGRIFT_LEASE_TOKEN", "RINGRIFT_JOB_SOCKET"]
    {
        assert!(environment.lines().any(|l| l.starts_with(&format!("{name}="))), "{name} in {environment}");
    }
    assert!(
        !environment.contains("NOTIFY_SOCKET=") && !environment.contains("RINGRIFT_PREVIOUS_DIR="),
        "{environment}"
    );
    assert!(unit.finish("success", "exited", "0").success(), "a repeat is fine");
}

#[test]
fn a_result_that_lies_is_a_failed_try_and_the_retry_sees_the_previous_attempt() {
    let script = format!(
        "if [ -n \"$RINGRIFT_PREVIOUS_DIR\" ]; then cat \"$RINGRIFT_PREVIOUS_DIR/g.db\" > saved; {}; else {}; fi",
        plays(ABC),
        plays(&"0".repeat(64))
    );
    let c = Coordinator::scripted(&script);
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    assert_eq!(unit.run(), Some(1));
    assert!(error_of(&c, &unit.id).contains("SHA-256"), "{}", error_of(&c, &unit.id));
    let again = Unit::of(&c, &mut master, &unit.id, 2);
    assert_eq!(again.run(), Some(0));
    assert_eq!(again.file("attempt-2/saved").as_deref(), Some("abc"));
    assert_eq!(c.show(&unit.id).status, WorkStatus::Completed);
}

#[test]
fn exit_codes_crashes_and_missing_results_are_handed_on() {
    let table = [
        ("echo first >&2; echo bad shard >&2; exit 65", 65, WorkStatus::Failed, "bad shard"),
        ("echo oh no >&2; kill -SEGV $$", 139, WorkStatus::Pending, "oh no"),
        ("exit 0", 1, WorkStatus::Pending, "result.json"),
        ("exit 75", 75, WorkStatus::Pending, "75"),
    ];
    for (script, code, status, word) in table {
        let c = Coordinator::scripted(script);
        let mut master = c.dispatch();
        let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
        assert_eq!(unit.run(), Some(code), "{script}");
        // A retry that is due at once may be granted already.
        let item = c.show(&unit.id);
        let expected = item.status == status || (status == WorkStatus::Pending && item.status == WorkStatus::Claimed);
        assert!(expected && item.attempts <= 2, "{script}: {item:?}");
        let ended =
            c.router.about(if status == WorkStatus::Failed { "work_failed" } else { "work_retry" }, unit.id.as_str());
        assert!(ended.payload["error"].as_str().is_some_and(|e| e.contains(word)), "{script}: {:?}", ended.payload);
    }
}

/// What the catalog would refuse later is a failed attempt with the reason, and tried again; it is never "completed".
#[test]
fn a_result_that_its_consumer_would_refuse_is_a_failed_attempt() {
    let artefact = json!({"kind": "games", "path": "g.db", "sha256": ABC, "bytes": 3});
    let nested = (0..124).fold(json!(1), |inner, _| json!({ "a": inner }));
    let table = [
        (
            json!([artefact]),
            json!({"games_completed": 10.0, "games_per_second": 1.0}),
            "write 10 without a decimal point",
        ),
        (json!([artefact]), json!({"games_per_second": 1.0}), "games_completed"),
        (json!([]), json!({"games_completed": 3, "games_per_second": 1.0}), "no artefact of kind"),
        (json!([artefact]), json!({"games_completed": 3, "games_per_second": 1.0, "x": nested}), "the maximum is 32"),
    ];
    for (artefacts, metrics, word) in table {
        let result = json!({"schema": 1, "artefacts": artefacts, "metrics": metrics});
        let c = Coordinator::scripted(&format!("printf abc > g.db; printf '%s' '{result}' > result.json"));
        let mut master = c.dispatch();
        let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
        assert_eq!(unit.run(), Some(1), "{word}");
        let retry = c.router.about("work_retry", unit.id.as_str());
        assert!(retry.payload["error"].as_str().is_some_and(|e| e.contains(word)), "{word}: {:?}", retry.payload);
        assert!(unit.file("attempt-1/verified.json").is_none(), "{word}");
    }
}

#[test]
fn a_program_that_is_not_there_is_a_matter_of_configuration() {
    let c = Coordinator::with(&format!("{QUIET}{FAST}workload: {{selfplay: {{command: [/nonexistent/player]}}}}\n"));
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    assert_eq!(unit.run(), Some(78));
    assert_eq!(c.show(&unit.id).status, WorkStatus::Failed);
    assert!(error_of(&c, &unit.id).contains("/nonexistent/player"), "{}", error_of(&c, &unit.id));
}

#[test]
fn a_job_whose_time_is_over_is_stopped_by_its_runner() {
    let c = Coordinator::scripted("sleep 60");
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &NewWork { timeout_seconds: 1, ..work(JobType::Selfplay) });
    assert_eq!(unit.run(), Some(75));
    let timeout = c.router.about("work_timeout", unit.id.as_str());
    assert_eq!(timeout.payload["timeout_seconds"], 1);
    assert!(error_of(&c, &unit.id).contains("timeout"), "{}", error_of(&c, &unit.id));
}

/// Runs one job of self-play whose script notes its processors and its policy, under these limits.
fn placed(limits: &str) -> (Option<i32>, Coordinator, JobId, Option<String>) {
    let script = format!(
        "grep Cpus_allowed_list /proc/self/status > placed; awk '{{print $41}}' /proc/self/stat >> placed; {}",
        plays(ABC)
    );
    let quoted = serde_json::to_string(&script).expect("text");
    let config =
        format!("{QUIET}{FAST}limits: {{{limits}}}\nworkload: {{selfplay: {{command: [/bin/sh, -c, {quoted}]}}}}\n");
    let c = Coordinator::with(&config);
    let mut master = c.dispatch();
    let (id, ended, placed) = {
        let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
        (unit.id.clone(), unit.run(), unit.file("attempt-1/placed"))
    };
    (ended, c, id, placed)
}

#[test]
fn a_workload_gets_the_processors_and_the_policy_of_its_type() {
    let (ended, _, _, first) = placed("cpus: {selfplay: \"0\"}");
    assert_eq!((ended, first.as_deref()), (Some(0), Some("Cpus_allowed_list:\t0\n5\n")), "SCHED_IDLE is 5");
    let (ended, _, _, second) = placed("idle_types: []");
    assert_eq!(ended, Some(0));
    let second = second.expect("noted");
    assert!(second.ends_with("\n0\n") && second != "Cpus_allowed_list:\t0\n0\n", "{second}");
    let (ended, c, id, _) = placed("cpus: {selfplay: \"1000\"}");
    assert_eq!(ended, Some(78));
    assert!(error_of(&c, &id).contains("the processors 1000 of limits.cpus"), "{}", error_of(&c, &id));
}

#[test]
fn sigterm_reaches_the_workload_and_counts_as_an_interruption() {
    let c =
        Coordinator::scripted("trap 'echo bye > goodbye; exit 0' TERM; echo here > here; while :; do sleep 0.05; done");
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    let mut child = unit.start();
    until(|| unit.file("attempt-1/here"), Option::is_some);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("told");
    assert_eq!(child.wait().expect("reaped").code(), Some(75), "it ended well, but left no result");
    assert_eq!(unit.file("attempt-1/goodbye").as_deref(), Some("bye\n"));

    let c = Coordinator::scripted("echo $$ > pid; exec sleep 1000");
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    let mut child = unit.start();
    until(|| unit.file("attempt-1/pid").filter(|p| p.ends_with('\n')), Option::is_some);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("told");
    assert_eq!(child.wait().expect("reaped").code(), Some(75));
    unit.finish("success", "exited", "75");
    let retry = c.router.about("work_retry", unit.id.as_str());
    assert_eq!(retry.payload["result"], "interrupted");
    assert_eq!(c.show(&unit.id).attempts, 0, "the next one has the same number");
}

#[test]
fn a_job_that_was_fenced_off_is_killed_with_all_it_started() {
    let c = Coordinator::scripted(
        "sleep 1000 & echo $! > pid; while :; do echo '{\"progress\":{\"done\":1}}' >&$RINGRIFT_REPORT_FD; sleep 0.1; done",
    );
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    let mut child = unit.start();
    let pid = until(|| unit.file("attempt-1/pid").and_then(|p| p.trim().parse::<i32>().ok()), Option::is_some)
        .expect("a pid");
    c.call::<Accepted>("Cancel", &json!({"work_id": unit.id})).expect("cancelled");
    assert_eq!(child.wait().expect("reaped").code(), Some(75));
    until(|| kill(Pid::from_raw(pid), None).is_err(), |gone| *gone);
    unit.finish("exit-code", "exited", "75");
    assert!(c.leases().leases.is_empty(), "the report of the fenced attempt frees the slot");
    assert_eq!(c.show(&unit.id).status, WorkStatus::Cancelled);
}

#[test]
fn a_runner_that_is_killed_is_reported_by_finish() {
    let c = Coordinator::scripted("echo $$ > pid; exec sleep 1000");
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    let mut child = unit.start();
    let pid = until(|| unit.file("attempt-1/pid").and_then(|p| p.trim().parse::<i32>().ok()), Option::is_some)
        .expect("a pid");
    child.kill().expect("killed");
    assert_eq!(child.wait().expect("reaped").signal(), Some(9));
    unit.finish("signal", "killed", "KILL");
    assert_eq!(c.router.about("work_retry", unit.id.as_str()).payload["result"], "signal");
    // The workload it left behind; under systemd the unit's cgroup is killed.
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
}

#[test]
fn a_result_waits_in_the_job_s_folder_while_the_coordinator_is_away() {
    let mut c = Coordinator::scripted(&format!("while [ ! -e ../go ]; do sleep 0.05; done; {}", plays(ABC)));
    let id = c.enqueue(&work(JobType::Selfplay));
    let mut child = {
        let mut master = c.dispatch();
        let unit = Unit::of(&c, &mut master, &id, 1);
        let child = unit.start();
        until(|| unit.file("job-1.json"), Option::is_some);
        child
    };
    c.kill();
    let unit = Unit { c: &c, id: id.clone(), invocation: format!("{id}-run-1") };
    fs::write(unit.dir().join("go"), "").expect("written");
    assert!(child.wait().expect("reaped").success(), "the job does not need the coordinator to end well");
    assert!(unit.finish("success", "exited", "0").success());
    assert!(unit.file("report.json").is_some());
    c.start();
    assert_eq!(c.show(&id).status, WorkStatus::Completed);
    assert_eq!(c.router.about("work_completed", id.as_str()).payload["artefacts"][0]["sha256"], ABC);
}

#[test]
fn a_runner_waits_for_the_coordinator_and_refuses_what_is_not_its_own() {
    let mut c = Coordinator::scripted(&plays(ABC));
    let id = c.enqueue(&work(JobType::Selfplay));
    {
        let mut master = c.dispatch();
        master.start_of(&id);
    }
    c.kill();
    let mut child = Unit { c: &c, id: id.clone(), invocation: "i".into() }.start();
    c.start();
    assert!(child.wait().expect("reaped").success());

    let stranger = JobId::new("zzzz-1").expect("an id");
    let unit = Unit { c: &c, id: stranger, invocation: "i".into() };
    assert_eq!(unit.start().wait().expect("reaped").code(), Some(65), "no such job");
    assert_eq!(unit.finish("exit-code", "exited", "65").code(), Some(1));
    let waiting = c.enqueue(&work(JobType::Selfplay));
    let unit = Unit { c: &c, id: waiting, invocation: "i".into() };
    assert_eq!(unit.start().wait().expect("reaped").code(), Some(75), "it was not granted");
    unit.finish("exit-code", "exited", "75");
    assert_eq!(c.show(&unit.id).attempts, 0, "a report about what was not granted changes nothing");
}

#[test]
fn a_unit_that_dies_before_take_is_a_failed_try() {
    let c = Coordinator::scripted(&plays(ABC));
    let mut master = c.dispatch();
    let unit = Unit::ordered(&c, &mut master, &work(JobType::Selfplay));
    assert!(unit.finish("exit-code", "exited", "203").success());
    let retry = c.router.about("work_retry", unit.id.as_str());
    assert!(
        retry.payload["error"].as_str().is_some_and(|e| e.contains("before the job started")),
        "{:?}",
        retry.payload
    );
}

#[test]
fn a_job_cannot_name_where_its_files_lie() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Selfplay));
    master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    let mut call = serde_json::to_value(success(&offer)).expect("a report");
    call["output"] = json!("/var/lib/ringrift/coordinator");
    let done: Value = c.jobs().call("org.ringrift.Job.Finish", &call).expect("an older runner says it still");
    assert_eq!(done["accepted"], true);
    let completed = c.router.about("work_completed", id.as_str());
    assert_eq!(completed.payload["output"], c.path(&format!("jobs/{id}/attempt-1")).display().to_string());
    assert_eq!(
        completed.payload["uids"],
        json!([nix::unistd::geteuid().as_raw()]),
        "whose files are the job's, by the kernel's word"
    );

    let id = c.enqueue(&work(JobType::Selfplay));
    master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    let mut call = serde_json::to_value(success(&offer)).expect("a report");
    call["result"]["artefacts"] =
        json!([{"kind": "games", "path": "../../coordinator/coordination.db", "sha256": ABC, "bytes": 3}]);
    let refused = c.jobs().call::<Value>("org.ringrift.Job.Finish", &call).expect_err("a way out");
    assert!(refused.to_string().contains("is not a path in the output directory"), "{refused}");
}

#[test]
fn what_a_job_says_it_was_given_counts_for_nothing() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let candidate = json!({"sha256": "c".repeat(64), "path": "/var/lib/ringrift/artefacts/model/c"});
    let mut asked = work(JobType::Evaluation);
    asked.inputs.candidate = Some(serde_json::from_value(candidate.clone()).expect("a file"));
    let id = c.enqueue(&asked);
    master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    let mut call = serde_json::to_value(success(&offer)).expect("a report");
    let forged = json!({"sha256": "f".repeat(64), "path": "/var/lib/ringrift/jobs/x/attempt-1/fifo"});
    call["description"]["inputs"] =
        json!({"candidate": forged, "model": forged, "champion": forged, "shards": [], "samples": []});
    call["description"]["config_key"] = json!("hex8_2p");
    let done: Value = c.jobs().call("org.ringrift.Job.Finish", &call).expect("finished");
    assert_eq!(done["accepted"], true);
    let described = c.router.about("work_completed", id.as_str()).payload["description"].clone();
    assert_eq!((&described["inputs"]["candidate"], &described["config_key"]), (&candidate, &json!("square8_2p")));
    assert!(!described.to_string().contains("ffff"), "{described}");
}
