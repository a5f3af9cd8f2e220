//! DATA_PIPELINE's database and artefact store: `catalog.db` and the files that it names.
mod files;
mod housekeeping;
mod inspect;
mod query;
mod rebuild;

use crate::contract::age::AgePermit;
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, JobFolder, LineageStep, Rating, Rebuilt, StageState};
use crate::contract::events::{EventType, Payload};
use crate::contract::ids::{ConfigKey, Digest, EventId, JobId};
use crate::contract::ports::{Catalog, CatalogChange, CatalogStore, StoreError};
use crate::contract::wire::{CallError, ErrorParameters, errors};
use crate::platform::age::{AgeGuard, clocks};
use crate::platform::job_files::JobFiles;
use crate::platform::notices::Notices;
use crate::platform::space;
use crate::platform::store::{self, Class, Database, DatabaseError, Keep, Spec};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE artefacts(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, config_key TEXT NOT NULL, path TEXT NOT NULL,
    bytes INTEGER NOT NULL, created_us INTEGER NOT NULL, job_id TEXT NOT NULL, node TEXT NOT NULL, metrics TEXT NOT NULL
) STRICT;
CREATE INDEX artefacts_by_kind ON artefacts(config_key, kind, seq);
CREATE TABLE lineage(child TEXT NOT NULL, parent TEXT NOT NULL, PRIMARY KEY(child, parent)) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_by_parent ON lineage(parent);
CREATE TABLE inputs(id TEXT PRIMARY KEY, outputs TEXT NOT NULL, handled_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ratings(
    config_key TEXT NOT NULL, model_id TEXT NOT NULL, elo REAL NOT NULL, elo_low REAL NOT NULL, elo_high REAL NOT NULL,
    games_played INTEGER NOT NULL, vs_random REAL, vs_heuristic REAL, rated_us INTEGER NOT NULL, PRIMARY KEY(config_key, model_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE champions(
    config_key TEXT NOT NULL, generation INTEGER NOT NULL, model_id TEXT NOT NULL, model_path TEXT NOT NULL, match_id TEXT NOT NULL,
    elo REAL NOT NULL, promoted_us INTEGER NOT NULL, PRIMARY KEY(config_key, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE stages(
    config_key TEXT PRIMARY KEY, stage TEXT NOT NULL, since_us INTEGER NOT NULL, reason TEXT NOT NULL, refusals INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
", "
ALTER TABLE artefacts ADD COLUMN rules INTEGER NOT NULL DEFAULT 1;
CREATE TABLE rules(n INTEGER PRIMARY KEY AUTOINCREMENT, config_key TEXT NOT NULL, version INTEGER NOT NULL, since_us INTEGER NOT NULL) STRICT;
ALTER TABLE champions RENAME TO old_champions;
CREATE TABLE champions(
    config_key TEXT NOT NULL, rules INTEGER NOT NULL, generation INTEGER NOT NULL, model_id TEXT NOT NULL, model_path TEXT NOT NULL,
    match_id TEXT NOT NULL, elo REAL NOT NULL, promoted_us INTEGER NOT NULL, PRIMARY KEY(config_key, rules, generation)
) STRICT, WITHOUT ROWID;
INSERT INTO champions SELECT config_key, 1, generation, model_id, model_path, match_id, elo, promoted_us FROM old_champions;
DROP TABLE old_champions;
", "
-- Not in the store any more, and why; its file is deleted once the path is empty.
ALTER TABLE artefacts ADD COLUMN gone_us INTEGER;
ALTER TABLE artefacts ADD COLUMN gone_why TEXT;
CREATE INDEX artefacts_kept ON artefacts(seq) WHERE gone_us IS NULL;
CREATE INDEX artefacts_by_job ON artefacts(job_id);
"];

/// The database and the store.
#[derive(Debug)]
pub struct CatalogDb {
    db: RefCell<Database>,
    store: PathBuf,
    /// Files of jobs.
    files: JobFiles,
    /// The folders of jobs.
    jobs: PathBuf,
    age: RefCell<AgeGuard>,
    notices: Notices,
}

fn failed(operation: &str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
    move |e| {
        // If so, DISK_SPACE_MANAGER hears of it.
        let _ = space::is_full_sql(&e);
        let class = store::sort(operation, &e);
        let (operation, why) = (operation.into(), e.to_string());
        match class {
            Class::Passing => StoreError::Failed { operation, why },
            Class::Input => StoreError::Unfit { operation, why },
            Class::Database => StoreError::Broken { operation, why },
        }
    }
}

fn json_failed(operation: &str) -> impl Fn(serde_json::Error) -> StoreError + '_ {
    move |e| StoreError::Unfit { operation: operation.into(), why: e.to_string() }
}

impl CatalogDb {
    /// The database's file in a state directory.
    pub fn path(state: &Path) -> PathBuf {
        state.join("catalog.db")
    }

    /// Opens the database in `state`, the artefact store and the folder of job folders.
    pub fn open(state: &Path, store: &Path, jobs: &Path, keep: Keep) -> Result<CatalogDb, DatabaseError> {
        let holds = "artefacts with their lineage, ratings, champions, stages (`ringrift artefacts rebuild` reads them from the files and the event log)";
        let path = CatalogDb::path(state);
        let db = store::open(&Spec { path: path.clone(), migrations: MIGRATIONS, holds, keep })?;
        let newest = db.query_row("SELECT max(created_us) FROM artefacts", [], |row| row.get(0));
        let newest = newest.map_err(DatabaseError::sqlite("reading the newest time of", &path))?;
        let age = AgeGuard::new(&path, "folders of failed jobs", newest, clocks());
        Ok(CatalogDb {
            db: RefCell::new(db),
            store: store.to_owned(),
            files: JobFiles::new(jobs),
            jobs: jobs.to_owned(),
            age: RefCell::new(age),
            notices: Notices::beside(&path),
        })
    }

    fn apply(&self, step: &Transaction<'_>, change: &CatalogChange, records: &[ArtefactRecord]) -> Result<(), StoreError> {
        self.enter(step, records)?;
        if let Some(r) = &change.rating {
            step.execute(
                "INSERT OR REPLACE INTO ratings VALUES(?,?,?,?,?,?,?,?,?)",
                params![
                    r.config_key.as_str(),
                    r.model_id.as_str(),
                    r.elo,
                    r.elo_low,
                    r.elo_high,
                    r.games_played,
                    r.vs_random,
                    r.vs_heuristic,
                    r.rated_us
                ],
            )
            .map_err(failed("recording a rating"))?;
        }
        if let Some(c) = &change.champion {
            step.execute(
                "INSERT OR REPLACE INTO champions VALUES(?1,coalesce((SELECT rules FROM artefacts WHERE id = ?3),1),?2,?3,?4,?5,?6,?7)",
                params![c.config_key.as_str(), c.generation, c.model_id.as_str(), c.model_path, c.match_id.as_str(), c.elo, c.promoted_us],
            )
            .map_err(failed("recording a champion"))?;
            step.execute("UPDATE stages SET refusals = 0 WHERE config_key = ?", params![c.config_key.as_str()])
                .map_err(failed("recording a champion"))?;
        }
        if let Some((key, version)) = &change.rules {
            let since = crate::platform::clock::now_us();
            step.execute("INSERT INTO rules(config_key, version, since_us) VALUES(?,?,?)", params![key.as_str(), version, since])
                .and_then(|_| step.execute("UPDATE stages SET refusals = 0 WHERE config_key = ?", params![key.as_str()]))
                .map_err(failed("recording the version of the rules"))?;
        }
        if let Some((key, stage, reason)) = &change.stage {
            step.execute(
                "INSERT INTO stages(config_key, stage, since_us, reason) VALUES(?1,?2,?3,?4) ON CONFLICT(config_key) DO UPDATE SET \
                 since_us = CASE stage WHEN excluded.stage THEN since_us ELSE excluded.since_us END, stage = excluded.stage, reason = excluded.reason",
                params![key.as_str(), stage, crate::platform::clock::now_us(), reason],
            )
            .map_err(failed("recording a stage"))?;
        }
        if let Some(key) = &change.refused {
            step.execute("UPDATE stages SET refusals = refusals + 1 WHERE config_key = ?", params![key.as_str()])
                .map_err(failed("recording a refusal"))?;
        }
        Ok(())
    }

    /// Records of files that are in the store.
    fn enter(&self, step: &Transaction<'_>, records: &[ArtefactRecord]) -> Result<(), StoreError> {
        for record in records {
            let metrics = serde_json::to_string(&record.metrics).map_err(json_failed("writing metrics"))?;
            step.execute(
                // One that was deleted and is made again is there again.
                "INSERT INTO artefacts(id, kind, config_key, path, bytes, created_us, job_id, node, metrics, rules) VALUES(?,?,?,?,?,?,?,?,?,?)
                 ON CONFLICT(id) DO UPDATE SET path = excluded.path, gone_us = NULL, gone_why = NULL WHERE gone_us IS NOT NULL",
                params![
                    record.id.as_str(),
                    record.kind,
                    record.config_key.as_str(),
                    record.path,
                    i64::try_from(record.bytes).unwrap_or(i64::MAX),
                    record.created_us,
                    record.job_id.as_str(),
                    record.node.as_str(),
                    metrics,
                    record.rules_version
                ],
            )
            .map_err(failed("recording an artefact"))?;
            for parent in &record.parents {
                step.execute("INSERT OR IGNORE INTO lineage(child, parent) VALUES(?,?)", params![record.id.as_str(), parent.as_str()])
                    .map_err(failed("recording a lineage"))?;
            }
        }
        Ok(())
    }
}

/// Store errors through the reading port look like a failed call.
fn as_call(error: StoreError) -> CallError {
    let parameters = Box::new(ErrorParameters { message: error.to_string(), ..Default::default() });
    CallError::Answer { method: "catalog".into(), name: errors::INTERNAL.into(), parameters }
}

impl Catalog for CatalogDb {
    fn list(&self, filter: &ArtefactFilter) -> Result<Vec<ArtefactRecord>, CallError> {
        query::list(&self.db.borrow(), filter).map_err(as_call)
    }
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, CallError> {
        query::get(&self.db.borrow(), id).map_err(as_call)
    }
    fn stage(&self, key: &ConfigKey) -> Result<StageState, CallError> {
        query::stage(&self.db.borrow(), key).map_err(as_call)
    }
    fn ratings(&self, key: &ConfigKey) -> Result<Vec<Rating>, CallError> {
        query::ratings(&self.db.borrow(), key).map_err(as_call)
    }
}

impl CatalogStore for CatalogDb {
    fn handled(&self, input: &EventId) -> Result<Option<Vec<Payload>>, StoreError> {
        let db = self.db.borrow();
        let outputs: Option<String> = db
            .query_row("SELECT outputs FROM inputs WHERE id = ?", params![input.as_str()], |row| row.get(0))
            .optional()
            .map_err(failed("looking an input up"))?;
        outputs.map(|text| read_outputs(&text)).transpose()
    }

    fn commit(&self, input: &EventId, change: &CatalogChange, outputs: &[Payload]) -> Result<(), StoreError> {
        let mut records = Vec::with_capacity(change.artefacts.len());
        for (record, source) in &change.artefacts {
            let path = files::take_over(&self.store, &self.files, record, source)?;
            let record = ArtefactRecord { path, ..record.clone() };
            self.write_record(&record)?;
            records.push(record);
        }
        let text = Value::Array(outputs.iter().map(|p| json!([p.kind().info().wire, p.to_map()])).collect()).to_string();
        let mut db = self.db.borrow_mut();
        let step = db.transaction().map_err(failed("beginning"))?;
        self.apply(&step, change, &records)?;
        step.execute("INSERT INTO inputs VALUES(?,?,?)", params![input.as_str(), text, crate::platform::clock::now_us()])
            .map_err(failed("recording an input"))?;
        // The job's own copies go with its folder.
        step.commit().map_err(failed("committing"))
    }

    fn lineage(&self, id: &Digest) -> Result<Vec<LineageStep>, StoreError> {
        query::lineage(&self.db.borrow(), id)
    }

    fn stages(&self) -> Result<Vec<StageState>, StoreError> {
        query::stages(&self.db.borrow())
    }

    fn kept(&self) -> Result<Vec<ArtefactRecord>, StoreError> {
        housekeeping::kept(&self.db.borrow())
    }

    fn protected(&self, champions: u32, ancestors: u32) -> Result<BTreeMap<Digest, String>, StoreError> {
        housekeeping::protected(&self.db.borrow(), champions, ancestors)
    }

    fn forget(&self, id: &Digest, why: &str) -> Result<(), StoreError> {
        self.forget_file(id, why)
    }

    fn inspect(&self, id: &Digest, claim: Option<&str>) -> Result<bool, StoreError> {
        self.inspect_file(id, claim)
    }

    fn finish_forgetting(&self) -> Result<(), StoreError> {
        self.unlink_marked()
    }

    fn job_folders(&self) -> Result<Vec<JobFolder>, StoreError> {
        self.folders()
    }

    fn remove_job(&self, id: &JobId) -> Result<(), StoreError> {
        self.remove_folder(id)
    }

    fn age_permit(&self) -> Option<AgePermit> {
        self.age.borrow_mut().permit(clocks())
    }

    fn rebuild(&self, after: Option<&str>) -> Result<Rebuilt, StoreError> {
        self.enter_files(after)
    }
}

fn read_outputs(text: &str) -> Result<Vec<Payload>, StoreError> {
    let operation = "reading an input's outputs";
    let bad = |why: String| StoreError::Unfit { operation: operation.into(), why };
    let stored: Vec<(String, Value)> = serde_json::from_str(text).map_err(json_failed(operation))?;
    let read = |(wire, value): (String, Value)| {
        let kind = EventType::from_wire(&wire).ok_or_else(|| bad(format!("unknown type {wire}")))?;
        Payload::parse(kind, &value).map_err(|e| bad(e.to_string()))
    };
    stored.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests;
