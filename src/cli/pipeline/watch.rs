//! `ringrift pipeline watch`: follows the training cycle, one line per stage, until a generation plays.
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::envelope::Event;
use crate::contract::error::{Exit, Failure};
use crate::contract::events::{Category, EventType, Payload};
use crate::contract::registry::Hub;
use crate::contract::router::{Delivery, Interest, Replay};
use crate::contract::text::Line;
use clap::Args;
use std::collections::HashMap;
use std::io::IsTerminal;

/// Follow the training cycle from the start: games, samples, models, matches, promotions.
#[derive(Debug, Args)]
pub struct Watch {
    /// Exit when a self-play job with this generation's model has finished; 0: run until Ctrl-C
    #[arg(long, default_value_t = 0, value_name = "N")]
    generation: u32,
}

/// What the lines before said.
struct Seen {
    begun_us: Option<i64>,
    /// Models of promoted generations.
    generations: HashMap<String, u32>,
    /// A progress line stands, to be written over.
    progress: bool,
}

impl Watch {
    /// Prints a line for each event; the first are those already in the log.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut router = hub::ask(world, Hub::Router)?;
        let mut seen = Seen { begun_us: None, generations: HashMap::new(), progress: false };
        let types =
            [EventType::TaskHeartbeat, EventType::WorkRetry, EventType::WorkFailed, EventType::DaemonPermanentlyFailed];
        let interest =
            Interest { types: types.map(|t| t.info().wire.to_owned()).to_vec(), categories: vec![Category::Cycle] };
        let ask = Replay { interest, follow: true, ..Replay::default() };
        let mut reached = false;
        let live = std::io::stdout().is_terminal();
        let ended = router.stream("Replay", &ask, true, |delivery: Delivery| {
            let Some(event) = delivery.event else { return Ok(()) };
            seen.show(&event, live, out)?;
            match self.generation > 0 && seen.plays(&event) >= self.generation {
                // The way out of a stream that has no end; it is distinguished below.
                true => {
                    reached = true;
                    Err(Failure::new(Exit::Ok, "reached"))
                }
                false => Ok(()),
            }
        });
        if reached {
            return Ok(Exit::Ok);
        }
        ended.map(|()| Exit::Ok)
    }
}

impl Seen {
    /// The generation whose model played the games of this event; 0 for none.
    fn plays(&self, event: &Event) -> u32 {
        let complete = event.kind == EventType::SelfplayComplete.info().wire;
        let model = event.payload.get("model_id").and_then(|m| m.as_str()).filter(|_| complete);
        model.and_then(|m| self.generations.get(m)).copied().unwrap_or(0)
    }

    fn show(&mut self, event: &Event, live: bool, out: &Out) -> Result<(), Failure> {
        let Some(kind) = event.event_type() else { return Ok(()) };
        let Ok(payload) = Payload::parse(kind, &serde_json::Value::Object(event.payload.clone())) else {
            return Ok(());
        };
        let begun = *self.begun_us.get_or_insert(event.time_us);
        let clock = out.paint(Tone::Dim, &format!("{:>7}", text::seconds((event.time_us - begun) / 1_000_000)));
        if let Payload::TaskHeartbeat(p) = &payload {
            if live {
                self.progress = true;
                return out.overwrite(&format!(
                    "{clock}  {} {} {}/{} {}",
                    p.task_type,
                    p.task_id,
                    p.done,
                    p.total,
                    Line::new(p.unit.as_str())
                ));
            }
            return Ok(());
        }
        let Some((stage, line, tone)) = self.line(payload) else { return Ok(()) };
        let line = format!("{clock}  {} {}\n", out.paint(tone, &format!("{stage:<11}")), Line::new(line));
        if std::mem::take(&mut self.progress) { out.overwrite(&line) } else { out.text(&line) }
    }

    fn line(&mut self, payload: Payload) -> Option<(&'static str, String, Tone)> {
        let plain = Tone::Bold;
        Some(match payload {
            Payload::SelfplayComplete(p) => {
                let model = p.model_id.as_ref().map_or("an unnamed model", |m| m.as_str());
                let who = self.generations.get(model).map_or("generation 0".to_owned(), |g| format!("generation {g}"));
                let total = p.total_games.unwrap_or(p.games_completed);
                (
                    "self-play",
                    format!("{} games by {who}, {:.1}/s; total {total}", p.games_completed, p.games_per_second),
                    plain,
                )
            }
            Payload::NpzExportComplete(p) => (
                "export",
                format!(
                    "{} samples from {} games in {:.1} s",
                    p.samples_exported, p.games_exported, p.duration_seconds
                ),
                plain,
            ),
            Payload::TrainingStarted(p) => ("training", format!("{} started", p.job_id), Tone::Dim),
            Payload::TrainingCompleted(p) => {
                let model = text::short(p.model_id.as_str());
                (
                    "training",
                    format!(
                        "model {model}: {} epochs, loss {:.3}, {:.1} s",
                        p.epochs, p.final_loss, p.duration_seconds
                    ),
                    plain,
                )
            }
            Payload::TrainingFailed(p) => ("training", format!("{} failed: {}", p.job_id, p.error), Tone::Bad),
            Payload::EvaluationStarted(p) => {
                ("evaluation", format!("{} plays the champion", text::short(p.model_id.as_str())), Tone::Dim)
            }
            Payload::EvaluationCompleted(p) => {
                let share = |s: Option<f64>| s.map_or("-".into(), |v| format!("{:.0} %", v * 100.0));
                let score = format!(
                    "+{} ={} -{}, Elo {:+.0} ({:+.0} to {:+.0})",
                    p.wins, p.draws, p.losses, p.elo, p.elo_low, p.elo_high
                );
                let base = format!("random {}, heuristic {}", share(p.vs_random), share(p.vs_heuristic));
                (
                    "evaluation",
                    format!("{} {score}: {}; {base}", text::short(p.model_id.as_str()), p.sprt_decision),
                    plain,
                )
            }
            Payload::EvaluationFailed(p) => ("evaluation", format!("{} failed: {}", p.job_id, p.error), Tone::Bad),
            Payload::ModelPromoted(p) => {
                self.generations.insert(p.model_id.to_string(), p.generation);
                let model = text::short(p.model_id.as_str());
                (
                    "promotion",
                    format!("generation {} is {model}, {:+.0} Elo, {}", p.generation, p.new_elo, p.tier),
                    Tone::Good,
                )
            }
            Payload::PromotionRejected(p) => {
                ("promotion", format!("{} refused: {}", text::short(p.model_id.as_str()), p.reason), Tone::Warn)
            }
            Payload::ModelDistributionComplete(p) => {
                ("distribution", format!("self-play uses generation {}", p.generation), Tone::Good)
            }
            Payload::ModelDistributionFailed(p) => ("distribution", format!("failed: {}", p.error), Tone::Bad),
            Payload::WorkRetry(p) => {
                ("retry", format!("{} {}: {} ({})", p.work_type, p.work_id, p.result, p.error), Tone::Warn)
            }
            Payload::WorkFailed(p) => {
                ("failed", format!("{} {}: {} ({})", p.work_type, p.work_id, p.result, p.error), Tone::Bad)
            }
            Payload::DaemonPermanentlyFailed(p) => {
                ("failed", format!("{}: {}; needs attention", p.daemon_name, p.result), Tone::Bad)
            }
            _ => return None,
        })
    }
}
