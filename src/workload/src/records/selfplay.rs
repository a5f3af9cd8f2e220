//! The self-play stage: plays a job's games into one shard, taking over what an earlier attempt finished.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::play::{PlayConfig, play_game};
use super::shard::{Origin, ShardWriter};
use crate::contract::{Job, Stage, StageResult};
use crate::failure::Failure;
use crate::game::{BoardKind, RULES_VERSION};
use crate::nn::{Model, NetEvaluator};
use crate::search::{Gumbel, SearchConfig};

/// Name of the shard in the output directory.
pub const SHARD: &str = "games.db";

/// Parameters of self-play.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfplayParams {
    /// Number of games.
    pub games: u64,
    /// Search budget of each choice, 1 to 800.
    pub simulations: usize,
    /// Root actions that the search starts with.
    pub sampled_actions: usize,
    /// Temperature of the first choices.
    pub temperature: f32,
    /// Number of choices that the temperature holds for.
    pub temperature_moves: usize,
    /// Scale of the root noise.
    pub exploration: f32,
    /// Whether the second player may swap sides.
    pub swap_rule: bool,
    /// Moves after which a game is stopped undecided; 0 = twenty for each cell.
    pub max_moves: usize,
}

impl Default for SelfplayParams {
    fn default() -> Self {
        Self {
            games: 20,
            simulations: 16,
            sampled_actions: 16,
            temperature: 1.0,
            temperature_moves: 20,
            exploration: 1.0,
            swap_rule: false,
            max_moves: 0,
        }
    }
}

impl SelfplayParams {
    /// Refuses what is out of range.
    pub fn check(job: &Job<Self>) -> Result<(), Failure> {
        let p = &job.params;
        job.check_range("games", p.games, 1, 1_000_000)?;
        job.check_range("simulations", p.simulations, 1, 800)?;
        job.check_range("sampled_actions", p.sampled_actions, 1, 800)?;
        job.check_range("temperature", p.temperature, 0.0, 100.0)?;
        job.check_range("exploration", p.exploration, 0.0, 100.0)
    }
}

/// Most moves of a game on a board, far above what play needs.
pub fn move_limit(board: BoardKind, asked: usize) -> usize {
    if asked == 0 { board.cells() * 20 } else { asked }
}

/// Runs the stage.
pub fn run(stage: &mut Stage<SelfplayParams>) -> Result<StageResult, Failure> {
    let p = stage.job.params.clone();
    SelfplayParams::check(&stage.job)?;
    let config = stage.job.config;
    let model = player(stage)?;
    let play = PlayConfig {
        config,
        search: SearchConfig {
            simulations: p.simulations,
            sampled_actions: p.sampled_actions,
            exploration: p.exploration,
            ..SearchConfig::default()
        },
        temperature: p.temperature,
        temperature_moves: p.temperature_moves,
        swap_rule: p.swap_rule,
        max_moves: move_limit(config.board, p.max_moves),
    };
    let origin = Origin {
        job_id: stage.job.job_id.clone(),
        config,
        seed: stage.job.seed,
        model_sha256: model.sha256.clone(),
        params: serde_json::to_string(&p).map_err(|e| Failure::internal("writing parameters", e))?,
    };
    let path = stage.output.join(SHARD);
    let mut writer = open(&path, stage.previous.as_deref(), origin)?;
    let had = writer.finished()?;
    if !had.is_empty() {
        let message = format!("took over {} finished games", had.len());
        stage.reporter.progress(had.len() as u64, p.games, "games", &message, serde_json::Map::new());
    }
    let started = Instant::now();
    let model_sha256 = model.sha256.clone();
    let mut evaluator = NetEvaluator::new(model);
    let mut gumbel = Gumbel::default();
    let (mut done, mut total_moves, mut choices) = (had.len() as u64, 0, 0);
    for index in (0..p.games).filter(|i| !had.contains(i)) {
        let game = play_game(&play, stage.job.seed, index, &mut gumbel, &mut evaluator, &stage.stop)?;
        writer.add(&game)?;
        done += 1;
        total_moves += game.moves.len();
        choices += game.moves.iter().filter(|m| m.policy.is_some()).count();
        if stage.reporter.due() || done == p.games {
            let rate = (done - had.len() as u64) as f64 / started.elapsed().as_secs_f64();
            let metrics = serde_json::Map::from_iter([("games_per_second".to_owned(), json!(rate))]);
            stage.reporter.progress(done, p.games, "games", game.termination(), metrics);
        }
    }
    writer.finish()?;
    let seconds = started.elapsed().as_secs_f64();
    let mut result = StageResult::new(json!({
        "games_completed": done,
        "games_taken_over": had.len(),
        "duration_seconds": seconds,
        "games_per_second": (done - had.len() as u64) as f64 / seconds.max(1e-9),
        "total_moves": total_moves,
        "searched_moves": choices,
        "simulations": p.simulations,
        "exploration": p.exploration,
        "model_sha256": model_sha256,
        "engine": "gumbel-mcts",
        "rules_version": RULES_VERSION,
    }));
    result.add(
        "games",
        &stage.output,
        SHARD,
        json!({"config_key": config.to_string(), "games": done, "rules_version": RULES_VERSION, "model_sha256": model_sha256}),
    )?;
    Ok(result)
}

/// The network that plays. A model of other rules does not: the loop has begun anew, and until it has a model of its
/// own the untrained network plays.
fn player(stage: &mut Stage<SelfplayParams>) -> Result<Model, Failure> {
    let config = stage.job.config;
    let Some(file) = &stage.job.inputs.model else { return Model::untrained(config) };
    let model = Model::load(&file.path)?;
    if model.config == config && model.rules_version != RULES_VERSION {
        let message = format!(
            "the model is of rules version {}, the untrained network plays version {RULES_VERSION}",
            model.rules_version
        );
        stage.reporter.progress(0, stage.job.params.games, "games", &message, serde_json::Map::new());
        return Model::untrained(config);
    }
    Model::load_for(&file.path, config)
}

/// Opens the shard of this run: our own unfinished one, else a copy of the previous attempt's, else a new one.
fn open(path: &Path, previous: Option<&Path>, origin: Origin) -> Result<ShardWriter, Failure> {
    if !path.exists()
        && let Some(old) = previous.map(|p| p.join(SHARD)).filter(|p| p.exists())
    {
        copy_with_journal(&old, path)?;
    }
    let existed = path.exists();
    let writer = ShardWriter::open(path, origin.clone());
    match writer {
        Ok(writer) if writer.is_ours() => Ok(writer),
        // Another job's or a damaged file in the place of ours: it is of no use, and the games can be played again.
        Ok(_) | Err(_) if existed => {
            remove_with_journal(path)?;
            ShardWriter::open(path, origin)
        }
        other => other,
    }
}

fn journal(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-journal");
    path.with_file_name(name)
}

/// A killed run may leave a journal; SQLite needs it beside the file to undo the unfinished transaction.
fn copy_with_journal(from: &Path, to: &Path) -> Result<(), Failure> {
    if journal(from).exists() {
        std::fs::copy(journal(from), journal(to)).map_err(|e| Failure::io("copying", &journal(from), &e))?;
    }
    std::fs::copy(from, to).map_err(|e| Failure::io("copying", from, &e))?;
    Ok(())
}

fn remove_with_journal(path: &Path) -> Result<(), Failure> {
    for file in [path.to_owned(), journal(path)] {
        if file.exists() {
            std::fs::remove_file(&file).map_err(|e| Failure::io("removing", &file, &e))?;
        }
    }
    Ok(())
}
