//! DATA_PIPELINE's database and artefact store: `catalog.db` and the files that it names.
mod database;
mod failure;
mod files;
mod housekeeping;
mod inspect;
mod query;
mod rebuild;

pub use database::CatalogDb;

use crate::contract::age::AgePermit;
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, JobFolder, LineageStep, Rating, Rebuilt, StageState};
use crate::contract::events::{EventType, Payload};
use crate::contract::ids::{ConfigKey, Digest, EventId, JobId};
use crate::contract::ports::{CatalogChange, CatalogStore, StoreError};
use crate::platform::age::clocks;
use failure::{failed, json_failed};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl CatalogDb {
    fn apply(
        &self,
        step: &Transaction<'_>,
        change: &CatalogChange,
        records: &[ArtefactRecord],
    ) -> Result<(), StoreError> {
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
                "INSERT OR REPLACE INTO champions VALUES(?1,coalesce((SELECT rules FROM artefacts WHERE id = \
                    ?3),1),?2,?3,?4,?5,?6,?7)",
                params![
                    c.config_key.as_str(),
                    c.generation,
                    c.model_id.as_str(),
                    c.model_path,
                    c.match_id.as_str(),
                    c.elo,
                    c.promoted_us
                ],
            )
            .map_err(failed("recording a champion"))?;
            step.execute("UPDATE stages SET refusals = 0 WHERE config_key = ?", params![c.config_key.as_str()])
                .map_err(failed("recording a champion"))?;
        }
        if let Some((key, version)) = &change.rules {
            let since = crate::platform::clock::now_us();
            step.execute(
                "INSERT INTO rules(config_key, version, since_us) VALUES(?,?,?)",
                params![key.as_str(), version, since],
            )
            .and_then(|_| step.execute("UPDATE stages SET refusals = 0 WHERE config_key = ?", params![key.as_str()]))
            .map_err(failed("recording the version of the rules"))?;
        }
        if let Some((key, stage, reason)) = &change.stage {
            step.execute(
                "INSERT INTO stages(config_key, stage, since_us, reason) VALUES(?1,?2,?3,?4) ON CONFLICT(config_key) DO UPDATE SET \
                 since_us = CASE stage WHEN excluded.stage THEN since_us ELSE excluded.since_us END, stage = \
                 excluded.stage, reason = excluded.reason",
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
                "INSERT INTO artefacts(id, kind, config_key, path, bytes, created_us, job_id, node, metrics,
                  rules) VALUES(?,?,?,?,?,?,?,?,?,?)
                 ON CONFLICT(id) DO UPDATE SET path = excluded.path, gone_us = NULL,
                 gone_why = NULL WHERE gone_us IS NOT NULL",
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
                step.execute(
                    "INSERT OR IGNORE INTO lineage(child, parent) VALUES(?,?)",
                    params![record.id.as_str(), parent.as_str()],
                )
                .map_err(failed("recording a lineage"))?;
            }
        }
        Ok(())
    }
}

impl CatalogStore for CatalogDb {
    fn list(&self, filter: &ArtefactFilter) -> Result<Vec<ArtefactRecord>, StoreError> {
        query::list(&self.db.borrow(), filter)
    }

    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, StoreError> {
        query::get(&self.db.borrow(), id)
    }

    fn stage(&self, key: &ConfigKey) -> Result<StageState, StoreError> {
        query::stage(&self.db.borrow(), key)
    }

    fn ratings(&self, key: &ConfigKey) -> Result<Vec<Rating>, StoreError> {
        query::ratings(&self.db.borrow(), key)
    }

    fn handled(&self, input: &EventId) -> Result<Option<Vec<Payload>>, StoreError> {
        let db = self.db.borrow();
        let outputs: Option<String> = db
            .query_row("SELECT outputs FROM inputs WHERE id = ?", params![input.as_str()], |row| row.get(0))
            .optional()
            .map_err(failed("looking up an input"))?;
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
        let text =
            Value::Array(outputs.iter().map(|p| json!([p.kind().info().wire, p.to_map()])).collect()).to_string();
        let mut db = self.db.borrow_mut();
        let step = db.transaction().map_err(failed("beginning"))?;
        self.apply(&step, change, &records)?;
        step.execute(
            "INSERT INTO inputs VALUES(?,?,?)",
            params![input.as_str(), text, crate::platform::clock::now_us()],
        )
        .map_err(failed("recording an input"))?;
        // The job's own copies go with its directory.
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
