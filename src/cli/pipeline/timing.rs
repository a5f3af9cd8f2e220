//! `ringrift pipeline timing`: the hand-overs between stages, from the event log.
use crate::cli::out::{Out, Text};
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::registry::Hub;
use crate::contract::router::{Delivery, Replay};
use crate::coordination::handover::{Handover, handovers, median};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Print how long the next stage takes to start after a stage's end: from the moment a job's command wrote its result to the moment
/// the next job's unit took up its work, through systemd, coordinator, event router and the daemon that decided.
#[derive(Debug, Args)]
pub struct Timing {
    /// Only the last so many events of the log
    #[arg(long, default_value_t = 100_000)]
    last: u64,
}

impl Timing {
    /// Prints a line for each pair of stages.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut events = Vec::new();
        let mut router = hub::ask(world, Hub::Router)?;
        router.stream("Replay", &Replay { last: Some(self.last), ..Replay::default() }, false, |delivery: Delivery| {
            events.extend(delivery.event);
            Ok(())
        })?;
        let found = handovers(&events);
        let all = median(found.iter().map(|h| h.milliseconds));
        out.either("timing", &json!({ "median_milliseconds": all, "handovers": found }), || page(&found, all, out))
    }
}

fn page(found: &[Handover], all: Option<f64>, out: &Out) -> String {
    let Some(all) = all else { return "no stage has followed another yet\n".into() };
    let mut pairs: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for h in found {
        pairs.entry((&h.from, &h.to)).or_default().push(h.milliseconds);
    }
    let row = |((from, to), values): (&(&str, &str), &Vec<f64>)| {
        let worst = values.iter().copied().fold(f64::MIN, f64::max);
        let middle = median(values.iter().copied()).unwrap_or(worst);
        vec![
            Text::plain(format!("{from} → {to}")),
            Text::number(values.len().to_string()),
            Text::number(format!("{middle:.0} ms")),
            Text::number(format!("{worst:.0} ms")),
        ]
    };
    let table = out.table(&["HAND-OVER", "COUNT", "MEDIAN", "LONGEST"], pairs.iter().map(row).collect());
    format!("{table}median of all {}: {all:.0} ms\n", found.len())
}
