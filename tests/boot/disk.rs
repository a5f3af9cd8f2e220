//! What the suite does with its disk on a real machine: directories and artefacts that go, a damaged shard, a full file
//! system.
use crate::machine::Machine;
use crate::suite::{MINUTE, start};
use serde_json::Value;
use std::time::Duration;

on_both!(
    job_folders_and_old_artefacts_go,
    a_damaged_and_a_missing_shard_stop_no_export,
    a_full_file_system_is_heard_of_at_once,
    used_up_inodes_bar_new_jobs_until_there_are_some,
);

/// Small windows, so that they are full within minutes, and no training, which takes longer than what is tested.
fn small(m: &Machine) {
    m.write(
        "/etc/ringrift/conf.d/60-small.yaml",
        "daemons: {auto_export: {threshold_games: 50, window_games: 150, interval: 10}, training_trigger: {threshold_games: 1000000}, data_pipeline: {interval: 5}}\n\
         retention: {games: 150, samples: 1}\nworkload: {games_per_job: 25, selfplay: {params: {simulations: 2}}}\n",
    );
}

fn json(m: &Machine, command: &str) -> Result<Value, String> {
    let ran = m.run(command);
    serde_json::from_str(&ran.out).map_err(|e| format!("{command}: {e}: {} {}", ran.out, ran.err))
}

fn exports(m: &Machine) -> usize {
    m.ok("ringrift events tail --type NPZ_EXPORT_COMPLETE --json -n 1000").lines().count()
}

fn wait_for_exports(m: &Machine, wanted: usize) {
    m.wait_for("exports", 10 * MINUTE, || match exports(m) {
        n if n >= wanted => Ok(()),
        n => Err(format!("{n} of {wanted}: {}", m.run("ringrift jobs list").out)),
    });
}

