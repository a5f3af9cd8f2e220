//! What the results of each stage mean: metrics and artefacts read, missing ones refused.
use super::description::{description, left_out};
use crate::contract::catalog::{ArtefactRecord, Rating, place};
use crate::contract::daemon::HandlerError;
use crate::contract::events::{self, Payload, WorkCompleted, WorkStarted};
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::job_file::JobFile;
use crate::contract::paths;
use crate::contract::ports::{CatalogChange, CatalogStore};
use crate::contract::results::Checked;
use crate::contract::text;
use crate::contract::time::Wall;
use crate::contract::workload::{Artefact, Description, JobType};
use serde_json::Value;

/// What an event changes, what it says, and one line about it.
pub(super) type Effect = (CatalogChange, Vec<Payload>, String);

/// A result that the contract's table accepts. The job-runner has checked it before; what older runners, or jobs in
/// their place, handed in is checked here.
struct Read<'a> {
    work: &'a WorkCompleted,
    metrics: Checked<'a>,
}

impl<'a> Read<'a> {
    fn new(work: &'a WorkCompleted) -> Result<Self, HandlerError> {
        let listed = work.artefacts.iter().map(|a| (a.kind.as_str(), &a.meta));
        let metrics = Checked::new(&work.work_type, &work.metrics, listed)
            .map_err(|refused| HandlerError::Rejected(format!("{} {}: {refused}", work.work_type, work.work_id)))?;
        Ok(Read { work, metrics })
    }
    fn lacking(&self, what: &str) -> HandlerError {
        HandlerError::Rejected(format!("the result of {} {} has no {what}", self.work.work_type, self.work.work_id))
    }
    fn optional(&self, kind: &str) -> Option<&'a Artefact> {
        self.work.artefacts.iter().find(|a| a.kind == kind)
    }
    fn artefact(&self, kind: &str) -> Result<&'a Artefact, HandlerError> {
        self.optional(kind).ok_or_else(|| self.lacking(&format!("artefact of kind {kind:?}")))
    }
    fn key(&self) -> Result<ConfigKey, HandlerError> {
        self.work.config_key.clone().ok_or_else(|| self.lacking("config_key"))
    }
}

/// Where the artefact lies once it is registered; the job's own copy goes.
fn stored(artefact: &Artefact) -> String {
    format!("{}/{}", paths::ARTEFACTS, place(&artefact.kind, &artefact.sha256, artefact.path.extension()))
}

/// A job was taken up.
pub(super) fn started(work: &WorkStarted) -> Option<Effect> {
    let key = work.config_key.clone()?;
    let job_id = work.work_id.clone();
    let subject = work.subject.as_ref().and_then(|s| Digest::new(s.clone()).ok());
    let (stage, outputs): (&str, Vec<Payload>) = match JobType::from_name(&work.work_type)? {
        JobType::Selfplay => ("selfplay", vec![]),
        JobType::Export => ("npz_export", vec![events::NpzExportStarted { config_key: key.clone(), job_id }.into()]),
        JobType::Training => {
            let started = events::TrainingStarted {
                config_key: key.clone(),
                board_type: key.board_type().into(),
                num_players: key.num_players(),
                job_id,
                model_version: subject,
                node_name: work.node_id.clone(),
            };
            ("training", vec![started.into()])
        }
        JobType::Evaluation => {
            let model_id = subject?;
            (
                "evaluation",
                vec![
                    events::EvaluationStarted { config_key: key.clone(), model_id, job_id, games_planned: None }.into(),
                ],
            )
        }
        _ => return None,
    };
    let line = format!("{} {} runs", work.work_type, work.work_id);
    Some((CatalogChange { stage: Some((key, stage.into(), line.clone())), ..Default::default() }, outputs, line))
}

/// One epoch of a training.
pub(super) fn training_progress(beat: &events::TaskHeartbeat) -> Option<events::TrainingProgress> {
    if beat.task_type != JobType::Training.name() {
        return None;
    }
    let number = |name: &str| beat.metrics.get(name).and_then(Value::as_f64);
    Some(events::TrainingProgress {
        config_key: beat.config_key.clone()?,
        job_id: beat.task_id.clone(),
        epoch: beat.done as u32,
        train_loss: number("train_loss"),
        validation_loss: number("validation_loss"),
    })
}

