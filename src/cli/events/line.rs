//! An event on one line.
use crate::cli::out::{Out, Tone};
use crate::cli::text;
use crate::cli::world::World;
use crate::contract::envelope::Event;

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
        serde_json::Value::String(s) if s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit()) => {
            text::short(s).to_owned()
        }
        serde_json::Value::String(s) if s.contains(' ') => format!("{s:?}"),
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Array(a) if a.len() > 3 => format!("[{} items]", a.len()),
        serde_json::Value::Object(o) if o.len() > 3 => format!("{{{} fields}}", o.len()),
        other => other.to_string(),
    }
}
