//! `ringrift profile list`.
use crate::cli::Done;
use crate::cli::look::Seen;
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::contract::registry::Profile;
use clap::Args;
use serde_json::json;

/// List every profile.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    /// Prints them; works without systemd, then none is marked.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let applied = Seen::look(world).ok().and_then(|s| s.profile);
        let value: Vec<_> = Profile::ALL
            .into_iter()
            .map(|p| json!({ "profile": p.name(), "purpose": p.purpose(), "applied": applied == Some(p), "target": p.target(), "members": p.members().len(), "built": p.built().len() }))
            .collect();
        out.either("profiles", &value, || {
            let rows = Profile::ALL.into_iter().map(|p| {
                let here = applied == Some(p);
                vec![
                    Text::new(
                        if here { Tone::Good } else { Tone::Plain },
                        format!("{} {p}", if here { "●" } else { " " }),
                    ),
                    Text::number(p.members().len().to_string()),
                    Text::number(p.built().len().to_string()),
                    Text::plain(p.purpose()),
                ]
            });
            out.table(&["PROFILE", "MEMBERS", "BUILT", "PURPOSE"], rows.collect())
        })
    }
}
