//! The evaluation stage: candidate against champion until the sequential test decides, then against the baselines.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::matches::{GameScore, MatchConfig, Tally, play_pair};
use super::sprt::{Decision, Sprt, elo_interval};
use crate::contract::files::write_atomically;
use crate::contract::{Job, Stage, StageResult};
use crate::failure::Failure;
use crate::game::RULES_VERSION;
use crate::nn::Model;
use crate::records::selfplay::move_limit;
use crate::search::{Player, SearchConfig};

/// Name of the match record in the output directory.
pub const MATCH: &str = "match.json";

/// Parameters of evaluation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationParams {
    /// Elo difference of the null hypothesis.
    pub elo0: f64,
    /// Elo difference of the alternative.
    pub elo1: f64,
    /// Chance to promote a candidate that is not stronger.
    pub alpha: f64,
    /// Chance to refuse one that is.
    pub beta: f64,
    /// Most games against the champion.
    pub max_games: u32,
    /// Search budget of both sides.
    pub simulations: usize,
    /// Baselines to measure against: random, heuristic.
    pub opponents: Vec<String>,
    /// Games against each baseline.
    pub baseline_games: u32,
    /// Random choices that open each pair.
    pub opening_moves: usize,
    /// Whether the second of two players may swap sides.
    pub swap_rule: bool,
}

impl Default for EvaluationParams {
    fn default() -> Self {
        Self {
            elo0: 0.0,
            elo1: 50.0,
            alpha: 0.05,
            beta: 0.05,
            max_games: 400,
            simulations: 16,
            opponents: vec!["random".to_owned(), "heuristic".to_owned()],
            baseline_games: 20,
            opening_moves: 6,
            swap_rule: false,
        }
    }
}

impl EvaluationParams {
    /// Refuses what is out of range.
    pub fn check(job: &Job<Self>) -> Result<(), Failure> {
        let p = &job.params;
        job.check_range("max_games", p.max_games, 2, 1_000_000)?;
        if !p.opponents.is_empty() {
            job.check_range("baseline_games", p.baseline_games, 2, 1_000_000)?;
        }
        job.check_range("simulations", p.simulations, 1, 800)?;
        job.check_range("alpha", p.alpha, 1e-6, 0.5)?;
        job.check_range("beta", p.beta, 1e-6, 0.5)?;
        job.check_range("elo0", p.elo0, -1000.0, 1000.0)?;
        job.check_range("elo1", p.elo1, -1000.0, 1000.0)?;
        if p.elo1 <= p.elo0 {
            return Err(job.wrong("params.elo1", &format!("{} is not above elo0 = {}", p.elo1, p.elo0)));
        }
        if let Some(bad) = p.opponents.iter().find(|o| !matches!(o.as_str(), "random" | "heuristic")) {
            return Err(job.wrong("params.opponents", &format!("{bad:?} is no baseline; use random and heuristic")));
        }
        Ok(())
    }
}

