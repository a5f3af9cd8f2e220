//! `ringrift config show`.
use crate::cli::Done;
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::UnknownName;
use clap::Args;

/// Show every key with its value.
#[derive(Debug, Args)]
pub struct Show {
    /// Only keys with this prefix, for example daemons.auto_export
    prefix: Option<String>,
    /// Show where each value comes from
    #[arg(short, long)]
    origin: bool,
    /// Only keys that do not have their default
    #[arg(short, long)]
    changed: bool,
}

impl Show {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let keys = world.config()?.show();
        let prefix = self.prefix.clone().unwrap_or_default().to_lowercase().replace('-', "_");
        let below = |key: &str| {
            prefix.is_empty() || key == prefix || key.strip_prefix(&prefix).is_some_and(|r| r.starts_with('.'))
        };
        if !keys.iter().any(|k| below(&k.key)) {
            let mut parts: Vec<String> = keys.iter().map(|k| k.key.clone()).collect();
            parts.extend(keys.iter().filter_map(|k| k.key.rsplit_once('.').map(|(above, _)| above.to_owned())));
            parts.sort();
            parts.dedup();
            let error = UnknownName::new("key", &prefix, parts.iter().map(String::as_str));
            return Err(Failure::new(Exit::Usage, error.to_string()).hint("`ringrift config show` lists all"));
        }
        let shown: Vec<_> =
            keys.into_iter().filter(|k| below(&k.key)).filter(|k| !self.changed || !k.default).collect();
        out.either("config", &shown, || {
            let rows = shown.iter().map(|k| {
                let tone = if k.default { Tone::Plain } else { Tone::Busy };
                let mut row = vec![Text::new(tone, &k.key)];
                if self.origin {
                    row.push(Text::dim(&k.origin));
                }
                row.push(Text::plain(k.value.to_string()));
                row
            });
            let rows: Vec<_> = rows.collect();
            match (rows.is_empty(), self.origin) {
                (true, _) => "every key has its default\n".to_owned(),
                (false, true) => out.table(&["KEY", "ORIGIN", "VALUE"], rows),
                (false, false) => out.table(&["KEY", "VALUE"], rows),
            }
        })
    }
}
