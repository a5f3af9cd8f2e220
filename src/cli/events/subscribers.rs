//! `ringrift events subscribers`.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::registry::Hub;
use crate::contract::router::SubscriberState;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// Show subscriptions with cursor, lag, retries and dead letters.
#[derive(Debug, Args)]
pub struct Subscribers {}

#[derive(Deserialize)]
struct Listed {
    subscribers: Vec<SubscriberState>,
}

impl Subscribers {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let listed: Listed = hub::ask(world, Hub::Router)?.call("Subscribers", &json!({}))?;
        out.either("subscribers", &listed.subscribers, || {
            let rows = listed.subscribers.iter().map(|s| {
                let (tone, dot) = match (s.connected, s.dead) {
                    (_, 1..) => (Tone::Bad, if s.connected { "●" } else { "○" }),
                    (true, 0) => (Tone::Good, "●"),
                    (false, 0) => (Tone::Dim, "○"),
                };
                let seen = match (s.connected, s.last_seen_us) {
                    (true, _) => "connected".to_owned(),
                    (false, Some(t)) => format!("{} ago", text::age(t, world.now_us)),
                    (false, None) => format!("never, created {} ago", text::age(s.created_us, world.now_us)),
                };
                vec![
                    Text::new(tone, format!("{dot} {}", s.name)),
                    Text::number(s.low_water.to_string()),
                    Text::number(s.lag.to_string()),
                    Text::number(s.in_flight.to_string()),
                    Text::number(s.retrying.to_string()),
                    Text::number(s.dead.to_string()),
                    Text::plain(seen),
                ]
            });
            out.table(&["  NAME", "CURSOR", "LAG", "IN FLIGHT", "RETRYING", "DEAD", "SEEN"], rows.collect())
        })
    }
}
