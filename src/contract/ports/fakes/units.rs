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
    fn list(&self, patterns: &[&str]) -> Result<Vec<UnitView>, String> {
        let wanted = |unit: &&UnitView| patterns.iter().any(|pattern| fits(pattern.as_bytes(), unit.name.as_bytes()));
        Ok(self.asked().units.iter().filter(wanted).cloned().collect())
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

/// Whether a name fits a shell glob of `*` and `?`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => fits(rest, name),
        (Some((b'*', rest)), Some((_, behind))) => fits(rest, name) || fits(pattern, behind),
        (Some((wanted, rest)), Some((found, behind))) => (*wanted == b'?' || wanted == found) && fits(rest, behind),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_chosen_by_their_names() {
        let table = [
            ("a.service", "a.service", true),
            ("ringrift-job-*", "ringrift-job-export@1.service", true),
            ("*@?.service", "x@12.service", false),
        ];
        for (pattern, name, wanted) in table {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
    }
}