fn job_folders_and_old_artefacts_go(m: &Machine) {
    small(m);
    start(m);
    m.wait_for("games that the window does not hold", 10 * MINUTE, || {
        let stages = json(m, "ringrift pipeline show --json")?;
        match stages["stages"][0]["games"].as_u64() {
            Some(games) if games >= 400 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    m.wait_for("folders and files to go", 3 * MINUTE, || {
        let ended = m.ok("ls /var/lib/ringrift/jobs").lines().count();
        let games = m.ok("ls /var/lib/ringrift/artefacts/games").lines().count();
        // Two jobs at once, and two turns of those that ended.
        if ended <= 8 && games <= 12 {
            Ok(())
        } else {
            Err(format!("{ended} folders, {games} shards: {}", m.run("ringrift daemon status DATA_PIPELINE").out))
        }
    });
    let fates = json(m, "ringrift artefacts prune --dry-run --json").expect("fates");
    let fates = fates["fates"].as_array().cloned().unwrap_or_default();
    assert!(
        fates.iter().any(|f| f["stays"] == true && f["why"].as_str().is_some_and(|w| w.contains("newest"))),
        "{fates:?}"
    );
    let status = m.run("ringrift status").out;
    assert!(status.contains("ringrift:") && !status.contains("nothing deleted"), "{status}");
}

fn a_damaged_and_a_missing_shard_stop_no_export(m: &Machine) {
    small(m);
    start(m);
    wait_for_exports(m, 1);
    let newest = m.ok("ls -t /var/lib/ringrift/artefacts/games | head -2");
    let [damaged, missing] = newest.lines().collect::<Vec<_>>()[..] else { panic!("{newest}") };
    m.ok(&format!(
        "cd /var/lib/ringrift/artefacts/games; rm {missing}; chmod 644 {damaged}; printf x | dd of={damaged} bs=1 seek=5000 conv=notrunc"
    ));
    wait_for_exports(m, exports(m) + 2);
    let told = m.wait_for("both to be told", MINUTE, || {
        let told = m.ok("ringrift database list");
        let both = [damaged, missing].iter().all(|name| told.contains(&format!("artefact-{}", &name[..12])));
        if both { Ok(told) } else { Err(told) }
    });
    assert!(told.contains("the file is missing") && told.contains("the loop continues without it"), "{told}");
    m.ok(&format!("ls /var/lib/ringrift/artefacts/quarantine | grep -q {damaged}"));
}

/// Puts the suite's state on a file system in memory, made with these options.
fn small_state(m: &Machine, options: &str) {
    m.ok(&format!(
        "mkdir -p /mnt/keep && cp -a /var/lib/ringrift/. /mnt/keep/ && mount -t tmpfs -o {options},mode=755 tmpfs /var/lib/ringrift \
          && cp -a /mnt/keep/. /var/lib/ringrift/ && chown --reference=/mnt/keep /var/lib/ringrift; systemd-tmpfiles --create ringrift.conf"
    ));
}

fn used_up_inodes_bar_new_jobs_until_there_are_some(m: &Machine) {
    use crate::emergency::{CALM, call};
    small_state(m, "size=1g,nr_inodes=3000");
    crate::emergency::start(
        m,
        &format!("safeguards: {{{CALM}}}\nworkload: {{evaluation: {{command: [/bin/false]}}}}\n"),
    );
    let gate = |wanted: bool| {
        m.wait_for(&format!("the gate of inodes to be open: {wanted}"), MINUTE, || {
            let limits = call(m, "Limits", "{}");
            let gate = limits["gates"]
                .as_array()
                .and_then(|gates| gates.iter().find(|g| g["gate"] == "inodes"))
                .cloned()
                .unwrap_or_default();
            if gate["open"] == wanted { Ok(gate["why"].to_string()) } else { Err(limits["gates"].to_string()) }
        })
    };
    gate(true);
    m.ok("cd /var/lib/ringrift && mkdir many && set -- $(df --output=itotal,iused . | tail -n 1) \
          && seq $(($1 * 95 / 100 - $2)) | (cd many && xargs touch)");
    let room = m.ok("df --output=pcent /var/lib/ringrift | tail -n 1");
    assert!(
        room.trim().trim_end_matches('%').parse::<u32>().is_ok_and(|percent| percent < 20),
        "there is room: {room}"
    );
    let why = gate(false);
    assert!(why.contains("inodes"), "{why}");
    let id = crate::jobs::enqueue(m, "evaluation");
    m.wait_for("the job to say what it waits for", MINUTE, || {
        let item = crate::jobs::shown(m, &id);
        if item["status"] == "pending" && item["waiting_for"].to_string().contains("inodes") {
            Ok(())
        } else {
            Err(item.to_string())
        }
    });
    let status = m.run("ringrift status").out;
    assert!(status.contains("inodes"), "{status}");
    m.ok("rm -r /var/lib/ringrift/many");
    gate(true);
    assert_eq!(crate::jobs::ended(m, &id)["status"], "failed", "it ran");
}

fn a_full_file_system_is_heard_of_at_once(m: &Machine) {
    m.write(
        "/etc/ringrift/conf.d/60-quiet.yaml",
        "daemons: {queue_populator: {enabled: false}, idle_resource: {enabled: false}, disk_space_manager: {interval: 3600}}\n",
    );
    m.write(
        "/etc/ringrift/conf.d/50-test.yaml",
        "safeguards: {disk: {warning: 98, critical: 99}, memory: {warning: 98, critical: 99}, memory_stall: {warning: 98, critical: 99}}\n",
    );
    small_state(m, "size=48m");
    m.ok("systemctl start ringrift-master.target");
    let emit = || m.run("ringrift events emit external.probe n=1");
    m.wait_for("an event to be taken", MINUTE, || match emit() {
        done if done.code == 0 => Ok(()),
        done => Err(done.err),
    });
    let says = || m.run("ringrift daemon status DISK_SPACE_MANAGER").out;
    m.wait_for("DISK_SPACE_MANAGER", MINUTE, || if says().contains("GB free") { Ok(()) } else { Err(says()) });
    m.run("dd if=/dev/zero of=/var/lib/ringrift/filler bs=64k 2>/dev/null; dd if=/dev/zero of=/var/lib/ringrift/filler2 bs=1k 2>/dev/null");
    m.wait_for("a refusal", MINUTE, || match emit() {
        done if done.code == 0 => Err("taken".to_owned()),
        _ => Ok(()),
    });
    // Its next ordinary tick is an hour away.
    m.wait_for("DISK_SPACE_MANAGER to say so", Duration::from_secs(10), || {
        let said = says();
        if said.contains("no space was left") { Ok(()) } else { Err(said) }
    });
}