/// A job ended well.
pub(super) fn completed(work: &WorkCompleted, store: &dyn CatalogStore, now: Wall) -> Result<Effect, HandlerError> {
    let read = Read::new(work)?;
    let (key, metrics) = (read.key()?, read.metrics);
    let kind = JobType::from_name(&work.work_type)
        .ok_or_else(|| HandlerError::Rejected(format!("unknown job type {:?}", work.work_type)))?;
    let job = description(&work.description)?;
    let mut change = CatalogChange::default();
    let rules_version = rules_of(work, &job, store)?;
    let mut record = |artefact: &Artefact, parents: Vec<Digest>| {
        let record = ArtefactRecord {
            id: artefact.sha256.clone(),
            kind: artefact.kind.clone(),
            config_key: key.clone(),
            path: String::new(),
            bytes: artefact.bytes,
            created_us: now.us(),
            seq: 0,
            job_id: work.work_id.clone(),
            node: work.node_id.clone(),
            rules_version,
            parents,
            metrics: work.metrics.clone(),
        };
        let file = JobFile {
            job: work.work_id.clone(),
            attempt: work.attempt,
            path: artefact.path.clone(),
            bytes: artefact.bytes,
            uids: work.uids.clone(),
        };
        change.artefacts.push((record, file));
    };
    let (stage, outputs, line): (&str, Vec<Payload>, String) = match kind {
        JobType::Selfplay => {
            let shard = read.artefact("games")?;
            let model = job.inputs.model.map(|m| m.sha256);
            record(shard, model.into_iter().collect());
            let games = metrics.count("games_completed");
            let total = store.stage(&key)?.games + games;
            let complete = events::SelfplayComplete {
                config_key: key.clone(),
                games_completed: games,
                total_games: Some(total),
                node_id: work.node_id.clone(),
                job_id: work.work_id.clone(),
                model_id: metrics.sha256("model_sha256").and_then(|t| Digest::new(t).ok()),
                shard_id: shard.sha256.clone(),
                duration_seconds: work.duration_seconds,
                games_per_second: metrics.number("games_per_second"),
            };
            let new = events::NewGamesAvailable {
                host: work.node_id.clone(),
                new_games: games,
                total_games: total,
                config_key: key.clone(),
                shard_id: shard.sha256.clone(),
                database_path: stored(shard),
            };
            (
                "selfplay",
                vec![complete.into(), new.into()],
                format!("{} of {}, {total} in total", text::count(games, "game"), work.work_id),
            )
        }
        JobType::Export => {
            let samples = read.artefact("samples")?;
            let left_out = left_out(work, &job.inputs);
            let used = job
                .inputs
                .shards
                .iter()
                .map(|s| s.sha256.clone())
                .filter(|id| left_out.iter().all(|(out, _)| out != id));
            record(samples, used.collect());
            if let Some(quarantine) = read.optional("quarantine") {
                record(quarantine, job.inputs.shards.iter().map(|s| s.sha256.clone()).collect());
            }
            let exported = metrics.count("samples_exported");
            let complete = events::NpzExportComplete {
                config_key: key.clone(),
                board_type: key.board_type().into(),
                num_players: key.num_players(),
                job_id: work.work_id.clone(),
                samples_id: samples.sha256.clone(),
                output_path: stored(samples),
                samples_exported: exported,
                games_exported: metrics.count("games_exported"),
                duration_seconds: work.duration_seconds,
            };
            ("npz_export", vec![complete.into()], format!("{} of {}", text::count(exported, "sample"), work.work_id))
        }
        JobType::Training => training(&read, &job, &key, &mut record)?,
        JobType::Evaluation => {
            let verdict = read.artefact("match")?;
            let candidate = job.inputs.candidate.ok_or_else(|| read.lacking("candidate"))?;
            let champion = job.inputs.champion.map(|c| c.sha256);
            record(verdict, std::iter::once(candidate.sha256.clone()).chain(champion.clone()).collect());
            let done = events::EvaluationCompleted {
                config_key: key.clone(),
                board_type: key.board_type().into(),
                num_players: key.num_players(),
                job_id: work.work_id.clone(),
                match_id: verdict.sha256.clone(),
                model_id: candidate.sha256.clone(),
                model_path: candidate.path,
                champion_id: champion,
                games_played: metrics.small("games_played"),
                wins: metrics.small("wins"),
                draws: metrics.small("draws"),
                losses: metrics.small("losses"),
                win_rate: metrics.number("win_rate"),
                elo: metrics.number("elo"),
                elo_low: metrics.number("elo_low"),
                elo_high: metrics.number("elo_high"),
                sprt_llr: metrics.number("sprt_llr"),
                sprt_decision: metrics.word("sprt_decision").to_owned(),
                vs_random: metrics.score("vs_random"),
                vs_heuristic: metrics.score("vs_heuristic"),
            };
            let (rating, updated) = rating(&done, store, now)?;
            change.rating = Some(rating);
            let line = format!(
                "{} against the champion: {}, Elo {:+.0}",
                &candidate.sha256.as_str()[..12],
                done.sprt_decision,
                done.elo
            );
            ("evaluation", vec![done.into(), updated.into()], line)
        }
        other => return Err(HandlerError::Rejected(format!("jobs of type {other} have no results for the catalog"))),
    };
    change.stage = Some((key, stage.into(), line.clone()));
    Ok((change, outputs, line))
}

