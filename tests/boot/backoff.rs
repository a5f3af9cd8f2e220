//! Restarts as systemd does them where the package's drop-in applies.

use crate::machine::{Machine, Suite};
use std::time::Duration;

on_both!(delays_double_and_end_in_failed);

/// A unit that fails at once is started six times, 1, 2, 4, 8 and 16 s apart, and is then failed.
fn delays_double_and_end_in_failed(m: &Machine) {
    if m.suite == Suite::Bookworm {
        m.skipped("systemd 252 has no growing delays; there the daemons wait themselves");
        return;
    }
    m.write(
        "/run/systemd/system/ringrift-probe.service",
        "[Unit]\nStartLimitBurst=6\nStartLimitIntervalSec=600\n\
         [Service]\nExecStart=/bin/sh -c 'echo began; exit 1'\nRestart=on-failure\nRestartSec=1s\n",
    );
    m.ok("systemctl daemon-reload; systemctl start ringrift-probe.service");
    m.wait_state("ringrift-probe.service", "failed", Duration::from_secs(60));
    let starts: Vec<Duration> = m
        .journal("-u ringrift-probe.service")
        .iter()
        .filter(|entry| entry.message() == "began")
        .map(|entry| entry.at())
        .collect();
    let delays: Vec<f64> = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    assert_eq!(delays.len(), 5, "{delays:?}");
    for (delay, expected) in delays.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0]) {
        assert!((expected..expected + 1.5).contains(delay), "{delays:?}");
    }
}
