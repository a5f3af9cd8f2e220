//! `ringrift events show`.
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::envelope::Event;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::EventId;
use crate::contract::registry::Hub;
use crate::contract::router::Fetch;
use clap::Args;
use serde::Deserialize;

/// Show one event in full.
#[derive(Debug, Args)]
pub struct Show {
    /// Position in the log, or id
    event: String,
}

#[derive(Deserialize)]
struct Fetched {
    seq: u64,
    event: Event,
}

impl Show {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let ask = match self.event.parse::<u64>() {
            Ok(seq) => Fetch { seq: Some(seq), id: None },
            Err(_) => {
                let id = EventId::new(self.event).map_err(|e| {
                    Failure::new(Exit::Usage, e.to_string())
                        .hint("give an event id or a position in the log; `ringrift events tail` shows both")
                })?;
                Fetch { seq: None, id: Some(id) }
            }
        };
        let found: Fetched = hub::ask(world, Hub::Router)?.call("Fetch", &ask)?;
        let (seq, event) = (found.seq, &found.event);
        out.either("event", event, || {
            let name = event.event_type().map_or(event.kind.as_str(), |t| t.info().name);
            let mut page =
                format!("{} {}\n", out.paint(Tone::Bold, name), out.paint(Tone::Dim, &format!("({})", event.kind)));
            let mut add = |key: &str, value: String| page += &format!("{key:>12}: {value}\n");
            add("Place", seq.to_string());
            add("Id", event.id.to_string());
            add("Time", text::time(event.time_us, world.now_us));
            add("Published by", format!("{} on {}", event.source, event.node));
            for (key, value) in [("Cause", &event.cause), ("Correlation", &event.correlation)] {
                if let Some(id) = value {
                    add(key, id.to_string());
                }
            }
            if let Some(key) = &event.key {
                add("Key", key.to_string());
            }
            page + &serde_json::to_string_pretty(&event.payload).unwrap_or_default() + "\n"
        })
    }
}
