//! `ringrift registry deprecated`.
use crate::cli::Done;
use crate::cli::out::{Out, Text};
use crate::contract::registry::{Stage, all};
use clap::Args;
use serde_json::json;

/// List deprecated names and their replacements.
#[derive(Debug, Args)]
pub struct Deprecated {}

impl Deprecated {
    /// Prints it.
    pub fn run(self, out: &Out) -> Done {
        let found: Vec<_> = all()
            .filter_map(|s| match s.stage {
                Stage::Alias { of, strategy, deprecated: true } => Some((s.name, of.name(), strategy)),
                _ => None,
            })
            .collect();
        let value: Vec<_> =
            found.iter().map(|(name, of, strategy)| json!({ "name": name, "use": of, "strategy": strategy })).collect();
        out.either("deprecated", &value, || {
            let rows = found.iter().map(|(name, of, strategy)| {
                let with = strategy.map(|s| format!(" with strategy {s}")).unwrap_or_default();
                vec![Text::plain(*name), Text::plain(format!("use {of}{with}"))]
            });
            out.table(&["NAME", "USE INSTEAD"], rows.collect())
        })
    }
}
