//! What leaves the store: artefacts by decision, job folders once their results are registered.
use super::database::CatalogDb;
use super::failure::failed;
use super::query::{COLUMNS, bad_id, raw, record};
use crate::contract::catalog::{ArtefactRecord, JobFolder};
use crate::contract::ids::{Digest, JobId};
use crate::contract::ports::StoreError;
use crate::platform::clock::now_us;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

fn io_failed(operation: &str, path: &Path) -> impl Fn(io::Error) -> StoreError + use<> {
    let operation = format!("{operation} {}", path.display());
    move |e| StoreError::Failed { operation: operation.clone(), why: e.to_string() }
}

/// Everything that is still there, newest first.
pub(super) fn kept(db: &Connection) -> Result<Vec<ArtefactRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM artefacts WHERE gone_us IS NULL ORDER BY seq DESC");
    let mut query = db.prepare_cached(&sql).map_err(failed("listing artefacts"))?;
    let rows: Vec<_> = query.query_map([], raw).and_then(Iterator::collect).map_err(failed("listing artefacts"))?;
    rows.into_iter().map(|r| record(db, r)).collect()
}

/// The newest champions of every configuration and their ancestors, each with the reason why it stays.
pub(super) fn protected(
    db: &Connection,
    champions: u32,
    ancestors: u32,
) -> Result<BTreeMap<Digest, String>, StoreError> {
    let sql = "
        WITH RECURSIVE leads(id, config_key, generation, behind) AS (
            SELECT model_id, config_key, generation, row_number() OVER (PARTITION BY config_key,
            rules ORDER BY generation DESC) - 1 FROM champions
        ), up(id, config_key, generation, depth) AS (
            SELECT id, config_key, generation, 0 FROM leads WHERE behind < ?1
            UNION SELECT l.parent, up.config_key, up.generation,
            up.depth + 1 FROM lineage l JOIN up ON l.child = up.id WHERE up.depth < ?2
        ) SELECT id, config_key, generation, min(depth) FROM up GROUP BY id";
    let mut query = db.prepare_cached(sql).map_err(failed("reading champions"))?;
    let row = |r: &rusqlite::Row<'_>| {
        Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, u32>(2)?, r.get::<_, u32>(3)?))
    };
    let rows: Vec<_> = query
        .query_map(params![champions, ancestors], row)
        .and_then(Iterator::collect)
        .map_err(failed("reading champions"))?;
    let reason = |(id, key, generation, depth): (String, String, u32, u32)| {
        let why = match depth {
            0 => format!("champion of generation {generation} of {key}"),
            _ => format!("ancestor (generation -{depth}) of champion {generation} of {key}"),
        };
        Ok((Digest::new(id).map_err(bad_id)?, why))
    };
    rows.into_iter().map(reason).collect()
}

impl CatalogDb {
    /// Marks an artefact as gone, then deletes its file. Its row and its lineage stay.
    pub(super) fn forget_file(&self, id: &Digest, why: &str) -> Result<(), StoreError> {
        let db = self.db.borrow();
        db.execute(
            "UPDATE artefacts SET gone_us = ?2, gone_why = ?3 WHERE id = ?1 AND gone_us IS NULL",
            params![id.as_str(), now_us(), why],
        )
        .map_err(failed("marking an artefact as gone"))?;
        self.unlink(&db, id)
    }

    /// Deletes the file of a row that is marked; an empty path says that this is done.
    fn unlink(&self, db: &Connection, id: &Digest) -> Result<(), StoreError> {
        let sql = "SELECT path FROM artefacts WHERE id = ? AND gone_us IS NOT NULL AND path <> ''";
        let path: Option<String> = db
            .query_row(sql, params![id.as_str()], |r| r.get(0))
            .optional()
            .map_err(failed("looking up an artefact"))?;
        let Some(path) = path else { return Ok(()) };
        for file in [Path::new(&path), &self.record_file(id)] {
            match fs::remove_file(file) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(io_failed("deleting", file)(e)),
                _ => {}
            }
        }
        db.execute("UPDATE artefacts SET path = '' WHERE id = ?", params![id.as_str()])
            .map_err(failed("marking an artefact as deleted"))?;
        Ok(())
    }

    /// Deletes what was marked before a crash.
    pub(super) fn unlink_marked(&self) -> Result<(), StoreError> {
        let db = self.db.borrow();
        let mut query = db
            .prepare_cached("SELECT id FROM artefacts WHERE gone_us IS NOT NULL AND path <> '' LIMIT 1000")
            .map_err(failed("listing artefacts"))?;
        let ids: Vec<String> =
            query.query_map([], |r| r.get(0)).and_then(Iterator::collect).map_err(failed("listing artefacts"))?;
        ids.into_iter().try_for_each(|id| self.unlink(&db, &Digest::new(id).map_err(bad_id)?))
    }

    /// The directories of jobs, with what the catalog knows of each.
    pub(super) fn folders(&self) -> Result<Vec<JobFolder>, StoreError> {
        let entries = match fs::read_dir(&self.jobs) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io_failed("listing", &self.jobs)(e)),
        };
        let db = self.db.borrow();
        let mut known =
            db.prepare_cached("SELECT count(*) FROM artefacts WHERE job_id = ?").map_err(failed("looking up a job"))?;
        let mut folders = Vec::new();
        for entry in entries.flatten() {
            let Some(job_id) = entry.file_name().to_str().and_then(|name| JobId::new(name.to_owned()).ok()) else {
                continue;
            };
            let Ok(about) = entry.metadata().map_err(|error| tracing::debug!(%error, "a job's folder")) else {
                continue;
            };
            if !about.is_dir() {
                continue;
            }
            let registered: i64 =
                known.query_row([job_id.as_str()], |r| r.get(0)).map_err(failed("looking up a job"))?;
            let verified = fs::read_dir(entry.path()).is_ok_and(|inside| {
                inside.flatten().any(|attempt| attempt.path().join("verified.json").symlink_metadata().is_ok())
            });
            folders.push(JobFolder {
                job_id,
                registered: registered > 0,
                verified,
                changed_us: about.mtime() * 1_000_000,
            });
        }
        Ok(folders)
    }

    /// Deletes a job's directory. Links in it are deleted, never followed.
    pub(super) fn remove_folder(&self, id: &JobId) -> Result<(), StoreError> {
        let folder = self.jobs.join(id.as_str());
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(io_failed("deleting", &folder)(e)),
            _ => Ok(()),
        }
    }
}
