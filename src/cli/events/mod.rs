//! `ringrift events`: the event log.
mod dlq;
mod emit;
mod filter;
mod replay;
mod retire;
mod show;
mod stats;
mod subscribers;
mod tail;

use super::out::{Out, Tone};
use super::world::World;
use super::{Done, text};
use crate::contract::envelope::Event;
use clap::Subcommand;

/// The event log.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// The last events, and with -f those that come
    Tail(tail::Tail),
    /// Publish an event
    Emit(emit::Emit),
    /// One event in full
    Show(show::Show),
    /// A stretch of the log
    Replay(replay::Replay),
    /// The router's figures
    Stats(stats::Stats),
    /// Subscriptions: what they want and how far they are
    Subscribers(subscribers::Subscribers),
    /// Forget subscriptions that will not return
    Retire(retire::Retire),
    /// Dead letters: events whose handler failed for good
    #[command(subcommand)]
    Dlq(dlq::Dlq),
}

impl Events {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Events::Tail(verb) => verb.run(world, out),
            Events::Emit(verb) => verb.run(world, out),
            Events::Show(verb) => verb.run(world, out),
            Events::Replay(verb) => verb.run(world, out),
            Events::Stats(verb) => verb.run(world, out),
            Events::Subscribers(verb) => verb.run(world, out),
            Events::Retire(verb) => verb.run(world, out),
            Events::Dlq(verb) => verb.run(world, out),
        }
    }
}

/// One event on one line: time, place, type, configuration, publisher, payload.
pub fn line(seq: u64, event: &Event, world: &World, out: &Out) -> String {
    let name = event.event_type().map_or(event.kind.as_str(), |t| t.info().name);
    let key = event.key.as_ref().map_or("-", |k| k.as_str());
    let time = out.paint(Tone::Dim, &text::time(event.time_us, world.now_us));
    let payload = event.payload.iter().filter(|(k, _)| *k != "config_key").map(|(k, v)| format!("{k}={}", brief(v)));
    let payload = payload.collect::<Vec<_>>().join(" ");
    format!("{time} {seq:>6} {} {key} {} {payload}\n", out.paint(Tone::Bold, name), out.paint(Tone::Dim, &event.source))
}

/// A value short enough for a line.
fn brief(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(s) if s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit()) => text::short(s).to_owned(),
        serde_json::Value::String(s) if s.contains(' ') => format!("{s:?}"),
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Array(a) if a.len() > 3 => format!("[{} items]", a.len()),
        serde_json::Value::Object(o) if o.len() > 3 => format!("{{{} fields}}", o.len()),
        other => other.to_string(),
    }
}
