//! `ringrift events stats`.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::registry::Hub;
use crate::contract::router;
use clap::Args;
use serde_json::json;

/// Show the router's statistics.
#[derive(Debug, Args)]
pub struct Stats {}

impl Stats {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let stats: router::Stats = hub::ask(world, Hub::Router)?.call("Stats", &json!({}))?;
        out.either("stats", &stats, || {
            let mut page = String::new();
            if let Some(why) = &stats.refusing {
                page += &format!("{} new events are rejected: {why}\n", out.paint(Tone::Bad, "!"));
            }
            let rows = [
                (
                    "events in the log",
                    format!("{} (positions {} to {})", stats.events, stats.first_seq, stats.last_seq),
                ),
                ("published since start", format!("{} ({} duplicates)", stats.published, stats.duplicates)),
                ("delivered since start", format!("{}, acknowledged {}", stats.delivered, stats.acked)),
                ("uptime", text::seconds(stats.uptime_seconds.cast_signed())),
                (
                    "in the last minute",
                    format!(
                        "{}/s published, {}/s delivered, {}/s acknowledged",
                        stats.rates.published, stats.rates.delivered, stats.rates.acked
                    ),
                ),
                ("publish latency", latency(&stats.publish_latency)),
                ("subscriptions", stats.subscribers.to_string()),
                ("dead letters", stats.dead_letters.to_string()),
                ("database", text::bytes(stats.database_bytes)),
            ];
            page += &out.table(&[], rows.into_iter().map(|(k, v)| vec![Text::dim(k), Text::plain(v)]).collect());
            let mut kinds: Vec<_> = stats.by_type.iter().collect();
            kinds.sort_by(|a, b| b.1.cmp(a.1));
            let rows: Vec<_> =
                kinds.into_iter().map(|(k, n)| vec![Text::plain(k), Text::number(n.to_string())]).collect();
            if rows.is_empty() { page } else { page + "\n" + &out.table(&["TYPE", "SINCE START"], rows) }
        })
    }
}

fn latency(l: &router::Latency) -> String {
    let ms = |us: u64| format!("{:.1} ms", us as f64 / 1000.0);
    match l.calls {
        0 => "no calls in the last minute".into(),
        _ => format!(
            "p50 {}, p99 {}, max {} ({})",
            ms(l.p50_us),
            ms(l.p99_us),
            ms(l.max_us),
            text::count(l.calls as usize, "call")
        ),
    }
}
