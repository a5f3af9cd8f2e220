//! Whatever guards has a guard: emergency flags without their watch, socket files that somebody deletes.
use crate::emergency::call;
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, running, start};
use std::time::{Duration, Instant};

on_both!(
    flags_halt_without_their_watch_and_a_look_that_fails_shuts_the_gates,
    deleted_socket_files_are_mended_within_seconds,
    what_lies_in_run_is_mended_within_seconds
);

/// The coordinator looks once a second.
const SOON: Duration = Duration::from_secs(5);

fn halted(m: &Machine, wanted: bool, deadline: Duration) {
    m.wait_for(if wanted { "the halt" } else { "the end of the halt" }, deadline, || {
        match m.run("ringrift emergency status") {
            said if (said.code == 3) == wanted => Ok(()),
            said => Err(format!("{} {}", said.out, said.err)),
        }
    });
}

fn flags_halt_without_their_watch_and_a_look_that_fails_shuts_the_gates(m: &Machine) {
    start(m);
    m.ok("systemctl stop ringrift-emergency.path ringrift-emergency.service; systemctl mask --runtime ringrift-emergency.path");
    for flag in ["/run/ringrift/EMERGENCY_HALT", "/tmp/ringrift_coordination/EMERGENCY_HALT"] {
        m.ok(&format!("echo smoke > {flag}"));
        halted(m, true, SOON);
        m.ok(&format!("rm -f {flag} /run/ringrift/EMERGENCY_HALT"));
        halted(m, false, SOON);
    }
    m.wait_for("status to say that the watch is down", MINUTE, || match m.run("ringrift status").out {
        said if said.contains("ringrift-emergency.path") => Ok(()),
        said => Err(said),
    });
    // Nobody can say whether there is a flag: nothing is granted, and that is said first.
    m.ok("chmod 700 /tmp/ringrift_coordination");
    m.wait_for("the gate to shut", MINUTE, || match call(m, "Status", "{}")["blocked"].to_string() {
        said if said.contains("emergency: ") => Ok(()),
        said => Err(said),
    });
    m.wait_for("status to say so", MINUTE, || match m.run("ringrift status").out {
        said if said.contains("cannot check for flag") => Ok(()),
        said => Err(said),
    });
    m.ok("systemd-tmpfiles --create ringrift.conf");
    m.wait_for("the gate to open", MINUTE, || match call(m, "Status", "{}")["blocked"].to_string() {
        said if !said.contains("emergency: ") => Ok(()),
        said => Err(said),
    });
}

fn deleted_socket_files_are_mended_within_seconds(m: &Machine) {
    start(m);
    let probes = [
        ("router", "ringrift-event-router.service", "ringrift events emit external.probe n=1"),
        ("coordinator", "ringrift-coordinator.service", "ringrift jobs queue"),
        ("catalog", "ringrift-data-pipeline.service", "ringrift models list"),
        ("job", "ringrift-coordinator.service", "test -S /run/ringrift/job.sock"),
    ];
    for (socket, service, probe) in probes {
        let before = m.show(service, "InvocationID");
        m.ok(&format!("rm /run/ringrift/{socket}.sock"));
        let deleted = Instant::now();
        m.wait_for(&format!("{socket}.sock to be there and answered"), Duration::from_secs(30), || {
            let ran = m.run(&format!("test -S /run/ringrift/{socket}.sock && {probe}"));
            match m.show(service, "ActiveState") {
                state if state == "active" && ran.code == 0 && m.show(service, "InvocationID") != before => Ok(()),
                state => Err(format!("{state} {} {}", ran.out, ran.err)),
            }
        });
        println!("{:?}: {socket}.sock was served again after {:?}", m.suite, deleted.elapsed());
        m.wait_for("all daemons to be well again", MINUTE, || running(m, daemons()));
        let told = m.journal("MESSAGE_ID=e8a97e0d77b54bfe80f154ed6192c3fa");
        assert!(
            told.iter().any(|e| e.message().contains(&format!("ringrift-{socket}.socket"))),
            "{socket} is not told of"
        );
    }
    let said = m.journal("MESSAGE_ID=c4e0a7f2b15d4f1e8a6690d3c97b12e5");
    println!("{:?}: hubs said so {} times", m.suite, said.len());
}

/// A folder in the place of a socket, a mode that lets nobody in, another socket.
fn what_lies_in_run_is_mended_within_seconds(m: &Machine) {
    start(m);
    let broken = [
        ("rm job.sock && mkdir -p job.sock/inner", "job"),
        ("chmod 000 coordinator.sock", "coordinator"),
        (
            "mv router.sock /tmp/kept && perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"router.sock\", Listen => 1)'",
            "router",
        ),
    ];
    for (how, socket) in broken {
        m.ok(&format!("cd /run/ringrift && {how}"));
        let wanted = if socket == "job" { "socket 660" } else { "socket 666" };
        m.wait_for(&format!("{socket}.sock to be mended after {how}"), Duration::from_secs(20), || {
            let ran = m.run(&format!(
                "stat -c '%F %a' /run/ringrift/{socket}.sock && ringrift jobs queue && ringrift events tail -n 1"
            ));
            let up = m.show("ringrift-coordinator.service", "ActiveState");
            if ran.code == 0 && ran.out.starts_with(wanted) && up == "active" {
                Ok(())
            } else {
                Err(format!("{up} {} {}", ran.out, ran.err))
            }
        });
        m.wait_for("all daemons to be well again", MINUTE, || running(m, daemons()));
    }
}
