//! The catalog's database as it is opened, with the folders beside it.
use crate::platform::age::{AgeGuard, clocks};
use crate::platform::job_files::JobFiles;
use crate::platform::notices::Notices;
use crate::platform::store::{self, Database, DatabaseError, Keep, Spec};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

pub(super) const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE artefacts(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, config_key TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL, created_us INTEGER NOT NULL, job_id TEXT NOT NULL, node TEXT NOT NULL, metrics TEXT NOT NULL
) STRICT;
CREATE INDEX artefacts_by_kind ON artefacts(config_key, kind, seq);
CREATE TABLE lineage(child TEXT NOT NULL, parent TEXT NOT NULL, PRIMARY KEY(child, parent)) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_by_parent ON lineage(parent);
CREATE TABLE inputs(id TEXT PRIMARY KEY, outputs TEXT NOT NULL, handled_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ratings(
    config_key TEXT NOT NULL, model_id TEXT NOT NULL, elo REAL NOT NULL, elo_low REAL NOT NULL, elo_high REAL NOT NULL,
    games_played INTEGER NOT NULL, vs_random REAL, vs_heuristic REAL, rated_us INTEGER NOT NULL,
    PRIMARY KEY(config_key, model_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE champions(
    config_key TEXT NOT NULL, generation INTEGER NOT NULL, model_id TEXT NOT NULL, model_path TEXT NOT NULL,
    match_id TEXT NOT NULL,
    elo REAL NOT NULL, promoted_us INTEGER NOT NULL, PRIMARY KEY(config_key, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE stages(
    config_key TEXT PRIMARY KEY, stage TEXT NOT NULL, since_us INTEGER NOT NULL, reason TEXT NOT NULL,
    refusals INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
",
    "
ALTER TABLE artefacts ADD COLUMN rules INTEGER NOT NULL DEFAULT 1;
CREATE TABLE rules(n INTEGER PRIMARY KEY AUTOINCREMENT, config_key TEXT NOT NULL, version INTEGER NOT NULL,
since_us INTEGER NOT NULL) STRICT;
ALTER TABLE champions RENAME TO old_champions;
CREATE TABLE champions(
    config_key TEXT NOT NULL, rules INTEGER NOT NULL, generation INTEGER NOT NULL, model_id TEXT NOT NULL,
    model_path TEXT NOT NULL,
    match_id TEXT NOT NULL, elo REAL NOT NULL, promoted_us INTEGER NOT NULL, PRIMARY KEY(config_key, rules, generation)
) STRICT, WITHOUT ROWID;
INSERT INTO champions SELECT config_key, 1, generation, model_id, model_path, match_id, elo,
promoted_us FROM old_champions;
DROP TABLE old_champions;
",
    "
-- Not in the store any more, and why; its file is deleted once the path is empty.
ALTER TABLE artefacts ADD COLUMN gone_us INTEGER;
ALTER TABLE artefacts ADD COLUMN gone_why TEXT;
CREATE INDEX artefacts_kept ON artefacts(seq) WHERE gone_us IS NULL;
CREATE INDEX artefacts_by_job ON artefacts(job_id);
",
];

/// The database and the store.
#[derive(Debug)]
pub struct CatalogDb {
    pub(super) db: RefCell<Database>,
    pub(super) store: PathBuf,
    /// Files of jobs.
    pub(super) files: JobFiles,
    /// The folders of jobs.
    pub(super) jobs: PathBuf,
    pub(super) age: RefCell<AgeGuard>,
    pub(super) notices: Notices,
}

impl CatalogDb {
    /// The database's file in a state directory.
    pub fn path(state: &Path) -> PathBuf {
        state.join("catalog.db")
    }

    /// Opens the database in `state`, the artefact store and the folder of job folders.
    pub fn open(state: &Path, store: &Path, jobs: &Path, keep: Keep) -> Result<CatalogDb, DatabaseError> {
        let holds = "artefacts with their lineage, ratings, champions, stages (`ringrift artefacts rebuild` reads \
            them from the files and the event log)";
        let path = CatalogDb::path(state);
        let db = store::open(&Spec { path: path.clone(), migrations: MIGRATIONS, holds, keep })?;
        let newest = db.query_row("SELECT max(created_us) FROM artefacts", [], |row| row.get(0));
        let newest = newest.map_err(DatabaseError::sqlite("reading the newest time of", &path))?;
        let age = AgeGuard::new(&path, "directories of failed jobs", newest, clocks());
        Ok(CatalogDb {
            db: RefCell::new(db),
            store: store.to_owned(),
            files: JobFiles::new(jobs),
            jobs: jobs.to_owned(),
            age: RefCell::new(age),
            notices: Notices::beside(&path),
        })
    }
}
