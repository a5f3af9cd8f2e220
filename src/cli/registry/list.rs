//! `ringrift registry list`.
use crate::cli::Done;
use crate::cli::out::{Out, Text, Tone};
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::{Category, DaemonSpec, Stage, UnknownName, all};
use clap::Args;
use serde_json::json;

/// List every daemon type.
#[derive(Debug, Args)]
pub struct List {
    /// Only this category
    #[arg(short, long)]
    category: Option<String>,
    /// Only built daemons
    #[arg(long)]
    built: bool,
}

/// Reads a category's name; the error has the nearest.
pub fn category(text: &str) -> Result<Category, Failure> {
    let wanted = text.to_lowercase();
    Category::ALL.into_iter().find(|c| c.name() == wanted).ok_or_else(|| {
        let error = UnknownName::new("category", text, Category::ALL.iter().map(|c| c.name()));
        Failure::new(Exit::Usage, error.to_string()).hint("`ringrift registry categories` lists them")
    })
}

/// built, planned, deprecated (→ X) or alias (→ X).
pub fn stage(spec: &DaemonSpec) -> String {
    match spec.stage {
        Stage::Built => "built".into(),
        Stage::Planned => "planned".into(),
        Stage::Alias { of, deprecated, .. } => {
            format!("{} → {}", if deprecated { "deprecated" } else { "alias" }, of.name())
        }
    }
}

impl List {
    /// Prints it.
    pub fn run(self, out: &Out) -> Done {
        let wanted = self.category.as_deref().map(category).transpose()?;
        let chosen: Vec<&DaemonSpec> =
            all().filter(|s| wanted.is_none_or(|c| s.category == c)).filter(|s| !self.built || s.is_built()).collect();
        let value: Vec<_> = chosen.iter().map(|s| describe(s)).collect();
        out.either("daemons", &value, || {
            let rows = chosen.iter().map(|s| {
                let tone = match s.stage {
                    Stage::Built => Tone::Good,
                    Stage::Planned => Tone::Plain,
                    Stage::Alias { .. } => Tone::Dim,
                };
                let stage = if s.is_built() {
                    "built"
                } else if s.is_deprecated() {
                    "deprecated"
                } else if s.stage == Stage::Planned {
                    "planned"
                } else {
                    "alias"
                };
                let purpose = match s.stage {
                    Stage::Alias { of, .. } => format!("→ {}", of.name()),
                    _ => s.purpose.to_owned(),
                };
                vec![
                    Text::new(tone, s.name),
                    Text::plain(s.category.name()),
                    Text::new(tone, stage),
                    Text::plain(purpose),
                ]
            });
            let rows = rows.collect();
            out.table(&["NAME", "CATEGORY", "STAGE", "PURPOSE"], rows)
        })
    }
}

fn describe(s: &DaemonSpec) -> serde_json::Value {
    let names = |list: &[crate::contract::registry::DaemonType]| list.iter().map(|d| d.name()).collect::<Vec<_>>();
    let events = |list: &[crate::contract::events::EventType]| list.iter().map(|e| e.info().name).collect::<Vec<_>>();
    json!({
        "name": s.name,
        "purpose": s.purpose,
        "category": s.category.name(),
        "stage": stage(s),
        "unit": s.is_built().then(|| s.daemon.unit()),
        "depends_on": names(s.depends_on),
        "position": s.order,
        "interval": s.interval,
        "health_check_interval": s.health_check_interval,
        "critical": s.critical,
        "auto_restart": s.auto_restart,
        "max_restarts": s.max_restarts,
        "deprecated": s.is_deprecated(),
        "publishes": events(s.publishes),
        "subscribes": events(s.subscribes),
    })
}
