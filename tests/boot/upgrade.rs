//! An upgrade from version 0.1.0, with its configuration files as an operator edited them and the databases that it
//! left.
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, running};
use std::path::Path;

on_both!(
    an_upgrade_from_0_1_0_keeps_running_with_edited_files,
    an_upgrade_onto_a_refused_configuration_restarts_nothing
);

/// Configuration and databases of version 0.1.0, see the README there.
fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0").join(name)
}

/// Makes a package 0.1.0-1 of the one under test: with 0.1.0's configuration files. dpkg treats it as it treats 0.1.0;
/// the programs in it are the new ones.
fn install_0_1_0(m: &Machine) {
    m.ok("dpkg --purge ringrift; mkdir /var/tmp/old /var/tmp/etc");
    m.copy(&crate::machine::package().expect("installed before"), "/var/tmp");
    m.ok("dpkg-deb -R /var/tmp/ringrift_*.deb /var/tmp/old; rm /var/tmp/ringrift_*.deb");
    for name in ["unified_loop.yaml", "environment"] {
        m.copy(&fixture(name), "/var/tmp/old/etc/ringrift");
    }
    m.ok("sed -i 's/^Version: .*/Version: 0.1.0-1/' /var/tmp/old/DEBIAN/control; \
          rm /var/tmp/old/DEBIAN/md5sums; \
          dpkg-deb -Znone --build /var/tmp/old /var/tmp/old.deb; dpkg -i /var/tmp/old.deb; rm -r /var/tmp/old /var/tmp/old.deb");
}

/// The databases as 0.1.0 left them in a stop: made of their dumps, each where its owner looks for it.
fn databases_of_0_1_0(m: &Machine) {
    let dir = tempfile::tempdir().expect("a folder");
    for (dump, user, place) in [
        ("events.sql", "ringrift", "event-router/events.db"),
        ("coordination.sql", "ringrift", "coordinator/coordination.db"),
        ("catalog.sql", "ringrift", "data-pipeline/catalog.db"),
        ("master.sql", "ringrift-master", "master/master.db"),
    ] {
        let (folder, name) = place.split_once('/').expect("folder and name");
        let file = dir.path().join(name);
        // Rows come before those that they refer to.
        let text = format!("PRAGMA foreign_keys = OFF;{}", std::fs::read_to_string(fixture(dump)).expect("a dump"));
        rusqlite::Connection::open(&file).and_then(|db| db.execute_batch(&text)).expect(dump);
        let folder = format!("/var/lib/ringrift/{folder}");
        m.ok(&format!("install -d -o {user} -g {user} -m 0700 {folder}"));
        m.copy(&file, &folder);
        m.ok(&format!("chown {user}:{user} {folder}/{name}; chmod 0600 {folder}/{name}"));
    }
}

fn an_upgrade_from_0_1_0_keeps_running_with_edited_files(m: &Machine) {
    install_0_1_0(m);
    databases_of_0_1_0(m);
    let ours = "safeguards: {disk: {warning: 98, critical: 99}, memory: {warning: 98, critical: 99}}";
    m.ok(&format!(
        "echo '{ours}' >> /etc/ringrift/unified_loop.yaml; echo RINGRIFT_LOG=debug >> /etc/ringrift/environment"
    ));
    m.write(
        "/etc/ringrift/conf.d/50-mine.yaml",
        "daemons: {training_trigger: {threshold_games: 77}, data_pipeline: {max_disk_percent: 99.5}}\n",
    );
    let edited = m.ok("cat /etc/ringrift/unified_loop.yaml");
    m.ok("systemctl start --no-block ringrift-master.target"); // what runs at the upgrade
    // The answer to dpkg's question about a file that both sides changed.
    m.copy(&crate::machine::package().expect("installed before"), "/var/tmp");
    let said = m.ok("dpkg --force-confold -i /var/tmp/ringrift_*.deb 2>&1");
    assert!(said.contains("NEWS.Debian.gz"), "{said}");
    assert!(m.ok("zcat /usr/share/doc/ringrift/NEWS.Debian.gz").contains("rules have a version"));
    m.wait_for("all daemons to run", 2 * MINUTE, || running(m, daemons()));
    assert_eq!(m.ok("cat /etc/ringrift/unified_loop.yaml"), edited, "an upgrade changed an edited file");
    m.ok("test -f /etc/ringrift/unified_loop.yaml.dpkg-dist"); // the new one, for comparison
    let shown = m.ok("ringrift config show --origin");
    let ours = |line: &str| line.contains("training_trigger.threshold_games") && line.contains("77");
    assert!(shown.lines().any(ours), "{shown}");
    // What it left is read, brought to the new schemas, and nothing was set aside.
    let aside =
        ["*.damaged*", "*.broken*", "*.unreadable*", "*quarantine*"].map(|name| format!("-name '{name}'")).join(" -o ");
    assert_eq!(m.ok(&format!("find /var/lib/ringrift -type f \\( {aside} \\)")), "");
    let notices: serde_json::Value = serde_json::from_str(&m.ok("ringrift database list --json")).expect("JSON");
    assert_eq!(notices["notices"].as_array().map(Vec::len), Some(0), "{notices}");
    // Its models are there, under the rules that they were made by, and none of them is a champion under the new ones.
    let models: serde_json::Value = serde_json::from_str(&m.ok("ringrift models list --json")).expect("JSON");
    let old: Vec<_> = models["models"].as_array().expect("models").iter().filter(|m| m["rules_version"] == 1).collect();
    assert_eq!(old.len(), 2, "those of its dump: {models}");
    assert!(old.iter().all(|m| m["champion"] == false), "{models}");
    let problems = crate::faults::problems(m);
    let anew: Vec<_> = problems.iter().filter(|p| p["code"] == "RR-RULES-CHANGED").collect();
    assert!(anew.len() == 1 && anew[0]["why"].to_string().contains("kept but not used"), "{problems:?}");
    m.ok("ringrift config check");
}

fn an_upgrade_onto_a_refused_configuration_restarts_nothing(m: &Machine) {
    crate::suite::start(m);
    let before = m.show("ringrift-event-router.service", "MainPID");
    m.write("/etc/ringrift/conf.d/60-bad.yaml", "training: {no_such_key: 1}\n");
    let said = m.install_saying();
    assert!(said.contains("60-bad.yaml:1") && said.contains("systemctl restart ringrift-master.target"), "{said}");
    assert_eq!(m.show("ringrift-event-router.service", "MainPID"), before);
    m.ok("rm /etc/ringrift/conf.d/60-bad.yaml; systemctl restart ringrift-master.target");
    m.wait_for("all daemons to run", 2 * MINUTE, || running(m, daemons()));
}
