//! The Units port of daemons that look at nothing but status files.
use crate::contract::health::{Granting, SignOfLife, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::ports::Units;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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

    fn read<T: DeserializeOwned>(&self, kebab: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.run.join(kebab).join("status.json")).ok()?).ok()
    }
}

/// The part of the coordinator's file that says whether it grants anything.
#[derive(Deserialize)]
struct CoordinatorFile {
    time_us: i64,
    valid_for: u32,
    snapshot: Blocked,
}

#[derive(Deserialize)]
struct Blocked {
    #[serde(default)]
    blocked: Vec<String>,
}

impl Units for StatusFiles {
    fn list(&self, _patterns: &[&str]) -> Result<Vec<UnitView>, String> {
        Err("this program has no connection to systemd".into())
    }
    fn status_file(&self, kebab: &str) -> Option<StatusFile> {
        self.read(kebab)
    }
    // A daemon asks at each wake, and the files of hubs are long: what is not asked for is skipped, not built.
    fn sign_of_life(&self, kebab: &str) -> Option<SignOfLife> {
        self.read(kebab)
    }
    fn granting(&self) -> Option<Granting> {
        let CoordinatorFile { time_us, valid_for, snapshot } = self.read("coordinator")?;
        Some(Granting { sign: SignOfLife { time_us, valid_for }, blocked: snapshot.blocked.into_iter().next() })
    }
}
