//! `ringrift jobs durations`: how long jobs take, when running ones will finish, when slots become free, whether a long
//! job may start now.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::durations::{
    DurationView, Durations as Known, FreeView, RunningView, StartView, TaskOf,
};
use crate::contract::coordinator::method;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::Hub;
use crate::contract::workload::JobType;
use crate::platform::clock;
use clap::Args;
use serde_json::json;

/// How long jobs take, estimated from completed ones.
#[derive(Debug, Args)]
pub struct Durations {
    /// Only show whether a job of this type may start now or would run into the peak hours
    #[arg(requires = "key")]
    task_type: Option<String>,
    /// Configuration of that job, for example square8_2p
    key: Option<ConfigKey>,
}

impl Durations {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        if let (Some(name), Some(config_key)) = (self.task_type, self.key) {
            let task_type = JobType::from_name(&name.to_lowercase()).ok_or_else(|| {
                let types = JobType::ALL.map(JobType::name).join(", ");
                Failure::new(Exit::Usage, format!("unknown job type {name:?}")).hint(format!("use one of {types}"))
            })?;
            let start = coordinator.ask(method::CanStartBeforePeak, &TaskOf { task_type, config_key })?;
            return out.either("start", &start, || verdict(&start, world));
        }
        let known = coordinator.ask(method::Durations, &json!({}))?;
        out.either("durations", &known, || tell(&known, world, out))
    }
}

fn verdict(start: &StartView, world: &World) -> String {
    match start.not_before_us {
        None => format!("may start now: {}\n", start.reason),
        Some(at) => format!("not before {}: {}\n", text::second(at.us(), world.now_us), start.reason),
    }
}

fn span(seconds: f64) -> Text {
    Text::number(text::seconds(seconds as i64))
}

fn estimate(d: &DurationView) -> Vec<Text> {
    vec![
        Text::plain(d.task_type.name()),
        Text::plain(d.config_key.as_str()),
        span(d.seconds),
        Text::plain(format!("{} to {}", text::seconds(d.low_seconds as i64), text::seconds(d.high_seconds as i64))),
        Text::number(d.runs.to_string()),
        Text::plain(&d.basis),
    ]
}

fn running(r: &RunningView, world: &World) -> Vec<Text> {
    let (tone, says) = if r.stale { (Tone::Bad, "far longer than estimated") } else { (Tone::Plain, "") };
    vec![
        Text::new(tone, r.work_id.as_str()),
        Text::plain(r.task_type.name()),
        Text::plain(r.config_key.as_str()),
        Text::number(text::age(r.started_us.us(), world.now_us)),
        Text::plain(text::second(r.eta_us.us(), world.now_us)),
        Text::plain(format!(
            "in {} to {}",
            text::age(world.now_us, r.low_us.us()),
            text::age(world.now_us, r.high_us.us())
        )),
        Text::new(tone, says),
    ]
}

fn free(f: &FreeView, now_us: i64) -> Option<Vec<Text>> {
    let (now, later): (Vec<i64>, Vec<i64>) = f.free_at_us.iter().map(|at| at.us()).partition(|at| *at <= now_us);
    let later: Vec<String> = later.iter().take(3).map(|at| text::second(*at, now_us)).collect();
    let row = vec![Text::plain(f.task_type.name()), Text::number(now.len().to_string()), Text::plain(later.join(", "))];
    (!now.is_empty() || !later.is_empty()).then_some(row)
}

fn tell(known: &Known, world: &World, out: &Out) -> String {
    let mut all = match known.estimates.is_empty() {
        true => "no job has finished yet; durations.default_seconds is used\n".to_owned(),
        false => out.table(
            &["TYPE", "CONFIG", "MEDIAN", "RANGE", "RUNS", "BASIS"],
            known.estimates.iter().map(estimate).collect(),
        ),
    };
    if !known.running.is_empty() {
        let rows = known.running.iter().map(|r| running(r, world)).collect();
        all += "\n";
        all += &out.table(&["ID", "TYPE", "CONFIG", "RUNNING", "ENDS", "RANGE", "NOTE"], rows);
    }
    // What is free now was so when the coordinator answered, which is after this program looked at the clock.
    let now_us = clock::now_us();
    let rows: Vec<_> = known.free.iter().filter_map(|f| free(f, now_us)).collect();
    if !rows.is_empty() {
        all += "\n";
        all += &out.table(&["TYPE", "FREE NOW", "NEXT FREE"], rows);
    }
    if let Some(at) = known.peak_until_us {
        all += &format!("\npeak hours until {}: only CRITICAL long jobs start\n", text::second(at.us(), world.now_us));
    }
    all
}
