//! `ringrift pipeline timing`: delays between stages, from the event log.
use crate::cli::out::{Out, Text};
use crate::cli::world::World;
use crate::cli::{Done, hub, journal};
use crate::contract::registry::Hub;
use crate::contract::router::{Delivery, Replay};
use crate::coordination::handover::{Handover, handovers, median};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Print the delay between the end of a stage (its command has written the result) and the start of the next.
///
/// STARTING: until systemd starts the next job's unit, via the first job's runner, the catalog, the deciding daemon,
/// coordinator, master, polkit and D-Bus. RUNNING: until the job runs, with its unit's sandbox set up and its runner
/// started. STARTING comes from the journal, which only root and group systemd-journal may read; RUNNING from the event
/// log.
#[derive(Debug, Args)]
pub struct Timing {
    /// Read only the last N events of the log
    #[arg(long, default_value_t = 100_000)]
    last: u64,
}

impl Timing {
    /// Prints a line for each pair of stages.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut events = Vec::new();
        let mut router = hub::ask(world, Hub::Router)?;
        router.stream(
            "Replay",
            &Replay { last: Some(self.last), ..Replay::default() },
            false,
            |delivery: Delivery| {
                events.extend(delivery.event);
                Ok(())
            },
        )?;
        let found = handovers(&events, &journal::job_starts(events.first().map_or(0, |e| e.time_us)));
        let starting = median(found.iter().filter_map(|h| h.starting_milliseconds));
        let running = median(found.iter().map(|h| h.running_milliseconds));
        let json = json!({ "median_starting_milliseconds": starting, "median_running_milliseconds": running, "handovers": found });
        out.either("timing", &json, || page(&found, starting, running, out))
    }
}

fn page(found: &[Handover], starting: Option<f64>, running: Option<f64>, out: &Out) -> String {
    let Some(running) = running else { return "no stage has started after another one yet\n".into() };
    let mut pairs: BTreeMap<(&str, &str), Vec<&Handover>> = BTreeMap::new();
    for h in found {
        pairs.entry((&h.from, &h.to)).or_default().push(h);
    }
    let number = |value: Option<f64>| Text::number(value.map_or("-".into(), |ms| format!("{ms:.0} ms")));
    let row = |((from, to), of): (&(&str, &str), &Vec<&Handover>)| {
        let run = || of.iter().map(|h| h.running_milliseconds);
        vec![
            Text::plain(format!("{from} → {to}")),
            Text::number(of.len().to_string()),
            number(median(of.iter().filter_map(|h| h.starting_milliseconds))),
            number(median(run())),
            number(run().max_by(f64::total_cmp)),
        ]
    };
    let table = out.table(&["TRANSITION", "COUNT", "STARTING", "RUNNING", "LONGEST"], pairs.iter().map(row).collect());
    let first = match starting {
        Some(ms) => format!("next unit starting after {ms:.0} ms"),
        None => "start of units unknown (the journal is readable by root and group systemd-journal)".into(),
    };
    format!("{table}median of {}: {first}, job running after {running:.0} ms\n", found.len())
}
