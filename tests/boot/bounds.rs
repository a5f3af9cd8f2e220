//! What a job can take of the disk, of the spool and of the jobs' socket: a bounded part, and never another's.
use crate::emergency::{CALM, MINUTE, start};
use crate::jobs::{SPEAK, ended, enqueue, program, shown};
use crate::machine::Machine;
use serde_json::json;

on_both!(
    what_a_job_leaves_in_the_spool_is_set_aside_once,
    a_job_that_takes_too_much_disk_is_ended_with_that_reason,
    many_connections_of_a_job_are_nobody_else_s_loss,
    connections_of_a_job_close_when_its_attempt_is_over,
);

const SPOOL: &str = "/var/lib/ringrift/spool";

/// Puts everything there that is no result, also a link in the place of the folder for such things.
const LITTER: &str = r#"#!/bin/sh
cd /var/lib/ringrift/spool
ln -s "$RINGRIFT_OUTPUT_DIR" bad
for n in $(seq 40); do echo "{" > finish-$n.json; echo x > garbage-$n; done
until mkdir -m 700 finish-folder.json && echo x > finish-folder.json/x; do :; done
mkdir finish-empty.json
mkfifo finish-fifo.json
ln -s /etc/shadow finish-link.json
ln finish-link.json finish-second-name.json
truncate -s 5M finish-large.json
exec sleep 3600
"#;

fn what_a_job_leaves_in_the_spool_is_set_aside_once(m: &Machine) {
    program(m, "litter", LITTER);
    m.ok(&format!("rmdir {SPOOL}/bad"));
    let commands = "selfplay: {command: [/usr/local/bin/litter]}, evaluation: {command: [/bin/false]}";
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{{commands}}}\n"));
    let id = enqueue(m, "selfplay");
    let left = m.wait_for("everything to be set aside", MINUTE, || {
        let seen = m.run(&format!("ls -A {SPOOL}; echo; ls -A {SPOOL}/bad")).out;
        let (left, bad) = seen.split_once("\n\n").unwrap_or((&seen, ""));
        let over = bad.contains("finish-40.json") || bad.contains("garbage");
        if over && left.lines().all(|name| ["bad", "failures", "finish-folder.json"].contains(&name)) {
            Ok(left.to_owned())
        } else {
            Err(seen)
        }
    });
    // A folder that its owner closed cannot be moved; it is known.
    assert!(left.contains("finish-folder.json"), "{left}");
    assert_eq!(m.ok(&format!("stat -c '%F %U' {SPOOL}/bad")), "directory ringrift");
    assert_eq!(m.ok(&format!("ls /var/lib/ringrift/jobs/{id}/attempt-1")), "", "the link was not followed");
    assert!(m.ok(&format!("ls {SPOOL}/bad | wc -l")).parse::<usize>().is_ok_and(|kept| kept <= 64));
    let told = || m.ok("journalctl -u ringrift-coordinator.service | grep -c 'of no use' || true").parse::<usize>().expect("a number");
    let before = told();
    assert!((1..=20).contains(&before), "{before} lines");
    // Reports of other jobs make the coordinator look again, and tell nothing again.
    let other = enqueue(m, "evaluation");
    assert_eq!(ended(m, &other)["status"], "failed");
    m.ok(&format!("touch {SPOOL}/mine; rm {SPOOL}/mine"));
    assert_eq!((told(), m.show("ringrift-coordinator.service", "NRestarts")), (before, "0".into()));
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
        ("for n in $(seq 600); do mkdir d$n; done", "limits.job_files"),
        ("exec head -c 20M /dev/zero > one", "a file of the job reached"),
        ("trap '' XFSZ; head -c 20M /dev/zero > one; exit 7", "a file of the job reached"),
    ] {
        m.write("/usr/local/share/fill", &format!("{how}\n"));
        let work = json!({"work_type": "selfplay", "config_key": "square8_2p", "max_attempts": 3});
        let id = crate::emergency::call(m, "Enqueue", &work.to_string())["work_id"].as_str().expect("an id").to_owned();
        let item = ended(m, &id);
        assert_eq!((&item["status"], &item["result"], &item["attempts"]), (&json!("failed"), &json!("quota"), &json!(1)), "{how}: {item}");
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
    assert_eq!((shown(m, &flood)["status"].clone(), shown(m, &calls)["status"].clone()), (json!("running"), json!("running")));
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
