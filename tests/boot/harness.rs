//! What the other tests rely on in a machine.

use crate::machine::Machine;

on_both!(disks_outlive_reboots_and_power_cuts);

/// Each boot is one of its own in the journal, and what was on disk is still there.
fn disks_outlive_reboots_and_power_cuts(m: &Machine) {
    let boot = |m: &Machine| m.ok("cat /proc/sys/kernel/random/boot_id");
    let mut boots = vec![boot(m)];
    m.ok("echo here > /var/tmp/disk && sync; echo gone > /run/memory");
    m.reboot();
    boots.push(boot(m));
    m.power_cut();
    boots.push(boot(m));
    assert_eq!(m.ok("cat /var/tmp/disk; cat /run/memory 2>/dev/null || true"), "here");
    let known = m.journal("--boot=-2 -n 1");
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].field("_BOOT_ID"), boots[0].replace('-', ""));
    boots.sort();
    boots.dedup();
    assert_eq!(boots.len(), 3, "{boots:?}");
}
