//! The registry: one typed table of daemons from which units, targets, programs, configuration, manuals and completions are generated.
mod coherence;
mod declare;
mod known;
mod names;
mod order;
mod processes;
mod profiles;
mod roster;
mod settings;
mod spec;
mod table;
mod validate;

pub use coherence::check;
pub(crate) use declare::{declare, entry, kind, settings};
pub use known::Known;
pub use names::DaemonType;
pub use order::{OrderError, start_order, stop_order};
pub use processes::{HUB_SERVICES, OUTSIDE, PROCESSES, Process};
pub use profiles::{Profile, closure};
pub(crate) use roster::roster;
pub use settings::{Form, Kind, Rule, Setting, Width};
pub use spec::{BASE, Category, DaemonSpec, Declared, Hub, Need, Program, Stage};
pub use table::Declarations;
pub use validate::{Report, validate};

use super::events::EventType;
use std::fmt;

/// Events that the runtime publishes for every daemon.
pub const RUNTIME_EVENTS: &[EventType] =
    &[EventType::DaemonStarted, EventType::DaemonStopped, EventType::DaemonStatusChanged, EventType::DaemonHealth];

/// All entries, category by category, in the roster's order.
pub fn all() -> impl Iterator<Item = &'static DaemonSpec> {
    table::get().ordered.iter().copied()
}

/// The built ones.
pub fn built() -> impl Iterator<Item = &'static DaemonSpec> {
    all().filter(|s| s.is_built())
}

/// One category's entries.
pub fn by_category(category: Category) -> impl Iterator<Item = &'static DaemonSpec> {
    all().filter(move |s| s.category == category)
}

impl DaemonType {
    /// The entry.
    pub fn spec(self) -> &'static DaemonSpec {
        table::get().of[self as usize]
    }
    /// The name users know, as in AUTO_SYNC.
    pub fn name(self) -> &'static str {
        self.spec().name
    }
    /// As units and sockets write it, as in auto-sync.
    pub fn kebab(self) -> String {
        self.name().to_lowercase().replace('_', "-")
    }
    /// As configuration writes it, as in auto_sync.
    pub fn snake(self) -> String {
        self.name().to_lowercase()
    }
    /// The program.
    pub fn binary(self) -> String {
        format!("ringrift-{}", self.kebab())
    }
    /// The unit.
    pub fn unit(self) -> String {
        format!("ringrift-{}.service", self.kebab())
    }
    /// The daemon of a service unit.
    pub fn of_unit(unit: &str) -> Option<DaemonType> {
        let name = unit.strip_prefix("ringrift-")?.strip_suffix(".service")?;
        all().find(|s| s.daemon.kebab() == name).map(|s| s.daemon)
    }
    /// Reads AUTO_SYNC, auto_sync or auto-sync.
    pub fn parse(text: &str) -> Result<DaemonType, UnknownName> {
        let wanted = text.to_uppercase().replace('-', "_");
        all().find(|s| s.name == wanted).map(|s| s.daemon).ok_or_else(|| UnknownName::new("daemon", &wanted, all().map(|s| s.name)))
    }
    /// Itself, or what it is another name of.
    pub fn resolve(self) -> DaemonType {
        match self.spec().stage {
            Stage::Alias { of, .. } => of,
            _ => self,
        }
    }
}

impl fmt::Display for DaemonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that nobody knows, with the nearest that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// daemon, profile, event …
    pub kind: &'static str,
    /// What was given.
    pub name: String,
    /// The nearest names, best first.
    pub nearest: Vec<String>,
}

impl UnknownName {
    /// Finds the nearest of the known names.
    pub fn new<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let mut scored: Vec<(f64, &str)> = known.map(|k| (strsim::jaro_winkler(&name.to_lowercase(), &k.to_lowercase()), k)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = scored.into_iter().take(3).filter(|(score, _)| *score > 0.6).map(|(_, k)| k.to_owned()).collect();
        UnknownName { kind, name: name.into(), nearest }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is called {:?}", self.kind, self.name)?;
        match self.nearest.as_slice() {
            [] => Ok(()),
            nearest => write!(f, "; did you mean {}?", nearest.join(", ")),
        }
    }
}

impl std::error::Error for UnknownName {}
