//! What a learning run left: run.json, the load, the events of the loop, and the models it promoted.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::files::sha256_file;
use crate::failure::Failure;

/// run.json, written before the run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Configuration.
    pub config: String,
    /// Minutes by the clock.
    pub minutes: u32,
    /// Start, in seconds since 1970.
    pub begun: i64,
    /// The day of the start, as in 2026-11-22; empty when it was not written down.
    #[serde(default)]
    pub date: String,
    /// Cores of the machine.
    pub cores: u32,
    /// Version of the package.
    pub version: String,
}

/// A generation: the untrained network, or a promoted model.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Generation {
    /// Its number; 0 is the untrained network.
    pub number: u32,
    /// Minutes since the start at which it was promoted.
    pub minute: f64,
    /// Its SHA-256; empty for the untrained network.
    pub sha256: String,
    /// Its file; none for the untrained network.
    pub file: Option<PathBuf>,
    /// The loop's match against the champion of that time: Elo difference and the bounds of its 95 % interval.
    pub promotion_elo: [f64; 3],
    /// Games of that match.
    pub promotion_games: u32,
}

/// A whole run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Run {
    /// How it was set up.
    pub setting: Setting,
    /// Load averages over the run: mean, least, most. Absent when none was written down.
    pub load: Option<[f64; 3]>,
    /// The untrained network and every promoted model, in order.
    pub generations: Vec<Generation>,
    /// Games of self-play.
    pub games: u64,
    /// Models trained.
    pub trained: u32,
    /// Candidates refused.
    pub refused: u32,
}

impl Run {
    /// Reads a run and verifies its models by their hashes.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path)
                .map_err(|e| Failure::bad(format!("reading {}: {e}; run scripts/bench-learning first", path.display())))
        };
        let bad = |name: &str, what: String| Failure::bad(format!("{}: {what}", folder.join(name).display()));
        let setting: Setting = serde_json::from_str(&read("run.json")?).map_err(|e| bad("run.json", e.to_string()))?;
        let load = load(&read("load").unwrap_or_default());
        let mut run =
            Self { setting, load, generations: vec![Generation::default()], games: 0, trained: 0, refused: 0 };
        let (mut matches, events) = (Vec::new(), read("events.jsonl")?);
        for (n, line) in events.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let line: Value =
                serde_json::from_str(line).map_err(|e| bad("events.jsonl", format!("line {}: {e}", n + 1)))?;
            let (event, payload) = (&line["event"], &line["event"]["payload"]);
            match event["type"].as_str().unwrap_or_default() {
                "selfplay_complete" => run.games += payload["games_completed"].as_u64().unwrap_or(0),
                "training_completed" => run.trained += 1,
                "promotion_rejected" => run.refused += 1,
                "evaluation_completed" => matches.push(payload.clone()),
                "model_promoted" => {
                    let generation = promoted(&run, folder, event, &matches)
                        .map_err(|e| bad("events.jsonl", format!("line {}: {e}", n + 1)))?;
                    run.generations.push(generation);
                }
                _ => {}
            }
        }
        for generation in &run.generations[1..] {
            let Some(file) = &generation.file else { continue };
            let (found, _) = sha256_file(file)?;
            if found != generation.sha256 {
                return Err(Failure::bad(format!(
                    "{}: SHA-256 {found}, expected {}; run again",
                    file.display(),
                    generation.sha256
                )));
            }
        }
        Ok(run)
    }

    /// The last promoted generation; 0 while there is none.
    pub fn champion(&self) -> u32 {
        self.generations.last().map_or(0, |g| g.number)
    }
}

fn promoted(run: &Run, folder: &Path, event: &Value, matches: &[Value]) -> Result<Generation, String> {
    let payload = &event["payload"];
    let number = payload["generation"].as_u64().ok_or("payload.generation is no number")? as u32;
    if number != run.champion() + 1 {
        return Err(format!("payload.generation: expected {}, got {number}", run.champion() + 1));
    }
    let sha256 = payload["model_id"].as_str().ok_or("payload.model_id is no text")?.to_owned();
    let time = event["time_us"].as_i64().ok_or("time_us is no number")?;
    let found =
        matches.iter().rev().find(|m| m["model_id"] == payload["model_id"]).ok_or("a promotion without a match")?;
    let of = |key: &str| found[key].as_f64().unwrap_or(f64::NAN);
    Ok(Generation {
        number,
        minute: (time as f64 / 1e6 - run.setting.begun as f64) / 60.0,
        file: Some(folder.join("models").join(format!("{sha256}.safetensors"))),
        sha256,
        promotion_elo: [of("elo"), of("elo_low"), of("elo_high")],
        promotion_games: found["games_played"].as_u64().unwrap_or(0) as u32,
    })
}

/// Mean, least and most of lines `seconds load`.
fn load(text: &str) -> Option<[f64; 3]> {
    let all: Vec<f64> = text.lines().filter_map(|l| l.split(' ').nth(1)?.parse().ok()).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let bounds = all.iter().copied().fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], v| [l.min(v), h.max(v)]);
    (!all.is_empty()).then_some([mean, bounds[0], bounds[1]])
}
