//! What a job can take of the disk and of the jobs' socket: a bounded part, and never another's.
use crate::emergency::{CALM, MINUTE, start};
use crate::jobs::{SPEAK, ended, enqueue, program, shown};
use crate::machine::Machine;
use serde_json::json;

on_both!(
    a_report_that_cannot_be_handed_in_waits_in_the_job_s_folder,
    a_job_that_takes_too_much_disk_is_ended_with_that_reason,
    many_connections_of_a_job_are_nobody_else_s_loss,
    connections_of_a_job_close_when_its_attempt_is_over,
);

/// Ends at once, or in the way that the file of this name says, when it is told to.
const WAITS: &str = "#!/bin/sh\nuntil [ -e /usr/local/share/go ]; do sleep 0.2; done\n. /usr/local/share/ends\n";

fn a_report_that_cannot_be_handed_in_waits_in_the_job_s_folder(m: &Machine) {
    program(m, "waits", WAITS);
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{selfplay: {{command: [/usr/local/bin/waits]}}}}\n"));
    let hub = "ringrift-coordinator.service ringrift-coordinator.socket ringrift-job.socket";
    for (ends, result) in [
        ("exit 7", "exit-code"),
        ("mkdir -p ../report.json/x; exit 7", "gone"),
        ("rm -f ../report.json; mkfifo ../report.json ../.report.json.new; chmod 500 ..; kill -9 $PPID", "signal"),
    ] {
        m.ok("rm -f /usr/local/share/go");
        m.write("/usr/local/share/ends", &format!("{ends}\n"));
        let id = enqueue(m, "selfplay");
        let unit = format!("ringrift-job-selfplay@{id}.service");
        m.wait_for("the job to run", MINUTE, || match shown(m, &id) {
            item if item["status"] == "running" => Ok(()),
            item => Err(item.to_string()),
        });
        m.ok(&format!("systemctl stop {hub} && touch /usr/local/share/go"));
        m.wait_for("its unit to end", MINUTE, || match m.show(&unit, "ActiveState") {
            state if ["inactive", "failed"].contains(&state.as_str()) => Ok(()),
            state => Err(state),
        });
        m.ok(&format!("systemctl start {hub}"));
        let item = ended(m, &id);
        assert_eq!((&item["status"], &item["result"]), (&json!("failed"), &json!(result)), "{ends}: {item}");
    }
}

/// Takes disk in the way that the file of this name says.
const FILL: &str = "#!/bin/bash\n. /usr/local/share/fill\nexec sleep 3600\n";

fn a_job_that_takes_too_much_disk_is_ended_with_that_reason(m: &Machine) {
    program(m, "fill", FILL);
    let limits = "limits: {job_bytes: 8388608, job_files: 500}\n";
    start(m, &format!("safeguards: {{{CALM}}}\n{limits}workload: {{selfplay: {{command: [/usr/local/bin/fill]}}}}\n"));
    for (how, reason) in [
        ("mkdir -p a/b; for n in $(seq 20); do head -c 1M /dev/zero > a/b/$n; done", "limits.job_bytes"),
        ("chmod 300 . ; for n in $(seq 20); do head -c 1M /dev/zero > $n; done", "limits.job_bytes"),
        ("for n in $(seq 20); do head -c 1M /dev/zero > /var/tmp/$n; done", "limits.job_bytes"),
        ("exec 3> a 4> b 5> c; rm a b c; for n in 3 4 5; do head -c 4M /dev/zero >&$n; done", "limits.job_bytes"),
        ("for n in $(seq 600); do mkdir d$n; done", "limits.job_files"),
        ("exec head -c 20M /dev/zero > one", "a file of the job reached"),
        ("trap '' XFSZ; head -c 20M /dev/zero > one; exit 7", "a file of the job reached"),
    ] {
        m.write("/usr/local/share/fill", &format!("{how}\n"));
        let work = json!({"work_type": "selfplay", "config_key": "square8_2p", "max_attempts": 3});
        let id = crate::emergency::call(m, "Enqueue", &work.to_string())["work_id"].as_str().expect("an id").to_owned();
        let item = ended(m, &id);
        assert_eq!(
            (&item["status"], &item["result"], &item["attempts"]),
            (&json!("failed"), &json!("quota"), &json!(1)),
            "{how}: {item}"
        );
        let page = m.ok(&format!("ringrift jobs show {id}"));
        assert!(page.contains(reason) && page.contains("quota"), "{how}: {page}");
    }
    let safeguards = crate::emergency::call(m, "Safeguards", "{}");
    assert!(!safeguards["breakers"].to_string().contains("selfplay"), "it is no fault of the machine's: {safeguards}");
}

