//! Upgrade, remove and purge.

use crate::machine::Machine;
use std::time::Duration;

on_both!(upgrade_keeps_settings_and_restarts_what_runs, remove_keeps_state_and_purge_deletes_it);

/// Puts a harmless program behind the router, and says to systemd that the target wants only that.
fn something_that_runs(m: &Machine) {
    m.write(
        "/etc/systemd/system/ringrift-event-router.service.d/90-test.conf",
        "[Unit]\nRequires=\nWants=\n[Service]\nType=exec\nExecStart=\nExecStart=/usr/bin/sleep infinity\n",
    );
    m.ok("systemctl daemon-reload; systemctl start ringrift-event-router.service");
    m.wait_state("ringrift-event-router.service", "active", Duration::from_secs(10));
}

fn upgrade_keeps_settings_and_restarts_what_runs(m: &Machine) {
    let configuration = m.ok("find /etc/ringrift -type f | head -1");
    assert!(!configuration.is_empty(), "the package has no configuration");
    m.ok(&format!("echo '# ours' >> {configuration}"));
    something_that_runs(m);
    // The target alone, without what it wants: PartOf= is what is looked at.
    m.write("/etc/systemd/system/ringrift-master.target.d/90-test.conf", "[Unit]\nWants=\nRequires=\n");
    m.ok("systemctl daemon-reload; systemctl start --job-mode=ignore-dependencies ringrift-master.target");
    let before = m.show("ringrift-event-router.service", "MainPID");
    m.install();
    m.wait_for("the router's new process", Duration::from_secs(10), || {
        let now = m.show("ringrift-event-router.service", "MainPID");
        if now != before && now != "0" { Ok(()) } else { Err(format!("MainPID was {before}, is {now}")) }
    });
    assert_eq!(m.ok(&format!("tail -1 {configuration}")), "# ours", "an upgrade changed an edited setting");
}

fn remove_keeps_state_and_purge_deletes_it(m: &Machine) {
    something_that_runs(m);
    m.ok("echo kept > /var/lib/ringrift/kept; systemctl enable ringrift-master.target; \
          systemctl set-property ringrift-event-router.service CPUWeight=50");
    m.write("/etc/ringrift/conf.d/60-drop-ins.yaml", "runtime: {restart_max: 7, coordinator_dir: /srv/coordinator}\n");
    m.ok("ringrift units generate --drop-ins --dest /etc/systemd/system");
    m.ok("dpkg --remove ringrift");
    assert_eq!(m.ok("systemctl list-units --no-legend --plain --all --state=active,failed 'ringrift-*'"), "");
    assert_eq!(
        m.ok("ls /proc/*/exe -l 2>/dev/null | grep ringrift || true"),
        "",
        "processes that outlived their package"
    );
    assert_eq!(m.ok("cat /var/lib/ringrift/kept"), "kept");
    assert_eq!(m.ok("find /usr -name '*ringrift*'"), "", "files that remove left");
    m.ok("test -d /etc/ringrift; rm /etc/systemd/system/ringrift-event-router.service.d/90-test.conf");
    m.write("/etc/systemd/system/ringrift-failure@.service.d/50-ours.conf", "[Service]\nNice=1\n");
    m.ok("dpkg --purge ringrift");
    m.ok("test ! -e /var/lib/ringrift && test ! -e /etc/ringrift && test ! -e /run/ringrift");
    assert_eq!(
        m.ok("find /etc /run /var/lib -path '*ringrift*' ! -path '/run/udev/*'"),
        "/etc/systemd/system/ringrift-failure@.service.d\n/etc/systemd/system/ringrift-failure@.service.d/50-ours.conf",
        "what purge left: the administrator's own drop-in and nothing else"
    );
    for user in ["ringrift", "ringrift-master", "ringrift-job"] {
        m.ok(&format!("id {user}")); // locked users stay, so that their numbers are never given to others
    }
    assert_eq!(m.ok("systemctl is-system-running"), "running");
}
