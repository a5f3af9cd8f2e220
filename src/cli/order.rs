//! `ringrift jobs order`: queued jobs in the order in which they get slots, and why.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::method;
use crate::contract::coordinator::{QueuePlace, WorkItem, WorkSelection, WorkStatus};
use crate::contract::reason;
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Show queued jobs that are ready to start, in the order in which they get slots.
#[derive(Debug, Args)]
pub struct Order {
    /// Maximum number of jobs
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
    lines: usize,
}

impl Order {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        let mut order = coordinator.ask(method::QueueOrder, &json!({}))?;
        let waiting = WorkSelection::of(&[WorkStatus::Pending]).all(|page| coordinator.ask(method::List, page))?;
        let waits: BTreeMap<&str, &str> = waiting.iter().filter_map(waits_for).collect();
        let more = order.truncated || order.places.len() > self.lines;
        order.places.truncate(self.lines);
        out.either("order", &order.places, || {
            let rows = order.places.iter().enumerate().map(|(at, place)| row(at + 1, place, &waits, world)).collect();
            match order.places.is_empty() {
                true => "no job is ready to start; `ringrift jobs list` shows all queued jobs\n".to_owned(),
                false => {
                    let table = out.wrapped_table(
                        &["#", "ID", "LEVEL", "TYPE", "CONFIG", "AGE", "DEADLINE", "WHY THERE", "WAITS FOR"],
                        rows,
                    );
                    table + if more { "there are more; raise -n\n" } else { "" }
                }
            }
        })
    }
}

fn tone(level: &str) -> Tone {
    match level {
        "CRITICAL" => Tone::Bad,
        "HIGH" => Tone::Warn,
        "LOW" => Tone::Dim,
        _ => Tone::Plain,
    }
}

/// An item and the one reason that is shown for it everywhere.
fn waits_for(item: &WorkItem) -> Option<(&str, &str)> {
    Some((item.work_id.as_str(), reason::leading(&item.waiting_for, &item.waiting_codes)?))
}

fn row(at: usize, place: &QueuePlace, waits: &BTreeMap<&str, &str>, world: &World) -> Vec<Text> {
    vec![
        Text::number(at.to_string()),
        Text::plain(place.work_id.as_str()),
        Text::new(tone(&place.level), format!("{} ({})", place.level, place.priority)),
        Text::plain(place.work_type.name()),
        Text::plain(place.config_key.as_str()),
        Text::number(text::age(place.created_us.us(), world.now_us)),
        Text::plain(place.deadline_us.map(|at| text::time(at.us(), world.now_us)).unwrap_or_default()),
        Text::plain(place.why.join("; ")),
        Text::plain(waits.get(place.work_id.as_str()).copied().unwrap_or_default()),
    ]
}
