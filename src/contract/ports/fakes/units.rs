//! systemd with the units, and processes with the status files, that a test gives them.
use super::{Fake, Held};
use crate::contract::facts::Facts;
use crate::contract::health::StatusFile;
use crate::contract::host::UnitView;
use crate::contract::ports::{Port, Units};
use std::collections::BTreeMap;

/// Units and status files.
#[derive(Debug, Default)]
pub struct Seen {
    pub units: Vec<UnitView>,
    pub status: BTreeMap<String, StatusFile>,
}

impl Held for Seen {
    const PORT: Port = Port::Units;
}

impl Units for Fake<Seen> {
    fn list(&self, _: &[&str]) -> Result<Vec<UnitView>, String> {
        Ok(self.asked().units.clone())
    }
    fn status_file(&self, kebab: &str) -> Option<StatusFile> {
        self.asked().status.get(kebab).cloned()
    }
    fn facts(&self) -> Facts {
        let seen = self.asked();
        // The moment of the newest report.
        let now_us = seen.status.values().map(|report| report.time_us).max().unwrap_or(0);
        Facts { now_us, units: Ok(seen.units.clone()), reports: seen.status.clone(), ..Facts::default() }
    }
}
