//! `result.json`, the last file a job writes: what it made and what it measured.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::files::{sha256_file, temp_path};
use crate::failure::Failure;

/// A file the job made.
#[derive(Clone, Debug, Serialize)]
pub struct Artefact {
    /// games, samples, model, match, plot or quarantine.
    pub kind: &'static str,
    /// Path in the output directory.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// What a catalogue should know of it.
    pub meta: Map<String, Value>,
}

/// What a stage hands back.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageResult {
    schema: u32,
    /// The files.
    pub artefacts: Vec<Artefact>,
    /// The numbers.
    pub metrics: Map<String, Value>,
}

impl StageResult {
    /// A result with metrics; `metrics` must be a JSON object.
    pub fn new(metrics: Value) -> Self {
        let Value::Object(metrics) = metrics else { return Self { schema: 1, ..Self::default() } };
        Self { schema: 1, artefacts: Vec::new(), metrics }
    }

    /// Hashes a finished file of the output directory and lists it.
    pub fn add(&mut self, kind: &'static str, output: &Path, name: &str, meta: Value) -> Result<(), Failure> {
        let (sha256, bytes) = sha256_file(&output.join(name))?;
        let Value::Object(meta) = meta else {
            return Err(Failure::internal("listing an artefact", "its metadata is no object"));
        };
        self.artefacts.push(Artefact { kind, path: name.to_owned(), sha256, bytes, meta });
        Ok(())
    }

    /// Writes `result.json`, whole or not at all. Whoever reads it syncs what it names, so nothing here waits for the
    /// disk: the loop does.
    pub fn write(&self, output: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Failure::internal("writing result.json", e))?;
        let path = output.join("result.json");
        let temp = temp_path(&path);
        std::fs::write(&temp, text).map_err(|e| Failure::io("writing", &temp, &e))?;
        std::fs::rename(&temp, &path).map_err(|e| Failure::io("renaming to", &path, &e))
    }
}
