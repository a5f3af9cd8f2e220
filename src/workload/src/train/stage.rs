//! The training stage: sample files in, a model and its loss curves out.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::adam::Adam;
use super::checkpoint::{Checkpoint, EpochLosses};
use super::dataset::Dataset;
use super::epoch::{Feeder, Pace};
use super::plot;
use crate::contract::files::write_atomically;
use crate::contract::{Job, Stage, StageResult};
use crate::failure::Failure;
use crate::game::RULES_VERSION;
use crate::nn::model::{DEFAULT_FIRST, DEFAULT_SECOND};
use crate::nn::{Lineage, Model};
use crate::search::game_rng;

/// Name of the model in the output directory.
pub const MODEL: &str = "model.safetensors";
/// Name of the checkpoint in the output directory.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// Name of the loss curves in the output directory.
pub const PLOT: &str = "loss.svg";

/// Parameters of training.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainParams {
    /// Most passes over the samples.
    pub epochs: usize,
    /// Samples of one step.
    pub batch_size: usize,
    /// Highest learning rate of the cosine schedule.
    pub learning_rate: f32,
    /// Multiplies the learning rate.
    pub lr_multiplier: f32,
    /// Weight decay.
    pub weight_decay: f32,
    /// Epochs without a better validation loss after which training stops.
    pub patience: usize,
    /// Most samples in memory (about 0.7 kB each on the small boards); of more, the last files' are taken.
    pub max_samples: usize,
    /// Share of the samples that is held back.
    pub validation_fraction: f32,
    /// Weight of the value loss against the policy loss.
    pub value_weight: f32,
    /// Share of the searched values (λ-returns) in the value target while the network is untrained; the rest is the end
    /// of the game.
    pub search_share: f32,
    /// The same share from the tenth generation on; it grows evenly up to there. An untrained network's searches see
    /// little, a strong one's see more than one game's end tells.
    pub late_search_share: f32,
    /// Share of the learning rate for the weights of single cells, against learning games by heart.
    pub plane_rate: f32,
    /// Width of the first layer, when training starts from nothing.
    pub hidden: usize,
    /// Width of the second layer, when training starts from nothing.
    pub hidden2: usize,
}

impl Default for TrainParams {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_size: 128,
            learning_rate: 0.0005,
            lr_multiplier: 1.0,
            weight_decay: 0.1,
            patience: 3,
            max_samples: 400_000,
            validation_fraction: 0.05,
            value_weight: 1.0,
            search_share: 0.5,
            late_search_share: 0.9,
            plane_rate: 0.03,
            hidden: DEFAULT_FIRST,
            hidden2: DEFAULT_SECOND,
        }
    }
}

impl TrainParams {
    /// Refuses what is out of range.
    pub fn check(job: &Job<Self>) -> Result<(), Failure> {
        let p = &job.params;
        job.check_range("epochs", p.epochs, 1, 10_000)?;
        job.check_range("batch_size", p.batch_size, 1, 1 << 16)?;
        job.check_range("learning_rate", p.learning_rate, 1e-8, 1.0)?;
        job.check_range("lr_multiplier", p.lr_multiplier, 1e-3, 1e3)?;
        job.check_range("weight_decay", p.weight_decay, 0.0, 1.0)?;
        job.check_range("max_samples", p.max_samples, 1, usize::MAX)?;
        job.check_range("patience", p.patience, 1, 10_000)?;
        job.check_range("validation_fraction", p.validation_fraction, 0.0, 0.5)?;
        job.check_range("search_share", p.search_share, 0.0, 1.0)?;
        job.check_range("late_search_share", p.late_search_share, 0.0, 1.0)?;
        job.check_range("plane_rate", p.plane_rate, 0.0, 10.0)?;
        job.check_range("value_weight", p.value_weight, 0.0, 100.0)?;
        for (name, width) in [("hidden", p.hidden), ("hidden2", p.hidden2)] {
            job.check_range(name, width, 8, 4096)?;
            if width % 8 != 0 {
                return Err(job.wrong(&format!("params.{name}"), &format!("{width} is no multiple of 8")));
            }
        }
        Ok(())
    }
}

/// The share for a network whose parent is of a generation.
fn search_share(p: &TrainParams, parent: u32) -> f32 {
    let grown = parent.min(10) as f32 / 10.0;
    p.search_share + (p.late_search_share - p.search_share) * grown
}

