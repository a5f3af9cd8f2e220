//! A wall clock that is wrong. Machines share the host's, so the hubs are told another time by a library that stands
//! between them and it.
use crate::emergency::{CALM, MINUTE, start};
use crate::jobs::{ended, enqueue, program};
use crate::machine::Machine;

on_both!(a_clock_that_is_years_ahead_deletes_nothing_until_a_person_confirms_it);

/// Thirteen years ahead; the clock that only runs stays as it is.
const AHEAD: &str = "FAKETIME=+4745d FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1";

fn a_clock_that_is_years_ahead_deletes_nothing_until_a_person_confirms_it(m: &Machine) {
    program(m, "ends", "#!/bin/sh\nexit 0\n");
    start(m, &format!("safeguards: {{{CALM}}}\nworkload: {{selfplay: {{command: [/usr/local/bin/ends]}}}}\n"));
    let id = enqueue(m, "selfplay");
    ended(m, &id);
    let events = || {
        m.ok("ringrift events tail --type WORK_QUEUED --json -n 1000").lines().filter(|line| line.contains(&id)).count()
    };
    m.wait_for("the job's event", MINUTE, || if events() == 1 { Ok(()) } else { Err(events().to_string()) });
    let library = m.ok("dpkg -L libfaketime | grep 'libfaketime.so.1$'");
    for hub in ["event-router", "coordinator", "data-pipeline"] {
        m.ok(&format!("mkdir -p /run/systemd/system/ringrift-{hub}.service.d"));
        m.write(
            &format!("/run/systemd/system/ringrift-{hub}.service.d/50-clock.conf"),
            &format!("[Service]\nEnvironment=LD_PRELOAD={} {AHEAD}\n", library.trim()),
        );
    }
    m.ok("systemctl daemon-reload && systemctl restart ringrift-master.target");
    m.wait_for("RR-CLOCK", MINUTE, || match m.run("ringrift status") {
        said if said.out.contains("confirm-clock") => Ok(()),
        said => Err(said.out),
    });
    m.ok(&format!("ringrift jobs show {id}"));
    assert_eq!(events(), 1, "events are kept as well");
    m.ok("ringrift config confirm-clock");
    // Whoever says that the clock is right means it: what is older than it may be goes.
    m.wait_for("the job to be forgotten", 3 * MINUTE, || match m.run(&format!("ringrift jobs show {id}")) {
        said if said.code != 0 && said.err.contains("no job") => Ok(()),
        said => Err(format!("{} {}", said.out, said.err)),
    });
}
