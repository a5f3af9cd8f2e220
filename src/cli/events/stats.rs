//! `ringrift events stats`.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::registry::Hub;
use crate::contract::router;
use clap::Args;
use serde_json::json;

/// Show the router's figures.
#[derive(Debug, Args)]
pub struct Stats {}

impl Stats {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let stats: router::Stats = hub::ask(world, Hub::Router)?.call("Stats", &json!({}))?;
        out.either("stats", &stats, || {
            let mut page = String::new();
            if let Some(why) = &stats.refusing {
                page += &format!("{} publishes are refused: {why}\n", out.paint(Tone::Bad, "!"));
            }
            let rows = [
                ("events in the log", format!("{} (places {} to {})", stats.events, stats.first_seq, stats.last_seq)),
                ("published since start", format!("{} and {} repeats", stats.published, stats.duplicates)),
                ("delivered since start", format!("{}, acknowledged {}", stats.delivered, stats.acked)),
                ("subscriptions", stats.subscribers.to_string()),
                ("dead letters", stats.dead_letters.to_string()),
                ("database", text::bytes(stats.database_bytes)),
            ];
            page += &out.table(&[], rows.into_iter().map(|(k, v)| vec![Text::dim(k), Text::plain(v)]).collect());
            let mut kinds: Vec<_> = stats.by_type.iter().collect();
            kinds.sort_by(|a, b| b.1.cmp(a.1));
            let rows: Vec<_> = kinds.into_iter().map(|(k, n)| vec![Text::plain(k), Text::number(n.to_string())]).collect();
            if rows.is_empty() { page } else { page + "\n" + &out.table(&["TYPE", "SINCE START"], rows) }
        })
    }
}
