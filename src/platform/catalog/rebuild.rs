//! The catalog made anew from the store: beside each artefact lies its record, and an artefact counts when its hash is
//! right.
use super::database::CatalogDb;
use super::failure::{failed, json_failed};
use super::files::hash;
use super::query;
use crate::contract::catalog::{ArtefactRecord, Rebuilt};
use crate::contract::ids::Digest;
use crate::contract::ports::StoreError;
use crate::platform::replace::{Outlives, replace};
use std::fs::{self, File};
use std::io::{self};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One part of a rebuild takes no longer, so that others are answered between two.
const MAX_PART_TIME: Duration = Duration::from_secs(3);
/// Problems that are named in one part.
const MAX_PROBLEMS: usize = 100;

fn io_failed(operation: &str, path: &Path) -> impl Fn(io::Error) -> StoreError + use<> {
    let operation = format!("{operation} {}", path.display());
    move |e| StoreError::Failed { operation: operation.clone(), why: e.to_string() }
}

impl CatalogDb {
    fn records(&self) -> PathBuf {
        self.store.join("records")
    }

    /// The record of an artefact, beside the store's directories of files.
    pub(super) fn record_file(&self, id: &Digest) -> PathBuf {
        self.records().join(format!("{id}.json"))
    }

    /// Writes the record before the catalog names the artefact.
    pub(super) fn write_record(&self, record: &ArtefactRecord) -> Result<(), StoreError> {
        let (folder, file) = (self.records(), self.record_file(&record.id));
        if file.exists() {
            return Ok(());
        }
        fs::create_dir_all(&folder).map_err(io_failed("making", &folder))?;
        let text = serde_json::to_vec(record).map_err(json_failed("writing a record"))?;
        replace(&file, &text, 0o644, Outlives::PowerCut).map_err(io_failed("writing", &file))
    }

    /// Enters what has a record and is not in the catalog, in the order of the records' names.
    pub(super) fn enter_files(&self, after: Option<&str>) -> Result<Rebuilt, StoreError> {
        let folder = self.records();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Rebuilt::default()),
            Err(e) => return Err(io_failed("listing", &folder)(e)),
        };
        let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        names.retain(|name| name.ends_with(".json") && after.is_none_or(|after| name.as_str() > after));
        names.sort();
        let (begun, mut done) = (Instant::now(), Rebuilt::default());
        for name in names {
            match self.enter_file(&folder.join(&name)) {
                Ok(entered) => done.files += u64::from(entered),
                Err(broken @ StoreError::Broken { .. }) => return Err(broken),
                Err(error) if done.problems.len() < MAX_PROBLEMS => done.problems.push(error.to_string()),
                Err(_) => {}
            }
            if begun.elapsed() > MAX_PART_TIME {
                done.next = Some(name);
                break;
            }
        }
        Ok(done)
    }

    fn enter_file(&self, file: &Path) -> Result<bool, StoreError> {
        let bad = |why: String| StoreError::BadFile { path: file.display().to_string(), why };
        let text = fs::read(file).map_err(io_failed("reading", file))?;
        let record: ArtefactRecord = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
        if query::get(&self.db.borrow(), &record.id)?.is_some() {
            return Ok(false);
        }
        let path = Path::new(&record.path);
        let (found, bytes) = File::open(path).and_then(hash).map_err(io_failed("reading", path))?;
        if found != record.id.as_str() || bytes != record.bytes {
            return Err(bad(format!("{} has {bytes} bytes and SHA-256 {found}", record.path)));
        }
        let mut db = self.db.borrow_mut();
        let step = db.transaction().map_err(failed("beginning"))?;
        self.enter(&step, &[record])?;
        step.commit().map_err(failed("committing"))?;
        Ok(true)
    }
}
