//! The export stage: shards in, `samples.npz` and, if need be, `quarantine.json` out.

use std::time::Instant;

use serde::Deserialize;
use serde_json::json;

use super::collect::{Collector, Quarantined};
use super::npz::NpzWriter;
use crate::contract::files::{sha256_file, write_atomically};
use crate::contract::{Stage, StageResult};
use crate::failure::Failure;
use crate::game::RULES_VERSION;
use crate::nn::model::ENCODER_VERSION;
use crate::nn::{Encoder, PolicySpace};
use crate::records::ShardReader;

/// Name of the sample file in the output directory.
pub const SAMPLES: &str = "samples.npz";
/// Name of the list of games left out.
pub const QUARANTINE: &str = "quarantine.json";

/// Parameters of export.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportParams {
    /// Games with fewer moves are quarantined.
    pub min_moves: usize,
    /// Whether a position counts once, whatever games it is in.
    pub dedup: bool,
}

impl Default for ExportParams {
    fn default() -> Self {
        Self { min_moves: 5, dedup: true }
    }
}

/// Adds the games of one shard and returns the model that played them. The inner error: the shard is missing or
/// damaged.
fn add_shard(
    stage: &Stage<ExportParams>,
    n: usize,
    collector: &mut Collector,
    quarantined: &mut Vec<Quarantined>,
) -> Result<Result<String, Failure>, Failure> {
    let (job, shard) = (&stage.job, &stage.job.inputs.shards[n]);
    let reader = match open_shard(stage, n) {
        Ok(reader) => reader,
        Err(failure) => return damaged(failure),
    };
    // Sound, and none of this job's: whoever named it made a mistake.
    let wrong = |what: String| Err(job.wrong(&format!("inputs.shards[{n}]"), &what));
    if reader.config != job.config {
        return wrong(format!(
            "{} holds games of {}, the job is for {}",
            shard.path.display(),
            reader.config,
            job.config
        ));
    }
    if reader.rules_version != RULES_VERSION {
        return wrong(format!(
            "{} holds games played by rules version {}, this program exports version {RULES_VERSION}; play new games",
            shard.path.display(),
            reader.rules_version
        ));
    }
    let ids = match reader.ids() {
        Ok(ids) => ids,
        Err(failure) => return damaged(failure),
    };
    for id in ids {
        stage.stop.check("nothing was written")?;
        let game = match reader.game(&id) {
            Ok(game) => game,
            Err(failure) => return damaged(failure),
        };
        if let Err(reason) = collector.add(&game)? {
            quarantined.push(Quarantined { shard: shard.sha256.clone(), game_id: id, reason });
        }
    }
    Ok(Ok(reader.model_sha256.clone()))
}

/// Bad input is the shard's fault; anything else ends the job.
fn damaged<T>(failure: Failure) -> Result<Result<T, Failure>, Failure> {
    if failure.is_bad_data() { Ok(Err(failure)) } else { Err(failure) }
}

/// Opens a shard that is whole: of the right hash, a game database, from a job that ended.
fn open_shard(stage: &Stage<ExportParams>, n: usize) -> Result<ShardReader, Failure> {
    let (job, shard) = (&stage.job, &stage.job.inputs.shards[n]);
    let wrong = |part: &str, what: &str| job.wrong(&format!("inputs.shards[{n}]{part}"), what);
    let (found, _) = sha256_file(&shard.path).map_err(|e| wrong(".path", &e.to_string()))?;
    if found != shard.sha256.to_ascii_lowercase() {
        let what =
            format!("{} has SHA-256 {found}, expected {}; fetch the file again", shard.path.display(), shard.sha256);
        return Err(wrong(".sha256", &what));
    }
    let reader = ShardReader::open(&shard.path)?;
    if !reader.complete {
        let what = format!(
            "{} is from an interrupted job (schema_metadata has no complete=1); let the job finish",
            shard.path.display()
        );
        return Err(wrong("", &what));
    }
    Ok(reader)
}

