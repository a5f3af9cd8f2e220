//! What a job can do to other jobs, to the suite, and to the stages after it: nothing.
use crate::emergency::{CALM, MINUTE, call, start};
use crate::machine::Machine;
use serde_json::{Value, json};

on_both!(
    a_job_cannot_signal_read_write_or_speak_for_another,
    an_artefact_is_judged_by_the_runner_as_its_reader_will,
    a_forged_result_reads_nothing_and_holds_nothing_up,
    orderly_stops_use_no_attempt_and_the_job_goes_on,
    a_job_sees_no_socket_but_the_suite_s,
    a_job_that_stops_its_runner_is_ended,
    a_job_that_reports_its_own_end_and_runs_on_is_stopped,
);

/// Calls a method of job.sock and notes the answer; `orphan`: the process that connected has ended by then.
pub const SPEAK: &str = r#"#!/usr/bin/perl
use IO::Socket::UNIX;
my ($how, $method, $parameters) = @ARGV;
my $s = IO::Socket::UNIX->new("/run/ringrift/job.sock") or exit 3;
if ($how eq "orphan") {
    my $parent = $$;
    exit 0 if fork();
    select(undef, undef, undef, 0.02) while getppid() == $parent;
}
print $s qq({"method":"org.ringrift.Job.$method","parameters":$parameters}\0); $s->flush;
$/ = "\0"; my $reply = <$s>; $reply =~ tr/\0//d;
open(my $said, ">>", "said"); print $said "$how $method $reply\n";
"#;