/// Opens connections and sends a MiB without an end on each; notes how many were made and how many of them live.
const FLOOD: &str = r#"#!/usr/bin/perl
use IO::Socket::UNIX;
$SIG{PIPE} = "IGNORE";
my ($mib, @open) = ("x" x (1 << 20));
for (1 .. 512) {
    my $s = IO::Socket::UNIX->new("/run/ringrift/job.sock") or next;
    $s->blocking(0);
    syswrite($s, $mib);
    push @open, $s;
}
for (1 .. 20) {
    foreach my $s (@open) { syswrite($s, $mib) }
    select(undef, undef, undef, 0.1);
}
my $alive = grep { defined(syswrite($_, "x")) or $!{EAGAIN} } @open;
open(my $said, ">", "said"); print $said scalar(@open) . " $alive\n"; close($said);
sleep 3600;
"#;

const CALLS: &str = r#"#!/bin/sh
/usr/local/bin/speak direct Renew "{\"job_id\":\"$RINGRIFT_JOB_ID\",\"token\":$RINGRIFT_LEASE_TOKEN}"
exec sleep 3600
"#;

fn many_connections_of_a_job_are_nobody_else_s_loss(m: &Machine) {
    program(m, "speak", SPEAK);
    program(m, "flood", FLOOD);
    program(m, "calls", CALLS);
    let commands = "selfplay: {command: [/usr/local/bin/flood]}, evaluation: {command: [/usr/local/bin/calls]}";
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{{commands}}}\n"));
    let read = |id: &str| {
        m.wait_for(&format!("job {id} to say something"), MINUTE, || {
            match m.run(&format!("cat /var/lib/ringrift/jobs/{id}/attempt-1/said")).out {
                said if said.is_empty() => Err(shown(m, id).to_string()),
                said => Ok(said),
            }
        })
    };
    let flood = enqueue(m, "selfplay");
    let said = read(&flood);
    let alive: usize = said.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("two numbers");
    assert!(alive <= 16, "opened and alive: {said}");
    let calls = enqueue(m, "evaluation");
    assert!(read(&calls).contains("term_seconds"), "another job is answered");
    m.ok("ringrift jobs list");
    assert_eq!(m.show("ringrift-coordinator.service", "NRestarts"), "0");
    assert_eq!(
        (shown(m, &flood)["status"].clone(), shown(m, &calls)["status"].clone()),
        (json!("running"), json!("running"))
    );
}

/// Reports its own end over one connection, and waits on another until that is closed.
const OUTLIVE: &str = r#"#!/usr/bin/perl
use IO::Socket::UNIX;
my $kept = IO::Socket::UNIX->new("/run/ringrift/job.sock") or die;
$/ = "\0";
print $kept qq({"method":"org.ringrift.Job.Renew","parameters":{"job_id":"$ENV{RINGRIFT_JOB_ID}","token":$ENV{RINGRIFT_LEASE_TOKEN}}}\0);
$kept->flush; my $renewed = <$kept>;
system("/usr/local/bin/speak", "direct", "Finish", qq({"job_id":"$ENV{RINGRIFT_JOB_ID}","token":$ENV{RINGRIFT_LEASE_TOKEN},"service_result":"exit-code","exit_code":"exited","exit_status":"65","finished_us":9000000000000000}));
my $rest = <$kept>;
open(my $said, ">", "closed"); print $said defined($rest) ? "answered" : "end", " after ", $renewed =~ /term_seconds/ ? "a lease" : "nothing", "\n"; close($said);
sleep 3600;
"#;

fn connections_of_a_job_close_when_its_attempt_is_over(m: &Machine) {
    program(m, "speak", SPEAK);
    program(m, "outlive", OUTLIVE);
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{selfplay: {{command: [/usr/local/bin/outlive]}}}}\n"));
    let id = enqueue(m, "selfplay");
    assert_eq!(ended(m, &id)["status"], "failed");
    let closed = m.wait_for("its other connection to be closed", MINUTE, || {
        match m.run(&format!("cat /var/lib/ringrift/jobs/{id}/attempt-1/closed")).out {
            said if said.is_empty() => Err(m.run(&format!("systemctl status ringrift-job-selfplay@{id}.service")).out),
            said => Ok(said),
        }
    });
    assert_eq!(closed, "end after a lease");
}
