//! The daemons a verb applies to: names, lists, a category, or all.
use crate::cli::look::Seen;
use crate::cli::out::{Out, Tone};
use crate::cli::registry::category;
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::{DaemonType, Stage, built};
use clap::Args;

/// The daemons meant.
#[derive(Debug, Clone, Args)]
pub struct Select {
    /// Daemons, separated by blanks or commas: AUTO_EXPORT, auto_export or auto-export
    #[arg(value_delimiter = ',', value_name = "NAME", required_unless_present_any = ["category", "all"])]
    names: Vec<String>,
    /// Every built daemon of a category
    #[arg(short, long, conflicts_with = "names")]
    category: Option<String>,
    /// Every built daemon
    #[arg(short, long, conflicts_with_all = ["names", "category"])]
    all: bool,
}

impl Select {
    /// Whether each was named.
    pub fn is_by_name(&self) -> bool {
        !self.all && self.category.is_none()
    }

    /// The daemons in the order given, each once, other names resolved; warns on stderr about deprecated ones.
    /// Planned daemons are refused: they cannot be started and have no unit.
    pub fn built(&self, out: &Out) -> Result<Vec<DaemonType>, Failure> {
        let chosen = self.any(out)?;
        match chosen.iter().find(|d| !d.spec().is_built()) {
            None => Ok(chosen),
            Some(planned) => Err(Failure::new(Exit::Usage, format!("{planned} is planned but not built yet"))
                .hint("`ringrift registry list --built` lists the daemons that can be started")),
        }
    }

    /// The same; of a category or of all only those that systemd has or that shall run: what nobody wants is not
    /// brought up by the way.
    pub fn wanted(&self, world: &World, out: &Out) -> Result<Vec<DaemonType>, Failure> {
        let mut chosen = self.built(out)?;
        if self.all || self.category.is_some() {
            chosen = wanted_of(chosen, &Seen::look(world)?);
        }
        Ok(chosen)
    }

    /// The same, planned ones included.
    pub fn any(&self, out: &Out) -> Result<Vec<DaemonType>, Failure> {
        let mut chosen: Vec<DaemonType> = Vec::new();
        for name in self.names.iter().filter(|n| !n.is_empty()) {
            let daemon = read(name, out)?;
            if !chosen.contains(&daemon) {
                chosen.push(daemon);
            }
        }
        if let Some(name) = &self.category {
            let wanted = category(name)?;
            chosen.extend(built().filter(|s| s.category == wanted).map(|s| s.daemon));
            if chosen.is_empty() {
                return Err(Failure::new(Exit::Usage, format!("no daemon of category {} is built yet", wanted.name()))
                    .hint(format!("`ringrift registry list --category {}` lists the planned ones", wanted.name())));
            }
        }
        if self.all {
            chosen.extend(built().map(|s| s.daemon));
        }
        Ok(chosen)
    }
}

/// Those that somebody wants, and those that systemd has or is about to have.
pub fn wanted_of(mut daemons: Vec<DaemonType>, seen: &Seen) -> Vec<DaemonType> {
    daemons.retain(|daemon| seen.daemon(*daemon).wanted || !seen.is_down(*daemon));
    daemons
}

/// One name; another name is resolved, a deprecated one warns.
fn read(name: &str, out: &Out) -> Result<DaemonType, Failure> {
    let daemon = DaemonType::parse(name)
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()).hint("`ringrift registry list` lists every daemon"))?;
    if let Stage::Alias { of, strategy, deprecated } = daemon.spec().stage {
        let with = strategy.map(|s| format!(" with strategy {s}")).unwrap_or_default();
        let what = if deprecated { "is deprecated: use" } else { "is another name of" };
        out.aside(Tone::Warn, "warning:", &format!("{daemon} {what} {of}{with}"));
    }
    Ok(daemon.resolve())
}