/// Runs the stage.
pub fn run(stage: &mut Stage<ExportParams>) -> Result<StageResult, Failure> {
    let started = Instant::now();
    let config = stage.job.config;
    let p = stage.job.params.clone();
    let shards = stage.job.inputs.shards.clone();
    if shards.is_empty() {
        return Err(stage
            .job
            .wrong("inputs.shards", "no shards: there is nothing to export; name at least one games.db"));
    }
    let mut collector = Collector::new(config, p.min_moves, p.dedup, &stage.output);
    let mut quarantined = Vec::new();
    let mut models = std::collections::BTreeSet::new();
    let (mut damaged, mut first) = (Vec::new(), None);
    for (n, shard) in shards.iter().enumerate() {
        match add_shard(stage, n, &mut collector, &mut quarantined)? {
            Ok(model) => drop(models.insert(model)),
            // One shard that is missing or damaged must not hold up all others.
            Err(failure) => {
                damaged.push(json!({"sha256": shard.sha256, "reason": failure.to_string()}));
                first.get_or_insert(failure);
            }
        }
        if stage.reporter.due() || n + 1 == shards.len() {
            let message = format!("{} samples", collector.columns.count);
            stage.reporter.progress(n as u64 + 1, shards.len() as u64, "shards", &message, serde_json::Map::new());
        }
    }
    if let Some(failure) = first.filter(|_| damaged.len() == shards.len()) {
        return Err(failure);
    }
    let (count, games, duplicates) = (collector.columns.count, collector.games, collector.duplicates);
    if count == 0 {
        let why = quarantined.first().map_or("the shards hold zero games".to_owned(), |q| {
            format!("all {} games are bad; the first, {}: {}", quarantined.len(), q.game_id, q.reason)
        });
        return Err(stage.job.wrong("inputs.shards", &format!("no sample to export: {why}")));
    }
    let mut npz = NpzWriter::create(&stage.output.join(SAMPLES))?;
    let encoder = Encoder::new(config);
    let max_index = collector.columns.max_index();
    collector.columns.write(&mut npz)?;
    npz.text("board_type", config.board.name())?;
    npz.text("config_key", &config.to_string())?;
    npz.integer("board_size", encoder.geometry.plane.0 as i64)?;
    npz.integer("history_length", 0)?;
    npz.integer("feature_version", 2)?;
    npz.text("policy_encoding", "ringrift-moves-1")?;
    npz.text("encoder_type", "ringrift-planes")?;
    npz.text("encoder_version", &ENCODER_VERSION.to_string())?;
    npz.integer("in_channels", encoder.planes() as i64)?;
    npz.integer("policy_size", PolicySpace::new(config).size() as i64)?;
    npz.integer("max_policy_index", i64::from(max_index))?;
    npz.text("export_version", "2.1")?;
    npz.integer("rules_version", i64::from(RULES_VERSION))?;
    npz.finish()?;
    let mut result = StageResult::new(json!({
        "samples_exported": count,
        "games_exported": games,
        "games_quarantined": quarantined.len(),
        "duplicates_removed": duplicates,
        "shards_quarantined": damaged,
        "duration_seconds": started.elapsed().as_secs_f64(),
        "rules_version": RULES_VERSION,
    }));
    let meta = json!({"config_key": config.to_string(), "samples": count, "games": games, "rules_version": RULES_VERSION, "models": models, "shards": shards.iter().map(|s| &s.sha256).collect::<Vec<_>>()});
    result.add("samples", &stage.output, SAMPLES, meta)?;
    if !quarantined.is_empty() {
        let text =
            serde_json::to_string_pretty(&quarantined).map_err(|e| Failure::internal("writing quarantine.json", e))?;
        write_atomically(&stage.output.join(QUARANTINE), text.as_bytes())?;
        result.add("quarantine", &stage.output, QUARANTINE, json!({"games": quarantined.len()}))?;
    }
    Ok(result)
}
