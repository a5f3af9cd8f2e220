//! `ringrift registry order`.
use crate::cli::Done;
use crate::cli::out::{Out, Text, Tone};
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::{DaemonType, Stage, all, start_order, stop_order};
use clap::Args;
use serde_json::json;

/// Print the start order (dependencies first).
#[derive(Debug, Args)]
pub struct Order {
    /// Print the stop order
    #[arg(long)]
    stop: bool,
    /// Only built daemons
    #[arg(long)]
    built: bool,
}

impl Order {
    /// Prints it.
    pub fn run(self, out: &Out) -> Done {
        let order = start_order(all()).map_err(|e| Failure::new(Exit::BadData, e.to_string()))?;
        let real = |d: &DaemonType| !matches!(d.spec().stage, Stage::Alias { .. }) || d.spec().order.is_some();
        let order: Vec<DaemonType> =
            order.into_iter().filter(real).filter(|d| !self.built || d.spec().is_built()).collect();
        let order = if self.stop { stop_order(&order) } else { order };
        let value: Vec<_> = order
            .iter()
            .map(|d| json!({ "name": d.name(), "position": d.spec().order, "depends_on": depends(*d) }))
            .collect();
        out.either("order", &value, || {
            let rows = order.iter().enumerate().map(|(at, d)| {
                let tone = if d.spec().is_built() { Tone::Good } else { Tone::Dim };
                vec![
                    Text::number((at + 1).to_string()),
                    Text::new(tone, d.name()),
                    Text::number(d.spec().order.map(|n| n.to_string()).unwrap_or_default()),
                    Text::plain(depends(*d).join(", ")),
                ]
            });
            out.table(&["#", "NAME", "POSITION", "DEPENDS ON"], rows.collect())
        })
    }
}

fn depends(daemon: DaemonType) -> Vec<&'static str> {
    daemon.spec().depends_on.iter().map(|d| d.name()).collect()
}
