//! What installing the package does, and that it starts and enables nothing.

use crate::machine::{Machine, Suite};

on_both!(
    starts_and_enables_nothing,
    makes_locked_users_with_their_groups,
    makes_shared_folders,
    failure_reports_are_for_their_writers_and_readers,
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
    for (user, groups) in [
        ("ringrift", "ringrift ringrift-job"),
        ("ringrift-master", "ringrift-master ringrift"),
        ("ringrift-job", "ringrift-job"),
    ] {
        let mut has: Vec<String> = m.ok(&format!("id -Gn {user}")).split(' ').map(str::to_string).collect();
        let mut wants: Vec<&str> = groups.split(' ').collect();
        has.sort();
        wants.sort();
        assert_eq!(has, wants, "the groups of {user}");
        let status = m.ok(&format!("passwd -S {user}"));
        assert!(status.starts_with(&format!("{user} L ")), "{user} is not locked: {status}");
        assert_eq!(m.ok(&format!("getent passwd {user} | cut -d: -f7")), "/usr/sbin/nologin");
    }
    assert_eq!(
        m.ok("getent group ringrift-admin | cut -d: -f4"),
        "",
        "nobody may control the suite until an administrator says so"
    );
}

fn makes_shared_folders(m: &Machine) {
    let folders = [
        ("/run/ringrift", "1775 root ringrift-halt"),
        ("/run/ringrift/control", "755 ringrift-master ringrift-master"),
        ("/run/ringrift/master_loop.pid", "640 ringrift-master ringrift-master"),
        ("/var/lib/ringrift", "755 root root"),
        ("/var/lib/ringrift/spool", "711 root root"),
        ("/var/lib/ringrift/spool/failures", "770 ringrift ringrift-master"),
        ("/var/lib/ringrift/jobs", "2751 ringrift ringrift-job"),
        ("/var/lib/ringrift/artefacts", "755 ringrift ringrift"),
        ("/var/lib/ringrift/current", "755 ringrift ringrift"),
    ];
    let look = |when: &str| {
        for (folder, expected) in folders {
            assert_eq!(m.ok(&format!("stat -c '%a %U %G' {folder}")), expected, "{folder} {when}");
        }
    };
    look("after the install");
    m.reboot(); // empties /run
    look("after a reboot");
}

/// A failure report changes hands; nobody else gets in between.
fn failure_reports_are_for_their_writers_and_readers(m: &Machine) {
    let failures = "/var/lib/ringrift/spool/failures";
    m.run_as("ringrift-job", &format!("ls {failures}"))
        .expect_refused("reading failures as a job", "Permission denied");
    m.ok_as("ringrift", &format!("umask 022; echo report > {failures}/1"));
    assert_eq!(m.ok_as("ringrift-master", &format!("cat {failures}/*; rm {failures}/1; ls {failures}")), "report");
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
    for message in ringrift::contract::messages::ALL {
        let shown = m.ok(&format!("journalctl --dump-catalog {}", message.id));
        assert!(shown.contains("Defined-By: ringrift"), "{}: {shown}", message.name);
    }
}
