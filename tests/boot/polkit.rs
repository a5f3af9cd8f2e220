//! Who may control what: the master only the suite's units, administrators of the suite only the master.

use crate::machine::Machine;

on_both!(
    master_controls_shipped_units_only,
    master_is_not_root,
    admins_may_control_and_others_not,
    only_the_master_owns_its_name
);

/// What polkit's refusal reads like for a user without a password prompt; which of the two depends on the caller and
/// the release.
const REFUSALS: [&str; 3] = ["authentication required", "Access denied", "Permission denied"];

fn refused(m: &Machine, user: &str, command: &str) {
    let ran = m.run_as(user, command);
    assert!(ran.code != 0, "{user} was allowed `{command}`: {}", ran.out);
    assert!(
        REFUSALS.iter().any(|words| ran.err.contains(words)),
        "{user} was refused `{command}` for another reason: {}",
        ran.err
    );
}

/// Puts harmless programs behind two shipped units, so that this is a test of polkit and not of daemons.
fn harmless(m: &Machine) {
    for unit in ["ringrift-event-router.service", "ringrift-job-selfplay@.service"] {
        m.write(
            &format!("/etc/systemd/system/{unit}.d/90-test.conf"),
            "[Unit]\nRequires=\nWants=\n[Service]\nType=exec\nExecStart=\nExecStart=/usr/bin/sleep infinity\nExecStopPost=\nExecReload=/usr/bin/true\n",
        );
    }
    // What the coordinator does before it has a job's unit started.
    m.ok("for id in 7 9 a-b; do install -d -o ringrift -g ringrift-job -m 770 /var/lib/ringrift/jobs/$id; done");
    m.ok("useradd --system plain && systemctl daemon-reload");
}

fn master_controls_shipped_units_only(m: &Machine) {
    harmless(m);
    m.write("/etc/systemd/system/ringrift-not-ours.service", "[Service]\nExecStart=/usr/bin/sleep infinity\n");
    m.ok("systemctl daemon-reload && systemctl start ringrift-not-ours.service");
    for unit in
        ["ringrift-event-router.service", "ringrift-job-selfplay@7.service", "ringrift-job-selfplay@a-b.service"]
    {
        for command in [
            format!("systemctl start {unit}"),
            format!("systemctl restart {unit}"),
            format!("systemctl set-property --runtime {unit} MemoryMax=64M"),
            format!("systemctl kill --signal=CONT {unit}"),
        ] {
            m.ok_as("ringrift-master", &command);
        }
        assert_eq!(m.show(unit, "ActiveState"), "active");
        assert_eq!(m.show(unit, "MemoryMax"), "67108864");
        for user in ["plain", "ringrift-job"] {
            refused(m, user, &format!("systemctl stop {unit}"));
            refused(m, user, &format!("systemctl kill {unit}"));
        }
        // The coordinator may kill jobs at an emergency, and nothing else.
        refused(m, "ringrift", &format!("systemctl start {unit}"));
        refused(m, "ringrift", &format!("systemctl set-property --runtime {unit} MemoryMax=64M"));
        match unit.starts_with("ringrift-job-") {
            true => m.ok_as("ringrift", &format!("systemctl kill --signal=CONT {unit}")),
            false => {
                refused(m, "ringrift", &format!("systemctl stop {unit}"));
                String::new()
            }
        };
        m.ok_as("ringrift-master", &format!("systemctl stop {unit}"));
        assert_eq!(m.show(unit, "ActiveState"), "inactive");
    }
    for unit in ["ringrift-not-ours.service", "dbus.service", "systemd-journald.service"] {
        for verb in ["start", "stop", "restart", "kill"] {
            refused(m, "ringrift-master", &format!("systemctl {verb} {unit}"));
        }
    }
    m.ok_as("ringrift", "systemctl stop ringrift-jobs.slice");
    for unit in ["ringrift-core.slice", "ringrift.slice", "ringrift-not-ours.service", "dbus.service"] {
        refused(m, "ringrift", &format!("systemctl stop {unit}"));
        refused(m, "ringrift", &format!("systemctl kill {unit}"));
    }
    // Looking is free for everybody.
    assert_eq!(m.ok_as("plain", "systemctl show --value -p ActiveState ringrift-event-router.service"), "inactive");
}

/// The ways from controlling units to running any command as root, each of them closed.
fn master_is_not_root(m: &Machine) {
    harmless(m);
    for command in [
        "systemd-run --unit=ringrift-evil.service id",
        "systemd-run --unit=ringrift-evil@1.service id",
        "systemd-run --scope --unit=ringrift-evil.scope id",
        "systemctl daemon-reload",
        "systemctl enable ringrift-event-router.service",
        "systemctl poweroff",
    ] {
        refused(m, "ringrift-master", &format!("{command} </dev/null"));
    }
    // These names are allowed, but have unit files, and systemd makes no transient unit over one.
    for unit in ["ringrift-event-router.service", "ringrift-job-selfplay@9.service"] {
        let ran = m.run_as("ringrift-master", &format!("systemd-run --no-ask-password --unit={unit} touch /run/owned"));
        assert!(ran.code != 0, "a transient unit in place of {unit}");
    }
    m.ok_as("ringrift-master", "systemctl start ringrift-event-router.service");
    refused(m, "ringrift-master", "systemctl bind ringrift-event-router.service /etc/shadow /srv");
    m.ok("test ! -e /run/owned");
}

fn admins_may_control_and_others_not(m: &Machine) {
    m.ok("useradd --system plain; useradd --system -G ringrift-admin boss");
    for (user, may) in [("boss", true), ("root", true), ("plain", false), ("ringrift", false), ("ringrift-job", false)]
    {
        // The master asks about a process of its caller, as it will for each method that changes something.
        let asked = m.run(&format!(
            "setpriv --reuid={user} --regid=$(id -g {user}) --init-groups sleep 60 & caller=$!; \
             until grep -qx sleep /proc/$caller/comm; do :; done; \
             runuser -u ringrift-master -- pkcheck --action-id org.ringrift.master1.control --process $caller; code=$?; \
             kill $caller; exit $code"
        ));
        assert_eq!(
            asked.code == 0,
            may,
            "{user} may {}control: {} {}",
            if may { "" } else { "not " },
            asked.out,
            asked.err
        );
        assert!(!asked.err.contains("Only trusted callers"), "the master may not ask about others: {}", asked.err);
    }
    let nosy = m.run("runuser -u plain -- pkcheck --action-id org.ringrift.master1.control --process 1");
    assert!(nosy.code != 0 && nosy.err.contains("trusted callers"), "a plain user may ask about others: {}", nosy.err);
}

fn only_the_master_owns_its_name(m: &Machine) {
    m.ok("useradd --system plain");
    let own = "busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus RequestName su org.ringrift.Master1 0";
    assert_eq!(m.ok_as("ringrift-master", own), "u 1", "1 is: you own it");
    for user in ["plain", "ringrift", "ringrift-job"] {
        refused(m, user, own);
    }
    // Nothing starts the master when somebody looks for it.
    let activatable = m.ok("busctl --activatable --no-legend list");
    assert!(!activatable.contains("org.ringrift"), "{activatable}");
}
