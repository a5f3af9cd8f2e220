//! Results of jobs as the coordinator reports them, for tests of the pipeline's daemons.
use crate::contract::events::{WorkCompleted, WorkFailed};
use crate::contract::job_file::JobPath;
use crate::contract::workload::{Artefact, BUILT_IN_RULES, Description, InputFile, Inputs, JobType};
use crate::daemons::testing::{digest, job, key, metrics, node};
use serde_json::{Value, json};

fn description(kind: JobType, inputs: Inputs) -> Value {
    let d = Description {
        schema: 1,
        job_id: job("t-1"),
        job_type: kind,
        config_key: key(),
        attempt: 1,
        seed: 1,
        rules_version: BUILT_IN_RULES,
        inputs,
        params: Default::default(),
    };
    serde_json::to_value(d).expect("serialises")
}

pub fn file(id: char) -> InputFile {
    InputFile { sha256: digest(id), path: format!("/store/{id}") }
}

fn done(kind: JobType, artefact: (&str, &str, char), m: Value, inputs: Inputs) -> WorkCompleted {
    let (name, path, id) = artefact;
    WorkCompleted {
        work_id: job("t-1"),
        work_type: kind.name().into(),
        config_key: Some(key()),
        node_id: node(),
        attempt: 1,
        duration_seconds: 5.0,
        output: "/jobs/t-1/attempt-1".into(),
        artefacts: vec![Artefact {
            kind: name.into(),
            path: JobPath::new(path).expect("a path"),
            sha256: digest(id),
            bytes: 1,
            meta: Default::default(),
        }],
        metrics: metrics(m),
        description: description(kind, inputs),
        uids: vec![1000],
    }
}

pub fn export_done(samples: char, shards: &[char]) -> WorkCompleted {
    let m = json!({"samples_exported": 10, "games_exported": 2});
    let inputs = Inputs { shards: shards.iter().map(|id| file(*id)).collect(), ..Inputs::default() };
    done(JobType::Export, ("samples", "samples.npz", samples), m, inputs)
}

pub fn selfplay_done(shard: char) -> WorkCompleted {
    let m = json!({"games_completed": 25, "games_per_second": 5.0, "model_sha256": digest('0')});
    done(JobType::Selfplay, ("games", "games.db", shard), m, Inputs::default())
}

pub fn match_done(id: char, candidate: char, champion: Option<char>, decision: &str) -> WorkCompleted {
    let m = json!({
        "games_played": 80, "wins": 60, "draws": 0, "losses": 20, "win_rate": 0.75, "elo": 190.0, "elo_low": 110.0, "elo_high": 280.0,
        "sprt_llr": 3.0, "sprt_decision": decision, "vs_random": {"win_rate": 0.9},
    });
    let inputs = Inputs { candidate: Some(file(candidate)), champion: champion.map(file), ..Default::default() };
    done(JobType::Evaluation, ("match", "match.json", id), m, inputs)
}

pub fn failed(kind: &str) -> WorkFailed {
    WorkFailed {
        work_id: job("t-1"),
        work_type: kind.into(),
        config_key: Some(key()),
        node_id: Some(node()),
        attempts: 3,
        result: "exit-code".into(),
        exit_status: Some(1),
        error: "out of luck".into(),
        description: Value::Null,
    }
}
