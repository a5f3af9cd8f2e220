//! `ringrift jobs order`: what waits, in the order in which it gets slots, and why.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::{QueueOrder, QueuePlace};
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::json;

/// What waits, first come first: items that could be granted if there were room.
#[derive(Debug, Args)]
pub struct Order {
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
    lines: usize,
}

impl Order {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut order: QueueOrder = hub::ask(world, Hub::Coordinator)?.call("QueueOrder", &json!({}))?;
        let more = order.truncated || order.places.len() > self.lines;
        order.places.truncate(self.lines);
        out.either("order", &order.places, || {
            let rows = order.places.iter().enumerate().map(|(at, place)| row(at + 1, place, world)).collect();
            match order.places.is_empty() {
                true => "nothing waits that could be granted; `ringrift jobs list` shows what waits for something else\n".to_owned(),
                false => {
                    let table = out.table(&["#", "ID", "LEVEL", "TYPE", "CONFIG", "WAITS", "DEADLINE", "WHY"], rows);
                    table + if more { "more than shown: raise -n\n" } else { "" }
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

fn row(at: usize, place: &QueuePlace, world: &World) -> Vec<Text> {
    vec![
        Text::number(at.to_string()),
        Text::plain(place.work_id.as_str()),
        Text::new(tone(&place.level), format!("{} ({})", place.level, place.priority)),
        Text::plain(place.work_type.name()),
        Text::plain(place.config_key.as_str()),
        Text::number(text::age(place.created_us, world.now_us)),
        Text::plain(place.deadline_us.map(|at| text::time(at, world.now_us)).unwrap_or_default()),
        Text::plain(place.why.join("; ")),
    ]
}
