//! A profile by its name, and what applying one would do, in words.
use crate::cli::out::{Out, Text, Tone};
use crate::contract::error::{Exit, Failure};
use crate::contract::master::Plan;
use crate::contract::registry;

/// Reads a profile's name; the error has the nearest.
pub fn find(name: &str) -> Result<registry::Profile, Failure> {
    registry::Profile::find(name).map_err(|e| Failure::new(Exit::Usage, e.to_string()).hint("`ringrift profile list` lists them"))
}

/// A plan in words: one line a daemon, + starts, - stops.
pub fn render(plan: &Plan, out: &Out) -> String {
    let mut rows = Vec::new();
    let mut add = |sign: &str, tone: Tone, what: &str, names: &[String]| {
        rows.extend(names.iter().map(|n| vec![Text::new(tone, sign), Text::new(tone, n), Text::dim(what)]));
    };
    add("+", Tone::Good, "starts", &plan.start);
    add("-", Tone::Bad, "stops", &plan.stop);
    add("=", Tone::Plain, "stays", &plan.stay);
    add("!", Tone::Warn, "disabled by the configuration", &plan.disabled);
    let table = if rows.is_empty() { String::new() } else { out.table(&[], rows) };
    let planned = match plan.planned.len() {
        0 => String::new(),
        n if n > 8 => format!("{n} planned members, not built yet: `ringrift profile show {} --planned`\n", plan.profile),
        _ => format!("planned, not built yet: {}\n", plan.planned.join(", ")),
    };
    let counts = format!("{} to start, {} to stop, {} unchanged", plan.start.len(), plan.stop.len(), plan.stay.len());
    format!("{table}{}profile {}: {counts}\n", out.paint(Tone::Dim, &planned), plan.profile)
}
