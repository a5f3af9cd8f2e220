//! Entries by their place, their category and their names.
use super::names::DaemonType;
use super::spec::{Category, DaemonSpec, Stage};
use super::table;
use super::unknown::UnknownName;
use crate::contract::events::EventType;
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
        all()
            .find(|s| s.name == wanted)
            .map(|s| s.daemon)
            .ok_or_else(|| UnknownName::new("daemon", &wanted, all().map(|s| s.name)))
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
