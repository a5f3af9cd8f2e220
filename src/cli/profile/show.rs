//! `ringrift profile show`.
use super::plan::find;
use crate::cli::look::Seen;
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, text};
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::Profile;
use clap::Args;
use serde_json::json;

/// Show the members of a profile and their states.
#[derive(Debug, Args)]
pub struct Show {
    /// Profile [default: the applied one]
    profile: Option<String>,
    /// List planned members one by one
    #[arg(long)]
    planned: bool,
}

impl Show {
    /// Prints them; works without systemd, then without states.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let seen = Seen::look(world).ok();
        let profile = match &self.profile {
            Some(name) => find(name)?,
            None => seen.as_ref().and_then(|s| s.profile).ok_or_else(|| {
                Failure::new(Exit::NotRunning, "the applied profile is unknown: the master has not reported it")
                    .hint("give a profile; `ringrift profile list` lists them")
            })?,
        };
        let applied = seen.as_ref().and_then(|s| s.profile) == Some(profile);
        let rows: Vec<_> = match &seen {
            Some(seen) => profile.built().into_iter().map(|d| seen.daemon(d)).collect(),
            None => Vec::new(),
        };
        let planned: Vec<&str> = profile.planned().into_iter().map(|d| d.name()).collect();
        let built: Vec<&str> = profile.built().into_iter().map(|d| d.name()).collect();
        let value = json!({ "profile": profile.name(), "purpose": profile.purpose(), "applied": applied, "target": profile.target(), "built": built, "planned": planned, "daemons": rows });
        out.either("profile", &value, || {
            let mut page = heading(profile, applied, out);
            if rows.is_empty() {
                page += &out.table(&[], built.iter().map(|n| vec![Text::plain(*n)]).collect());
            } else {
                let line = |r: &crate::cli::look::Row| {
                    vec![
                        Text::new(r.tone(), format!("{} {}", r.dot(), r.name)),
                        Text::new(r.tone(), r.words()),
                        Text::dim(&r.reason),
                    ]
                };
                page += &out.table(&[], rows.iter().map(line).collect());
            }
            match (planned.len(), self.planned) {
                (0, _) => {}
                (_, true) => {
                    page += &out.table(
                        &[],
                        planned.iter().map(|n| vec![Text::dim(format!("○ {n}")), Text::dim("PLANNED")]).collect(),
                    )
                }
                (n, false) if n > 12 => {
                    page += &out
                        .paint(Tone::Dim, &format!("and {} planned: --planned lists them\n", text::count(n, "member")))
                }
                (_, false) => {
                    page += &out.paint(Tone::Dim, &format!("planned, not built yet: {}\n", planned.join(", ")))
                }
            }
            page
        })
    }
}

fn heading(profile: Profile, applied: bool, out: &Out) -> String {
    let mark = if applied { out.paint(Tone::Good, " (applied)") } else { String::new() };
    format!("{}{mark}: {}\n", out.paint(Tone::Bold, profile.name()), profile.purpose())
}
