//! The Units port of daemons that look at nothing but status files.
use crate::contract::health::StatusFile;
use crate::contract::host::UnitView;
use crate::contract::ports::Units;
use std::path::PathBuf;

/// Reads status files; knows no units.
#[derive(Debug, Clone)]
pub struct StatusFiles {
    run: PathBuf,
}

impl StatusFiles {
    /// Below the run directory.
    pub fn new(run: impl Into<PathBuf>) -> StatusFiles {
        StatusFiles { run: run.into() }
    }
}

impl Units for StatusFiles {
    fn list(&self, _patterns: &[&str]) -> Result<Vec<UnitView>, String> {
        Err("this program has no connection to systemd".into())
    }
    fn status_file(&self, kebab: &str) -> Option<StatusFile> {
        serde_json::from_slice(&std::fs::read(self.run.join(kebab).join("status.json")).ok()?).ok()
    }
}
