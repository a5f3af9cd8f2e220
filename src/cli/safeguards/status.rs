//! `ringrift safeguards status`.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::coordinator::SafeguardsView;
use crate::contract::coordinator::method;
use crate::contract::registry::Hub;
use serde_json::json;

/// Prints gates, breakers and what bars everything.
pub fn run(world: &World, out: &Out) -> Done {
    let view = hub::ask(world, Hub::Coordinator)?.ask(method::Safeguards, &json!({}))?;
    out.either("safeguards", &view, || page(&view, world, out))
}

fn page(view: &SafeguardsView, world: &World, out: &Out) -> String {
    let mut page = String::new();
    for why in &view.barred {
        page += &format!("{} {why}\n", out.paint(Tone::Bad, "●"));
    }
    let gates = view.gates.iter().map(|g| {
        let (tone, word) = if g.open { (Tone::Good, "open") } else { (Tone::Bad, "SHUT") };
        vec![Text::plain(&g.gate), Text::new(tone, word), Text::plain(&g.why)]
    });
    page += &out.table(&["GATE", "STATE", "WHY"], gates.collect());
    let breakers = view.breakers.iter().map(|b| {
        let tone = match b.state.as_str() {
            "OPEN" => Tone::Bad,
            "HALF_OPEN" => Tone::Busy,
            _ => Tone::Warn,
        };
        vec![
            Text::plain(b.task_type.name()),
            Text::plain(b.node.as_str()),
            Text::new(tone, &b.state),
            Text::number(b.failures.to_string()),
            Text::number(b.opened.to_string()),
            Text::number(
                b.retry_in_seconds.map(|s| text::seconds(i64::try_from(s).unwrap_or(i64::MAX))).unwrap_or_default(),
            ),
            Text::number(text::age(b.failed_us, world.now_us)),
            Text::plain(&b.reason),
        ]
    });
    page += "\n";
    page += &match view.breakers.is_empty() {
        true => "no breaker has anything to remember\n".to_owned(),
        false => {
            out.table(&["BREAKER", "NODE", "STATE", "FAILED", "OPENED", "PROBES IN", "LAST", "WHY"], breakers.collect())
        }
    };
    let s = &view.signal;
    page + &format!(
        "\nback-pressure {} ({:.2}): self-play at {:.0} % of its rate\n",
        s.level,
        s.value,
        s.multiplier * 100.0
    )
}