/// Runs the stage.
pub fn run(stage: &mut Stage<EvaluationParams>) -> Result<StageResult, Failure> {
    let started = Instant::now();
    EvaluationParams::check(&stage.job)?;
    let p = stage.job.params.clone();
    let config = stage.job.config;
    let Some(file) = &stage.job.inputs.candidate else {
        return Err(stage.job.wrong("inputs.candidate", "is missing: name the model on trial"));
    };
    let candidate = Model::load_for(&file.path, config)?;
    let champion = match &stage.job.inputs.champion {
        Some(file) => Model::load_for(&file.path, config)?,
        None => Model::untrained(config)?,
    };
    let (candidate_sha256, champion_sha256) = (candidate.sha256.clone(), champion.sha256.clone());
    let search = SearchConfig { simulations: p.simulations, ..SearchConfig::default() };
    let (opening, swap_rule) = (p.opening_moves, p.swap_rule);
    let m = MatchConfig { config, opening, swap_rule, max_moves: move_limit(config.board, 0), seed: stage.job.seed };
    let sprt = Sprt { elo0: p.elo0, elo1: p.elo1, alpha: p.alpha, beta: p.beta };
    let (lower, upper) = sprt.bounds();
    let mut first = Player::model(candidate, search);
    let mut second = Player::model(champion, search);
    let mut tally = Tally::default();
    let mut games: Vec<[GameScore; 2]> = Vec::new();
    let mut decision = Decision::Continue;
    for index in 0..u64::from(p.max_games / 2) {
        let pair = play_pair(&m, index, &mut first, &mut second, &stage.stop)?;
        tally.add(&pair);
        games.push(pair);
        decision = sprt.decide(&tally.pairs);
        if stage.reporter.due() || decision != Decision::Continue {
            let metrics = Map::from_iter([
                ("win_rate".to_owned(), json!(tally.win_rate())),
                ("sprt_llr".to_owned(), json!(sprt.llr(&tally.pairs))),
            ]);
            stage.reporter.progress(
                u64::from(tally.games()),
                u64::from(p.max_games),
                "games",
                "against the champion",
                metrics,
            );
        }
        if decision != Decision::Continue {
            break;
        }
    }
    let (elo, elo_low, elo_high) = elo_interval(&tally.pairs);
    let mut metrics = json!({
        "candidate_sha256": candidate_sha256,
        "champion_sha256": champion_sha256,
        "games_played": tally.games(),
        "wins": tally.wins,
        "draws": tally.draws,
        "losses": tally.losses,
        "win_rate": tally.win_rate(),
        "pairs": tally.pairs,
        "elo": elo,
        "elo_low": elo_low,
        "elo_high": elo_high,
        "elo0": p.elo0,
        "elo1": p.elo1,
        "sprt_llr": sprt.llr(&tally.pairs),
        "sprt_lower": lower,
        "sprt_upper": upper,
        "sprt_decision": decision.name(),
        "simulations": p.simulations,
        "harness": "gumbel-mcts",
        "rules_version": RULES_VERSION,
    });
    for opponent in &p.opponents {
        metrics[format!("vs_{opponent}")] = baseline(stage, &m, &mut first, opponent)?;
    }
    metrics["duration_seconds"] = json!(started.elapsed().as_secs_f64());
    let record = json!({"schema": 1, "job_id": stage.job.job_id, "config_key": config.to_string(), "seed": stage.job.seed, "opening_moves": p.opening_moves, "swap_rule": p.swap_rule, "result": metrics, "pairs": games});
    let text = serde_json::to_string_pretty(&record).map_err(|e| Failure::internal("writing match.json", e))?;
    write_atomically(&stage.output.join(MATCH), text.as_bytes())?;
    let mut result = StageResult::new(metrics);
    let meta = json!({"config_key": config.to_string(), "candidate_sha256": candidate_sha256, "champion_sha256": champion_sha256});
    result.add("match", &stage.output, MATCH, meta)?;
    Ok(result)
}

fn baseline(
    stage: &mut Stage<EvaluationParams>,
    m: &MatchConfig,
    first: &mut Player,
    opponent: &str,
) -> Result<Value, Failure> {
    let games = stage.job.params.baseline_games;
    let mut second = if opponent == "random" { Player::Random } else { Player::heuristic(m.config) };
    let mut tally = Tally::default();
    // Openings other than those of the match against the champion.
    let m = MatchConfig { seed: m.seed ^ 0x5eed, ..*m };
    for index in 0..u64::from(games / 2) {
        tally.add(&play_pair(&m, index, first, &mut second, &stage.stop)?);
        if stage.reporter.due() {
            let message = format!("against {opponent}");
            stage.reporter.progress(u64::from(tally.games()), u64::from(games), "games", &message, Map::new());
        }
    }
    Ok(
        json!({"games": tally.games(), "wins": tally.wins, "draws": tally.draws, "losses": tally.losses, "win_rate": tally.win_rate()}),
    )
}