/// Tries everything against the job and process that /usr/local/share/victim names.
const ATTACK: &str = r#"#!/bin/sh
. /usr/local/share/victim
try() { what=$1; shift; if "$@" >/dev/null 2>&1; then echo "$what: done"; else echo "$what: refused"; fi >> tried; }
jobs=/var/lib/ringrift/jobs
try own-folder touch $jobs/$RINGRIFT_JOB_ID/mine
try signal kill -CONT $pid
try environ cat /proc/$pid/environ
try root ls /proc/$pid/root/
try folder ls $jobs/$id
try write touch $jobs/$id/x
try link ln $jobs/$id/attempt-1/secret stolen
try neighbours ls $jobs/*/attempt-1/secret
try store touch /var/lib/ringrift/artefacts/x
try database cat /var/lib/ringrift/coordinator/coordination.db
try spool ls /var/lib/ringrift/spool
try spool-write touch /var/lib/ringrift/spool/x
try shm cat /dev/shm/secret
try lock sh -c 'echo x > /run/lock/x'
finish="{\"job_id\":\"$id\",\"token\":$token,\"service_result\":\"exit-code\",\"exit_code\":\"exited\",\"exit_status\":\"65\",\"finished_us\":9000000000000000}"
for how in direct orphan; do
    /usr/local/bin/speak $how Renew "{\"job_id\":\"$id\",\"token\":$token}"
    /usr/local/bin/speak $how Finish "$finish"
    /usr/local/bin/speak $how Take "{\"job_id\":\"$id\",\"invocation_id\":\"x\"}"
done
/usr/local/bin/speak direct Renew "{\"job_id\":\"$RINGRIFT_JOB_ID\",\"token\":$RINGRIFT_LEASE_TOKEN}"
exec sleep 3600
"#;

pub fn program(m: &Machine, name: &str, text: &str) {
    m.write(&format!("/usr/local/bin/{name}"), text);
    m.ok(&format!("chmod 755 /usr/local/bin/{name}"));
}

pub fn enqueue(m: &Machine, kind: &str) -> String {
    let work = json!({"work_type": kind, "config_key": "square8_2p", "max_attempts": 1});
    call(m, "Enqueue", &work.to_string())["work_id"].as_str().expect("an id").to_owned()
}

pub fn shown(m: &Machine, id: &str) -> Value {
    call(m, "Show", &json!({ "work_id": id }).to_string())["item"].clone()
}

pub fn ended(m: &Machine, id: &str) -> Value {
    m.wait_for(&format!("job {id} to end"), MINUTE, || match shown(m, id) {
        item if ["completed", "failed"].contains(&item["status"].as_str().unwrap_or_default()) => Ok(item),
        item => Err(item.to_string()),
    })
}

fn a_job_cannot_signal_read_write_or_speak_for_another(m: &Machine) {
    program(m, "speak", SPEAK);
    program(m, "attack", ATTACK);
    program(
        m,
        "victim",
        "#!/bin/sh\necho secret > secret; echo secret > /dev/shm/secret; echo $RINGRIFT_LEASE_TOKEN > token; exec sleep 3600\n",
    );
    let commands = "selfplay: {command: [/usr/local/bin/attack]}, evaluation: {command: [/usr/local/bin/victim]}";
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{{commands}}}\n"));
    let id = enqueue(m, "evaluation");
    let folder = format!("/var/lib/ringrift/jobs/{id}/attempt-1");
    // The token is told to the attacker: it alone opens nothing.
    let token = m.wait_for("the victim to run", MINUTE, || match m.run(&format!("cat {folder}/token")).out {
        token if token.is_empty() => Err(shown(m, &id).to_string()),
        token => Ok(token),
    });
    let unit = format!("ringrift-job-evaluation@{id}.service");
    let pid = m.show(&unit, "MainPID");
    m.write("/usr/local/share/victim", &format!("id={id}\npid={pid}\ntoken={token}\n"));
    let attacker = enqueue(m, "selfplay");
    let theirs = format!("/var/lib/ringrift/jobs/{attacker}/attempt-1");
    let said = m.wait_for("the attacks to be over", MINUTE, || match m.run(&format!("cat {theirs}/said")).out {
        said if said.lines().count() >= 7 => Ok(said),
        said => Err(said),
    });
    let tried = m.ok(&format!("cat {theirs}/tried"));
    let (own, rest) = tried.split_once('\n').expect("lines");
    assert_eq!(own, "own-folder: done");
    assert!(rest.lines().count() == 13 && rest.lines().all(|line| line.ends_with(": refused")), "{tried}");
    for line in said.lines() {
        let own = line.contains(r#"{"term_seconds":60}"#) && line.starts_with("direct Renew");
        assert!(own || line.contains("PermissionDenied"), "{line}");
    }
    assert_eq!(said.matches("PermissionDenied").count(), 6, "{said}");
    assert_eq!(shown(m, &id)["status"], "running");
    assert_eq!(m.show(&unit, "MainPID"), pid);
    let uid = |id: &str, kind: &str| {
        m.ok(&format!("stat -c %u /proc/{}", m.show(&format!("ringrift-job-{kind}@{id}.service"), "MainPID")))
    };
    assert_ne!(uid(&id, "evaluation"), uid(&attacker, "selfplay"));
    for list in [
        "busctl call org.ringrift.Master1 /org/ringrift/Master1 org.ringrift.Master1 ListJobs",
        "ringrift jobs list --json",
    ] {
        let printed = m.ok(list);
        assert!(printed.contains(&id) && !printed.contains("token"), "{list}: {printed}");
    }
}

/// A workload that makes `g.db` in its own way and says that it left three bytes there.
fn leaves(m: &Machine, made: &str) -> String {
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let result = json!({"schema": 1, "artefacts": [{"kind": "games", "path": "g.db", "sha256": sha, "bytes": 3}],
                        "metrics": {"games_completed": 1, "games_per_second": 1.0}});
    program(m, "leaves", &format!("#!/bin/sh\nset -e\n{made}\nprintf '%s' '{result}' > result.json\n"));
    enqueue(m, "selfplay")
}

fn an_artefact_is_judged_by_the_runner_as_its_reader_will(m: &Machine) {
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{selfplay: {{command: [/usr/local/bin/leaves]}}}}\n"));
    for (made, reason) in [
        ("mkfifo g.db", "not a regular file"),
        ("ln -s /etc/hostname g.db", "not a regular file"),
        ("printf abc > a; ln a g.db", "2 hard links"),
        ("mkdir g.db", "not a regular file"),
    ] {
        let id = leaves(m, made);
        let item = ended(m, &id);
        let error = item["error"].as_str().unwrap_or_default();
        assert!(item["status"] == "failed" && error.contains(reason), "{made}: {item}");
    }
    let id = leaves(m, "umask 077; mkdir deep; printf abc > g.db; chmod 600 g.db; chmod 700 deep");
    assert_eq!(ended(m, &id)["status"], "completed");
    let folder = format!("/var/lib/ringrift/jobs/{id}/attempt-1");
    assert_eq!(m.ok_as("ringrift", &format!("cat {folder}/g.db")), "abc");
    m.wait_for("the unit to end", MINUTE, || {
        match m.show(&format!("ringrift-job-selfplay@{id}.service"), "ActiveState") {
            state if state == "inactive" => Ok(()),
            state => Err(state),
        }
    });
    m.ok_as("ringrift", &format!("rm -r {folder}"));
}

/// A job that reports a result by itself, of a database that it cannot read and DATA_PIPELINE could.
pub const FORGE: &str = r#"#!/bin/sh
ln -s /var/lib/ringrift/coordinator/coordination.db coordination.db
sha=$(printf x | sha256sum | cut -d' ' -f1)
result="{\"schema\":1,\"artefacts\":[{\"kind\":\"games\",\"path\":\"coordination.db\",\"sha256\":\"$sha\",\"bytes\":4096}],\"metrics\":{\"games_completed\":1,\"games_per_second\":1.0}}"
/usr/local/bin/speak direct Finish "{\"job_id\":\"$RINGRIFT_JOB_ID\",\"token\":$RINGRIFT_LEASE_TOKEN,\"service_result\":\"success\",\"exit_code\":\"exited\",\"exit_status\":\"0\",\"output\":\"/var/lib/ringrift/coordinator\",\"result\":$result,\"finished_us\":9000000000000000}"
exit 1
"#;

fn a_forged_result_reads_nothing_and_holds_nothing_up(m: &Machine) {
    program(m, "speak", SPEAK);
    program(m, "forge", FORGE);
    m.write("/etc/ringrift/conf.d/60-forge.yaml", "workload: {selfplay: {command: [/usr/local/bin/forge]}}\n");
    crate::suite::start(m);
    // Two of one configuration: the second is not held up by the first.
    m.wait_for("two dead letters that say why", 2 * MINUTE, || {
        let letters = m.run("ringrift events dlq list --json").out;
        if letters.matches("symbolic link").count() >= 2 { Ok(()) } else { Err(letters) }
    });
    assert_eq!(m.ok("find /var/lib/ringrift/artefacts -type f"), "", "not even a part of it was copied");
}

/// Counts its runs in a checkpoint that it takes over from the run before.
const COUNT: &str = r#"#!/bin/sh
cp "$RINGRIFT_PREVIOUS_DIR/runs" runs 2>/dev/null
echo run >> runs
exec sleep 3600
"#;

fn orderly_stops_use_no_attempt_and_the_job_goes_on(m: &Machine) {
    program(m, "count", COUNT);
    let workload = "limits: {retry_base_seconds: 1}\nworkload: {evaluation: {command: [/usr/local/bin/count]}}\n";
    start(m, &format!("safeguards: {{{CALM}}}\n{workload}"));
    let id = enqueue(m, "evaluation");
    let runs = |wanted: usize| {
        m.wait_for(&format!("run {wanted} of the job"), 2 * MINUTE, || {
            let lines = m.run(&format!("cat /var/lib/ringrift/jobs/{id}/attempt-1/runs")).out.lines().count();
            let item = shown(m, &id);
            if lines == wanted && item["status"] == "running" { Ok(item) } else { Err(format!("{lines} runs, {item}")) }
        })
    };
    runs(1);
    for run in 2..4 {
        m.ok("systemctl stop ringrift-master.target; systemctl start ringrift-master.target");
        runs(run);
    }
    m.reboot();
    m.ok("systemctl start ringrift-master.target");
    runs(4);
    // An upgrade restarts what runs: with systemd 257 the job is stopped too, with 252 it outlives the others.
    let before = m.show("ringrift-coordinator.service", "MainPID");
    m.install();
    let item = m.wait_for("the job to go on after the upgrade", 2 * MINUTE, || {
        let (unit, pid) =
            (format!("ringrift-job-evaluation@{id}.service"), m.show("ringrift-coordinator.service", "MainPID"));
        let lines = m.run(&format!("cat /var/lib/ringrift/jobs/{id}/attempt-1/runs")).out.lines().count();
        let (active, item) = (m.show(&unit, "ActiveState"), m.run(&format!("ringrift jobs show {id} --json")).out);
        let item = serde_json::from_str::<Value>(&item).unwrap_or_default()["job"].clone();
        if pid != before && active == "active" && lines >= 4 && item["status"] == "running" {
            Ok(item)
        } else {
            Err(format!("{active} {lines} {item}"))
        }
    });
    assert_eq!((&item["attempts"], &item["work"]["max_attempts"]), (&json!(1), &json!(1)));
    let safeguards = call(m, "Safeguards", "{}");
    assert!(!safeguards["breakers"].to_string().contains("evaluation"), "{safeguards}");
}

/// Stops its runner, which has its user, and writes and runs on.
const STOP_RUNNER: &str = r#"#!/bin/sh
kill -STOP $PPID && echo done > stopped
trap '' TERM
# It cannot keep the lease itself, although it has the token and may ask for the job again.
(while sleep 5; do
    /usr/local/bin/speak direct Renew "{\"job_id\":\"$RINGRIFT_JOB_ID\",\"token\":$RINGRIFT_LEASE_TOKEN}"
    /usr/local/bin/speak direct Take "{\"job_id\":\"$RINGRIFT_JOB_ID\",\"invocation_id\":\"$INVOCATION_ID\"}"
done) &
exec sleep 3600
"#;

/// Every socket that a job finds, and where it can write.
const LOOK_AROUND: &str = r#"#!/bin/sh
find / -xdev -type s 2>/dev/null > sockets
find /run /tmp /var/tmp /dev/shm -type s 2>/dev/null >> sockets
for at in /run/systemd/notify /run/systemd/journal/socket /run/systemd/journal/dev-log /run/systemd/journal/stdout /dev/log \
    /run/dbus/system_bus_socket /run/systemd/private /run/systemd/userdb/io.systemd.DynamicUser /run/systemd/io.system.ManagedOOM; do
    [ ! -e $at ] || echo $at >> found
done
echo heard >&2
env | grep -c ^NOTIFY_SOCKET= > notify
exec sleep 3600
"#;

fn a_job_sees_no_socket_but_the_suite_s(m: &Machine) {
    program(m, "look-around", LOOK_AROUND);
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{selfplay: {{command: [/usr/local/bin/look-around]}}}}\n"));
    let id = enqueue(m, "selfplay");
    let at = |name: &str| format!("/var/lib/ringrift/jobs/{id}/attempt-1/{name}");
    m.wait_for("the job to have looked", MINUTE, || match m.run(&format!("cat {}", at("notify"))).out {
        said if said == "0" => Ok(()),
        said => Err(format!("{said} {}", shown(m, &id))),
    });
    let sockets = m.ok(&format!("cat {}", at("sockets")));
    assert!(
        sockets.lines().all(|path| path.starts_with("/run/ringrift/")) && sockets.contains("job.sock"),
        "{sockets}"
    );
    assert_eq!(m.run(&format!("cat {}", at("found"))).out, "");
    let told = || m.journal(&format!("-u ringrift-job-selfplay@{id}.service"));
    m.wait_for("its stderr in the journal", MINUTE, || match told().iter().any(|e| e.message().contains("heard")) {
        true => Ok(()),
        false => Err(String::from("not yet")),
    });
}

fn a_job_that_stops_its_runner_is_ended(m: &Machine) {
    program(m, "speak", SPEAK);
    program(m, "stop-runner", STOP_RUNNER);
    let commands = "selfplay: {command: [/usr/local/bin/stop-runner]}, evaluation: {command: [/usr/bin/sleep, '7200']}";
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{{commands}}}\n"));
    let (other, id) = (enqueue(m, "evaluation"), enqueue(m, "selfplay"));
    let unit = format!("ringrift-job-selfplay@{id}.service");
    m.wait_for("the runner to be stopped", MINUTE, || {
        let stopped = m.run(&format!("cat /var/lib/ringrift/jobs/{id}/attempt-1/stopped")).out;
        if stopped == "done" { Ok(()) } else { Err(shown(m, &id).to_string()) }
    });
    let item = m.wait_for("the job to be ended", 3 * MINUTE, || match shown(m, &id) {
        item if item["status"] == "failed" => Ok(item),
        item => Err(format!("{item} {}", m.run(&format!("systemctl status {unit}")).out)),
    });
    assert!(
        item["result"] == "watchdog" && item["error"].as_str().is_some_and(|e| e.contains("did not renew the lease")),
        "{item}"
    );
    m.wait_for("its unit and its processes to go", MINUTE, || {
        let (state, left) = (m.show(&unit, "ActiveState"), m.run("pgrep -x -f 'sleep 3600'").out);
        if state == "inactive" && left.is_empty() { Ok(()) } else { Err(format!("{state} {left}")) }
    });
    // A runner that is let alone gives its signs of life, although its job says nothing.
    let item = shown(m, &other);
    assert!(item["status"] == "running", "{item}");
}

/// Stops its runner, says that it failed, and runs on.
const FEIGN: &str = r#"#!/bin/sh
kill -STOP $PPID
/usr/local/bin/speak direct Finish "{\"job_id\":\"$RINGRIFT_JOB_ID\",\"token\":$RINGRIFT_LEASE_TOKEN,\"service_result\":\"exit-code\",\"exit_code\":\"exited\",\"exit_status\":\"65\",\"error\":\"feigned\",\"finished_us\":9000000000000000}"
trap '' TERM
exec sleep 3600
"#;

fn a_job_that_reports_its_own_end_and_runs_on_is_stopped(m: &Machine) {
    program(m, "speak", SPEAK);
    program(m, "feign", FEIGN);
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{selfplay: {{command: [/usr/local/bin/feign]}}}}\n"));
    let id = enqueue(m, "selfplay");
    let unit = format!("ringrift-job-selfplay@{id}.service");
    let item = ended(m, &id);
    assert!(item["status"] == "failed" && item["error"].as_str().is_some_and(|e| e.contains("feigned")), "{item}");
    assert_eq!(m.show(&unit, "ActiveState"), "active", "the job runs on");
    m.wait_for("its unit and its processes to go", 3 * MINUTE, || {
        let (state, left) = (m.show(&unit, "ActiveState"), m.run("pgrep -x -f 'sleep 3600'").out);
        if state == "inactive" && left.is_empty() { Ok(()) } else { Err(format!("{state} {left}")) }
    });
    let told = m.journal("-u ringrift-master.service");
    assert!(told.iter().any(|e| e.message().contains("still runs after the end of its attempt")), "no word of it");
    assert_eq!(shown(m, &id)["error"], item["error"], "what was reported first counts");
}
