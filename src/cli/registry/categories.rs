//! `ringrift registry categories`.
use crate::cli::Done;
use crate::cli::out::{Out, Text};
use crate::contract::registry::{Category, by_category};
use clap::Args;
use serde_json::json;

/// List the categories and their members.
#[derive(Debug, Args)]
pub struct Categories {}

impl Categories {
    /// Prints it.
    pub fn run(self, out: &Out) -> Done {
        let members = |c: Category| by_category(c).map(|s| s.name).collect::<Vec<_>>();
        let value: Vec<_> =
            Category::ALL.into_iter().map(|c| json!({ "category": c.name(), "daemons": members(c) })).collect();
        out.either("categories", &value, || {
            let rows = Category::ALL.into_iter().map(|c| {
                let built = by_category(c).filter(|s| s.is_built()).count();
                vec![
                    Text::plain(c.name()),
                    Text::number(members(c).len().to_string()),
                    Text::number(built.to_string()),
                    Text::plain(members(c).join(" ")),
                ]
            });
            out.table(&["CATEGORY", "DAEMONS", "BUILT", "NAMES"], rows.collect())
        })
    }
}
