//! Limits that the kernel enforces for the suite's units.

use crate::machine::Machine;
use std::time::Duration;

on_both!(memory_max_kills);

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