/// Runs the stage.
pub fn run(stage: &mut Stage<TrainParams>) -> Result<StageResult, Failure> {
    let started = Instant::now();
    TrainParams::check(&stage.job)?;
    if stage.job.inputs.samples.is_empty() {
        return Err(stage.job.wrong(
            "inputs.samples",
            "no sample files: there is nothing to learn from; name at least one samples.npz",
        ));
    }
    let p = stage.job.params.clone();
    let config = stage.job.config;
    let parent = match &stage.job.inputs.model {
        Some(file) => Model::load_for(&file.path, config)?,
        None => Model::untrained_with(config, p.hidden, p.hidden2)?,
    };
    let mut data = Dataset::default();
    for file in &stage.job.inputs.samples {
        stage.stop.check("nothing was written")?;
        data.add(&file.path, config, p.validation_fraction)?;
        data.limit(p.max_samples);
    }
    if data.train.is_empty() {
        return Err(stage.job.wrong("inputs.samples", "the files hold zero samples"));
    }
    let samples: Vec<String> = stage.job.inputs.samples.iter().map(|f| f.sha256.clone()).collect();
    let identity = serde_json::to_string(&(&parent.sha256, &samples, &p, stage.job.seed))
        .map_err(|e| Failure::internal("naming the training", e))?;
    let mut state = resume(stage, &identity, parent.layout.len()).unwrap_or_else(|| Checkpoint {
        identity,
        params: parent.params.to_vec(),
        best: Vec::new(),
        best_epoch: 0,
        adam: Adam::new(parent.layout.len()),
        history: Vec::new(),
    });
    let taken_over = state.history.len();
    let steps = data.train.len().div_ceil(p.batch_size) as u64 * p.epochs as u64;
    let pace = Pace {
        batch: p.batch_size,
        rate: p.learning_rate * p.lr_multiplier,
        decay: p.weight_decay,
        value_weight: p.value_weight,
        search_share: search_share(&p, parent.lineage.generation),
        plane_rate: p.plane_rate,
        total_steps: steps,
    };
    let mut feeder = Feeder::new(config, &parent.layout);
    let checked =
        |l: &EpochLosses| if data.validation.is_empty() { l.train } else { l.validation }.total(p.value_weight);
    let mut best_loss = state.history.get(state.best_epoch.wrapping_sub(1)).map_or(f32::INFINITY, checked);
    let mut early = false;
    while state.history.len() < p.epochs {
        if state.history.len() - state.best_epoch >= p.patience {
            early = true;
            break;
        }
        let epoch = state.history.len();
        // Each epoch has random numbers of its own, so a resumed run goes on as the whole one would have.
        let mut rng = game_rng(stage.job.seed, epoch as u64);
        let train = feeder.epoch(
            &data.train,
            &mut state.params,
            &parent.layout,
            &mut state.adam,
            &pace,
            &mut rng,
            &stage.stop,
        )?;
        let validation = feeder.measure(&data.validation, &state.params, &parent.layout);
        let losses = EpochLosses { train, validation };
        if !checked(&losses).is_finite() {
            return Err(stage
                .job
                .wrong("params.learning_rate", "the loss is no longer a number; lower the learning rate"));
        }
        state.history.push(losses);
        if checked(&losses) < best_loss {
            best_loss = checked(&losses);
            state.best_epoch = epoch + 1;
            state.best.clone_from(&state.params);
        }
        state.save(&stage.output.join(CHECKPOINT))?;
        let metrics = Map::from_iter([
            ("train_loss".to_owned(), json!(train.total(p.value_weight))),
            ("validation_loss".to_owned(), json!(checked(&losses))),
            ("policy_loss".to_owned(), json!(train.policy)),
            ("value_loss".to_owned(), json!(train.value)),
            ("held_policy".to_owned(), json!(validation.policy)),
            ("held_value".to_owned(), json!(validation.value)),
        ]);
        stage.reporter.progress(epoch as u64 + 1, p.epochs as u64, "epochs", "learning", metrics);
    }
    let lineage = Lineage {
        parent: stage.job.inputs.model.as_ref().map(|_| parent.sha256.clone()),
        samples,
        job_id: Some(stage.job.job_id.clone()),
        generation: parent.lineage.generation + 1,
    };
    let model = Model::from_params(config, parent.layout.clone(), state.best, lineage)?;
    model.save(&stage.output.join(MODEL))?;
    let svg = plot::losses(&state.history, &format!("{config}, generation {}", model.lineage.generation))?;
    write_atomically(&stage.output.join(PLOT), svg.as_bytes())?;
    let checkpoint = stage.output.join(CHECKPOINT);
    if checkpoint.exists() {
        std::fs::remove_file(&checkpoint).map_err(|e| Failure::io("removing", &checkpoint, &e))?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let epochs = state.history.len();
    let last = state.history.last().map_or(0.0, checked);
    let best = state.history.get(state.best_epoch.wrapping_sub(1)).copied();
    let trained = data.train.len() * (epochs - taken_over);
    let mut result = StageResult::new(json!({
        "epochs": epochs,
        "best_epoch": state.best_epoch,
        "final_loss": last,
        "best_loss": best_loss,
        "policy_loss": best.map(|l| l.validation.policy),
        "value_loss": best.map(|l| l.validation.value),
        "samples": data.train.len() + data.validation.len(),
        "samples_trained": data.train.len() * epochs,
        "samples_per_second": trained as f64 / seconds.max(1e-9),
        "duration_seconds": seconds,
        "early_stopped": early,
        "model_sha256": model.sha256,
        "parent_sha256": parent.sha256,
        "generation": model.lineage.generation,
        "rules_version": RULES_VERSION,
    }));
    let meta = json!({"config_key": config.to_string(), "parent_sha256": parent.sha256, "generation": model.lineage.generation, "parameters": model.layout.len(), "rules_version": RULES_VERSION});
    result.add("model", &stage.output, MODEL, meta)?;
    result.add("plot", &stage.output, PLOT, json!({"epochs": epochs}))?;
    Ok(result)
}

/// The checkpoint of this training: our own, else the previous attempt's.
fn resume(stage: &mut Stage<TrainParams>, identity: &str, len: usize) -> Option<Checkpoint> {
    let folders = std::iter::once(&stage.output).chain(&stage.previous);
    let found = folders.filter_map(|f| Checkpoint::load(&f.join(CHECKPOINT), identity, len)).next()?;
    let epochs = found.history.len() as u64;
    stage.reporter.progress(
        epochs,
        stage.job.params.epochs as u64,
        "epochs",
        "went on from the checkpoint",
        Map::new(),
    );
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::{TrainParams, search_share};

    #[test]
    fn the_share_of_searched_values_grows_with_the_generations() {
        let p = TrainParams { search_share: 0.5, late_search_share: 0.9, ..TrainParams::default() };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(near(search_share(&p, 0), 0.5) && near(search_share(&p, 5), 0.7));
        assert!(near(search_share(&p, 10), 0.9) && near(search_share(&p, 300), 0.9));
    }
}