/// The version of the rules behind a result: the one it reports, else that of what it was made from, else that of its
/// job.
fn rules_of(work: &WorkCompleted, job: &Description, store: &dyn CatalogStore) -> Result<u32, HandlerError> {
    let reported = work.metrics.get("rules_version").and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok());
    if let Some(version) = reported {
        return Ok(version);
    }
    for file in job.inputs.shards.iter().chain(&job.inputs.samples).chain(&job.inputs.candidate) {
        if let Some(made_from) = store.get(&file.sha256)? {
            return Ok(made_from.rules_version);
        }
    }
    Ok(job.rules_version)
}

type Made = (&'static str, Vec<Payload>, String);

fn training(
    read: &Read<'_>,
    job: &Description,
    key: &ConfigKey,
    record: &mut dyn FnMut(&Artefact, Vec<Digest>),
) -> Result<Made, HandlerError> {
    let (work, metrics) = (read.work, read.metrics);
    let model = read.artefact("model")?;
    let parents: Vec<Digest> = job.inputs.samples.iter().chain(&job.inputs.model).map(|f| f.sha256.clone()).collect();
    record(model, parents);
    if let Some(plot) = read.optional("plot") {
        record(plot, vec![model.sha256.clone()]);
    }
    let extension = model.path.extension();
    let done = events::TrainingCompleted {
        config_key: key.clone(),
        board_type: key.board_type().into(),
        num_players: key.num_players(),
        job_id: work.work_id.clone(),
        model_id: model.sha256.clone(),
        // The place that the store gives it; the same rule as the store's own.
        model_path: format!("{}/model/{}.{extension}", crate::contract::paths::ARTEFACTS, model.sha256),
        parent_id: job.inputs.model.as_ref().map(|m| m.sha256.clone()),
        epochs: metrics.small("epochs"),
        final_loss: metrics.number("final_loss"),
        samples_trained: metrics.count("samples_trained"),
        duration_seconds: work.duration_seconds,
        early_stopped: metrics.flag("early_stopped"),
    };
    let line =
        format!("model {} after {} epochs, loss {:.3}", &model.sha256.as_str()[..12], done.epochs, done.final_loss);
    Ok(("training", vec![done.into()], line))
}

/// The candidate's Elo stands on its opponent's.
fn rating(
    done: &events::EvaluationCompleted,
    store: &dyn CatalogStore,
    now: Wall,
) -> Result<(Rating, events::EloUpdated), HandlerError> {
    let base = match &done.champion_id {
        None => 0.0,
        Some(id) => {
            let known = store.stage(&done.config_key)?.champion.filter(|c| c.model_id == *id).map(|c| c.elo);
            match known {
                Some(elo) => elo,
                None => store.ratings(&done.config_key)?.into_iter().find(|r| r.model_id == *id).map_or(0.0, |r| r.elo),
            }
        }
    };
    let before = store.ratings(&done.config_key)?.into_iter().find(|r| r.model_id == done.model_id).map(|r| r.elo);
    let rating = Rating {
        config_key: done.config_key.clone(),
        model_id: done.model_id.clone(),
        elo: base + done.elo,
        elo_low: base + done.elo_low,
        elo_high: base + done.elo_high,
        games_played: done.games_played,
        vs_random: done.vs_random,
        vs_heuristic: done.vs_heuristic,
        rated_us: now.us(),
    };
    let updated = events::EloUpdated {
        config_key: done.config_key.clone(),
        model_id: done.model_id.clone(),
        new_elo: rating.elo,
        previous_elo: before,
        elo_delta: done.elo,
        games_played: done.games_played,
        match_id: done.match_id.clone(),
    };
    Ok((rating, updated))
}
