//! A champion whose file is damaged or gone: self-play continues, and an operator learns with which model.
use crate::emergency::call;
use crate::jobs::{ended, enqueue, program};
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, running};
use serde_json::json;

on_both!(self_play_goes_on_from_the_champion_before_a_damaged_one);

/// Leaves a model of a few bytes, another one each time.
const TRAIN: &str = r#"#!/bin/sh
set -e
printf '%s' "$RINGRIFT_JOB_ID" > model.safetensors
sha=$(sha256sum model.safetensors | cut -d' ' -f1)
printf '{"schema":1,"artefacts":[{"kind":"model","path":"model.safetensors","sha256":"%s","bytes":%s}],"metrics":{"epochs":1,"final_loss":1.0,"samples_trained":1}}' \
    "$sha" "$(stat -c %s model.safetensors)" > result.json
"#;

/// Plays with the model that it is given, if its bytes are right, and names it in its shard.
const PLAY: &str = r#"#!/bin/sh
set -e
model=$(tr -d ' \n' < "$RINGRIFT_JOB_FILE" | sed -n 's/.*"model":{"sha256":"\([0-9a-f]*\)","path":"\([^"]*\)".*/\1 \2/p')
by=untrained
if [ -n "$model" ]; then
    by=${model%% *}
    echo "$by  ${model#* }" | sha256sum --check --quiet || exit 65
fi
printf '%s by %s' "$RINGRIFT_JOB_ID" "$by" > g.db
printf '{"schema":1,"artefacts":[{"kind":"games","path":"g.db","sha256":"%s","bytes":%s}],"metrics":{"games_completed":1,"games_per_second":1.0}}' \
    "$(sha256sum g.db | cut -d' ' -f1)" "$(stat -c %s g.db)" > result.json
"#;

/// Trains a model and has it promoted; its SHA-256.
fn promote(m: &Machine, generation: u32) -> String {
    let before = m.run("ls /var/lib/ringrift/artefacts/model").out;
    assert_eq!(ended(m, &enqueue(m, "training"))["status"], "completed");
    let file = m.wait_for("the model to be in the store", MINUTE, || {
        let now = m.run("ls /var/lib/ringrift/artefacts/model").out;
        now.lines().find(|name| !before.contains(*name)).map(str::to_owned).ok_or(now.clone())
    });
    let id = file.trim_end_matches(".safetensors").to_owned();
    let promoted = json!({"config_key": "square8_2p", "model_id": id, "model_path": format!("/var/lib/ringrift/artefacts/model/{file}"),
        "generation": generation, "match_id": id, "new_elo": 1.0, "elo_delta": 1.0, "promoted_at": 1, "tier": "sound"});
    m.ok(&format!("ringrift events emit model_promoted --payload '{promoted}'"));
    plays_with(m, &id);
    id
}

/// Waits until self-play would use this model.
fn plays_with(m: &Machine, id: &str) {
    m.wait_for(&format!("{id} to be current"), 2 * MINUTE, || {
        match m.run("readlink /var/lib/ringrift/current/square8_2p").out {
            link if link.contains(id) => Ok(()),
            link => Err(format!("{link}: {}", m.run("ringrift daemon status MODEL_DISTRIBUTION").out)),
        }
    });
}

/// Who played in a new self-play job.
fn player(m: &Machine) -> String {
    let work = json!({"work_type": "selfplay", "config_key": "square8_2p", "max_attempts": 1, "current_model": true});
    let id = call(m, "Enqueue", &work.to_string())["work_id"].as_str().expect("an id").to_owned();
    let item = ended(m, &id);
    if item["status"] != "completed" {
        println!("{item}");
        return "nobody".into();
    }
    // It is in the job's directory until it is registered.
    let folders = format!("/var/lib/ringrift/jobs/{id} /var/lib/ringrift/artefacts/games");
    m.wait_for("the shard", MINUTE, || {
        let shard = m.run(&format!("grep -rhao '{id} by [a-z0-9]*' {folders} | head -n 1")).out;
        shard.split(' ').next_back().filter(|by| !by.is_empty()).map(str::to_owned).ok_or(shard.clone())
    })
}

fn self_play_goes_on_from_the_champion_before_a_damaged_one(m: &Machine) {
    program(m, "train", TRAIN);
    program(m, "play", PLAY);
    m.write(
        "/etc/ringrift/conf.d/60-champions.yaml",
        "daemons: {queue_populator: {enabled: false}, idle_resource: {enabled: false}, \
           model_distribution: {interval: 5}, data_pipeline: {max_disk_percent: 99.5}}\n\
         safeguards: {disk: {warning: 98, critical: 99}, memory: {warning: 98, critical: 99}, memory_stall: {warning: 98, critical: 99}}\n\
         workload: {selfplay: {command: [/usr/local/bin/play]}, training: {command: [/usr/local/bin/train]}, evaluation: {command: [/bin/false]}}\nlimits: {evaluation: {per_node: 0, cluster: 0}}\n",
    );
    m.ok("ringrift config check");
    m.ok("systemctl start ringrift-master.target");
    m.wait_for("the daemons", 2 * MINUTE, || running(m, daemons() - 2));
    let (first, second) = (promote(m, 1), promote(m, 2));
    assert_eq!(player(m), second);
    let store = "/var/lib/ringrift/artefacts/model";
    m.ok(&format!("chmod 644 {store}/{second}.safetensors; echo damaged > {store}/{second}.safetensors"));
    assert_eq!(player(m), "nobody", "its hash is wrong");
    plays_with(m, &first);
    assert_eq!(player(m), first);
    let told = m.ok("ringrift database list");
    assert!(told.contains(&second[..12]) && told.contains("generation 1") && told.contains("replaced by"), "{told}");
    let status = m.run("ringrift status").out;
    assert!(status.contains(&second[..12]), "{status}");
    m.ok(&format!("rm {store}/{first}.safetensors"));
    assert_eq!(player(m), "nobody", "it is gone");
    m.wait_for("self-play without a model", 2 * MINUTE, || match player(m) {
        by if by == "untrained" => Ok(()),
        by => Err(by),
    });
    let told = m.ok("ringrift database list");
    assert!(told.contains(&first[..12]) && told.contains("self-play uses the untrained network"), "{told}");
}
