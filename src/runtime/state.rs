//! `$STATE_DIRECTORY/state.json`: the tick's number, the daemon's own state, and outputs that are not sent yet.
use crate::contract::coordinator::NewWork;
use crate::contract::router::NewEvent;
use crate::platform::replace::{Outlives, replace};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self};
use std::io::{self};
use std::path::{Path, PathBuf};

/// Inputs whose outputs are kept at most; more means that dead letters piled up, and the oldest are forgotten.
const KEPT: usize = 64;

/// What a handler wants sent, in the form in which it is sent: sending it twice has the effect of once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Published as one batch, after the work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<NewEvent>,
    /// Enqueued one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<NewWork>,
}

impl Outputs {
    /// Nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.work.is_empty()
    }
}

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The next tick's number.
    #[serde(default)]
    pub tick: u64,
    /// What the daemon saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    /// By input id: outputs of handled inputs that are not settled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<String, Outputs>,
}

/// The file and its content.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// The content as the daemon sees it; `write` brings it to disk.
    pub stored: Stored,
}

impl StateFile {
    /// Reads it; an absent one is empty. An unreadable one is an error: starting without it could repeat what was done.
    pub fn open(directory: &Path) -> Result<StateFile, String> {
        fs::create_dir_all(directory).map_err(|e| format!("making {}: {e}", directory.display()))?;
        let path = directory.join("state.json");
        let stored = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| format!("reading {}: {e}; restore it, or move it away to start afresh", path.display()))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Stored::default(),
            Err(e) => return Err(format!("reading {}: {e}", path.display())),
        };
        Ok(StateFile { path, stored })
    }

    /// Brings it to disk: when this returns, it survives a crash and a power cut.
    pub fn write(&mut self) -> io::Result<()> {
        while self.stored.pending.len() > KEPT {
            self.stored.pending.pop_first();
        }
        replace(&self.path, &serde_json::to_vec(&self.stored)?, 0o600, Outlives::PowerCut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_damage_is_no_fresh_start() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        file.stored.tick = 7;
        file.stored.state = Some(serde_json::json!({"seen": 3}));
        for n in 0..70 {
            file.stored.pending.insert(format!("{n:03}"), Outputs::default());
        }
        file.write().expect("writes");
        let again = StateFile::open(dir.path()).expect("opens");
        assert_eq!(again.stored, file.stored);
        assert_eq!(again.stored.pending.len(), KEPT);
        fs::write(dir.path().join("state.json"), "{").expect("damages");
        assert!(StateFile::open(dir.path()).expect_err("damaged").contains("move it away"));
    }
}
