//! A profile by its name, and what applying one would do, in words.
use crate::cli::out::{Out, Text, Tone};
use crate::contract::error::{Exit, Failure};
use crate::contract::master::Plan;
use crate::contract::registry;

/// Reads a profile's name; the error has the nearest.
pub fn find(name: &str) -> Result<registry::Profile, Failure> {
    registry::Profile::find(name)
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()).hint("`ringrift profile list` lists them"))
}

/// What a plan's words are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// What applying would do.
    Would,
    /// What the master was asked for and does now.
    Begun,
    /// What was done.
    Done,
}

impl Tense {
    fn of(self, would: &'static str, begun: &'static str, done: &'static str) -> &'static str {
        match self {
            Tense::Would => would,
            Tense::Begun => begun,
            Tense::Done => done,
        }
    }
}

/// A plan in words: one line a daemon, + starts, - stops.
pub fn render(plan: &Plan, tense: Tense, out: &Out) -> String {
    let mut rows = Vec::new();
    let mut add = |sign: &str, tone: Tone, what: &str, names: &[String]| {
        rows.extend(names.iter().map(|n| vec![Text::new(tone, sign), Text::new(tone, n), Text::dim(what)]));
    };
    add("+", Tone::Good, tense.of("would start", "starts", "started"), &plan.start);
    add("-", Tone::Bad, tense.of("would stop", "stops", "stopped"), &plan.stop);
    add("=", Tone::Plain, tense.of("would stay", "stays", "stayed"), &plan.stay);
    add("!", Tone::Warn, "disabled by the configuration", &plan.disabled);
    let table = if rows.is_empty() { String::new() } else { out.table(&[], rows) };
    let planned = match plan.planned.len() {
        0 => String::new(),
        n if n > 8 => {
            format!("{n} planned members, not built yet: `ringrift profile show {} --planned`\n", plan.profile)
        }
        _ => format!("planned, not built yet: {}\n", plan.planned.join(", ")),
    };
    let (start, stop) = (tense.of("to start", "to start", "started"), tense.of("to stop", "to stop", "stopped"));
    let counts = format!("{} {start}, {} {stop}, {} unchanged", plan.start.len(), plan.stop.len(), plan.stay.len());
    format!("{table}{}profile {}: {counts}\n", out.paint(Tone::Dim, &planned), plan.profile)
}
