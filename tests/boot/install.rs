//! What installing the package does, and that it starts and enables nothing.

use crate::machine::{Machine, Suite};

on_both!(
    starts_and_enables_nothing,
    makes_locked_users_with_their_groups,
    makes_shared_folders,
    links_the_backoff_where_known,
    fills_the_catalog
);

fn starts_and_enables_nothing(m: &Machine) {
    assert_eq!(m.ok("systemctl list-units --all --no-legend --plain --state=active 'ringrift-*'"), "");
    assert_eq!(m.ok("systemctl list-jobs --no-legend"), "");
    assert_eq!(m.ok("find /etc/systemd/system -name 'ringrift-*'"), "", "links that enable units");
    assert_eq!(m.ok("ls /etc/ringrift | grep -E 'dpkg-(new|dist)' || true"), "");
    assert_eq!(m.ok("systemctl is-system-running"), "running");
}

fn makes_locked_users_with_their_groups(m: &Machine) {
    for (user, groups) in
        [("ringrift", "ringrift ringrift-job"), ("ringrift-master", "ringrift-master ringrift"), ("ringrift-job", "ringrift-job")]
    {
        let mut has: Vec<String> = m.ok(&format!("id -Gn {user}")).split(' ').map(str::to_string).collect();
        let mut wants: Vec<&str> = groups.split(' ').collect();
        has.sort();
        wants.sort();
        assert_eq!(has, wants, "the groups of {user}");
        let status = m.ok(&format!("passwd -S {user}"));
        assert!(status.starts_with(&format!("{user} L ")), "{user} is not locked: {status}");
        assert_eq!(m.ok(&format!("getent passwd {user} | cut -d: -f7")), "/usr/sbin/nologin");
    }
    assert_eq!(m.ok("getent group ringrift-admin | cut -d: -f4"), "", "nobody may control the suite until an administrator says so");
}

fn makes_shared_folders(m: &Machine) {
    for (folder, expected) in [
        ("/run/ringrift", "755 root root"),
        ("/run/ringrift/control", "755 ringrift-master ringrift-master"),
        ("/run/ringrift/spool/jobs", "1730 ringrift ringrift-job"),
        ("/run/ringrift/spool/failures", "700 ringrift ringrift"),
        ("/var/lib/ringrift", "755 root root"),
    ] {
        assert_eq!(m.ok(&format!("stat -c '%a %U %G' {folder}")), expected, "{folder}");
    }
    let spool = "/run/ringrift/spool/jobs";
    m.ok_as("ringrift-job", &format!("umask 027; echo result > {spool}/7"));
    m.run_as("ringrift-job", &format!("ls {spool}")).expect_refused("listing the spool as a job", "Permission denied");
    m.run_as("ringrift-master", &format!("touch {spool}/8")).expect_refused("writing to the spool as the master", "Permission denied");
    assert_eq!(m.ok_as("ringrift", &format!("cat {spool}/7; rm {spool}/7; ls {spool}")), "result");
    // A reboot empties /run; systemd makes the folders again.
    m.reboot();
    assert_eq!(m.ok(&format!("stat -c '%a %U %G' {spool}")), "1730 ringrift ringrift-job");
}

fn links_the_backoff_where_known(m: &Machine) {
    let drop_in = "/usr/lib/systemd/system/ringrift-.service.d/50-backoff.conf";
    let there = m.run(&format!("test -e {drop_in}")).code == 0;
    assert_eq!(there, m.suite == Suite::Trixie, "systemd knows the keys from 254 on");
    m.write("/run/systemd/system/ringrift-probe.service", "[Service]\nExecStart=true\n");
    m.ok("systemctl daemon-reload");
    if m.suite == Suite::Trixie {
        assert_eq!(m.show("ringrift-probe.service", "RestartSteps"), "4");
        assert_eq!(m.show("ringrift-probe.service", "RestartMaxDelayUSec"), "16s");
    }
    assert_eq!(m.ok("systemd-analyze verify --man=no ringrift-probe.service 2>&1"), "");
}

fn fills_the_catalog(m: &Machine) {
    let shipped = m.ok("grep -c '^-- ' /usr/lib/systemd/catalog/ringrift.catalog");
    let known = m.ok("ids=$(sed -n 's/^-- \\([0-9a-f]\\{32\\}\\)$/\\1/p' /usr/lib/systemd/catalog/ringrift.catalog); \
                      for id in $ids; do journalctl --dump-catalog $id >/dev/null && echo $id; done | wc -l");
    assert_eq!(known, shipped, "the journal does not know every entry of the catalog");
}
