//! `ringrift jobs limits`: slots by type, and the rate limits.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub};
use crate::contract::coordinator::method;
use crate::contract::coordinator::{LimitView, SafeguardsView};
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::json;

/// Show slots by type (limit and use) and the rate limits.
#[derive(Debug, Args)]
pub struct Limits {}

impl Limits {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        let list = coordinator.ask(method::Limits, &json!({}))?;
        let safeguards = coordinator.ask(method::Safeguards, &json!({}))?;
        let value = json!({ "types": list.limits, "buckets": safeguards.buckets, "starts": safeguards.starts,
            "reservations": safeguards.reservations, "signal": safeguards.signal });
        out.either("limits", &value, || page(&list.limits, &safeguards, out))
    }
}

fn page(limits: &[LimitView], s: &SafeguardsView, out: &Out) -> String {
    let number = |n: Option<u32>| Text::number(n.map_or_else(|| "–".to_owned(), |n| n.to_string()));
    let rows = limits.iter().map(|l| {
        let full = l.cluster.is_some_and(|most| l.used >= most)
            || l.per_node.is_some_and(|most| l.nodes.values().any(|n| *n >= most));
        let nodes: Vec<String> = l.nodes.iter().map(|(node, used)| format!("{node} {used}")).collect();
        vec![
            Text::new(if full { Tone::Warn } else { Tone::Plain }, l.task_type.name()),
            Text::dim(l.class.name()),
            Text::number(l.used.to_string()),
            number(l.per_node),
            number(l.cluster),
            Text::number(l.pending.to_string()),
            Text::plain(nodes.join(", ")),
        ]
    });
    let mut page = out.table(&["TYPE", "CLASS", "USED", "PER NODE", "CLUSTER", "QUEUED", "NODES"], rows.collect());
    let mut lines = Vec::new();
    for b in &s.buckets {
        lines.push(format!("rate limit, {}: {} of {} tokens, +{}/min", b.bucket, b.tokens, b.burst, b.per_minute));
    }
    for n in s.starts.iter().filter(|n| n.delay_ms > 0) {
        lines.push(format!(
            "node {}: {} recent starts (limit {}): {} ms between starts",
            n.node, n.starts, n.ordinary, n.delay_ms
        ));
    }
    for r in &s.reservations {
        lines.push(format!("node {} is reserved for {} by {} for {} s", r.node, r.purpose.name(), r.by, r.seconds));
    }
    lines.push(format!(
        "back-pressure {} ({:.2}): self-play at {:.0} % of its rate",
        s.signal.level,
        s.signal.value,
        s.signal.multiplier * 100.0
    ));
    page += &(lines.join("\n") + "\n");
    page
}
