//! A file of the store that somebody could not use: looked at, quarantined with the reason, marked in the catalog,
//! told.
use super::database::CatalogDb;
use super::failure::failed;
use super::files::hash;
use super::query;
use crate::contract::catalog::ArtefactRecord;
use crate::contract::ids::Digest;
use crate::contract::notice::{Notice, Subject};
use crate::contract::ports::StoreError;
use crate::platform::clock::now_us;
use rusqlite::{OptionalExtension, params};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

fn io_failed(operation: &str, path: &Path) -> impl Fn(io::Error) -> StoreError + use<> {
    let operation = format!("{operation} {}", path.display());
    move |e| StoreError::Failed { operation: operation.clone(), why: e.to_string() }
}

impl CatalogDb {
    /// Whether a model is the one that self-play uses.
    fn leads(&self, record: &ArtefactRecord) -> Result<bool, StoreError> {
        let champion = query::champion(&self.db.borrow(), &record.config_key, record.rules_version)?;
        Ok(champion.is_some_and(|c| c.model_id == record.id))
    }

    /// What takes the place of a champion that was quarantined.
    fn successor(&self, record: &ArtefactRecord) -> Result<String, StoreError> {
        Ok(match query::champion(&self.db.borrow(), &record.config_key, record.rules_version)? {
            Some(c) => {
                format!("it was the champion; replaced by generation {}, {}", c.generation, &c.model_id.as_str()[..12])
            }
            None => "it was the champion and there is no earlier one: self-play uses the untrained network".into(),
        })
    }

    /// See the port.
    pub(super) fn inspect_file(&self, id: &Digest, claim: Option<&str>) -> Result<bool, StoreError> {
        let there = "SELECT count(*) FROM artefacts WHERE id = ? AND gone_us IS NULL";
        let there: Option<i64> = self
            .db
            .borrow()
            .query_row(there, params![id.as_str()], |r| r.get(0))
            .optional()
            .map_err(failed("looking up an artefact"))?;
        if there != Some(1) {
            return Ok(false);
        }
        let record = match query::get(&self.db.borrow(), id) {
            Ok(Some(record)) => record,
            // A row that nobody can read must not hold up the job that names it.
            Ok(None) | Err(StoreError::Unfit { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let led = self.leads(&record)?;
        let path = Path::new(&record.path);
        let found = match File::open(path).and_then(hash) {
            Ok((sha256, bytes)) if sha256 == id.as_str() && bytes == record.bytes => None,
            Ok((sha256, bytes)) => Some(format!("it has {bytes} bytes and SHA-256 {sha256}")),
            Err(e) if e.kind() == ErrorKind::NotFound => Some("the file is missing".to_owned()),
            // A disk's read error is damage; what the system says is the reason.
            Err(e) if e.raw_os_error() == Some(nix::libc::EIO) => Some(format!("it cannot be read: {e}")),
            Err(e) => return Err(io_failed("reading", path)(e)),
        };
        let Some(reason) = found.or_else(|| claim.map(|c| format!("its hash is right, but it is unusable: {c}")))
        else {
            return Ok(false);
        };
        // The record would bring it back at a rebuild, which checks the hash only.
        let written = self.record_file(id);
        match fs::remove_file(&written) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(io_failed("deleting", &written)(e)),
            _ => {}
        }
        let folder = self.store.join("quarantine");
        fs::create_dir_all(&folder).map_err(io_failed("making", &folder))?;
        let aside = folder.join(path.file_name().unwrap_or_default());
        let damaged = match fs::rename(path, &aside) {
            Ok(()) => Some(aside.display().to_string()),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(io_failed("quarantining", path)(e)),
        };
        self.db
            .borrow()
            .execute(
                "UPDATE artefacts SET gone_us = ?2, gone_why = ?3, path = '' WHERE id = ?1 AND gone_us IS NULL",
                params![id.as_str(), now_us(), format!("quarantined: {reason}")],
            )
            .map_err(failed("marking an artefact as quarantined"))?;
        let kept = damaged.as_deref().map(|d| format!("; kept as {d}")).unwrap_or_default();
        let what = format!(
            "{} {} of {} quarantined: {reason}{kept}; {}",
            record.kind,
            &id.as_str()[..12],
            record.config_key,
            if led { self.successor(&record)? } else { "the loop continues without it".into() }
        );
        tracing::warn!("{what}");
        let notice = format!("artefact-{}", &id.as_str()[..12]);
        self.notices.write(&Notice {
            next: format!("ringrift database confirm {notice}"),
            id: notice,
            subject: Subject::Artefact { sha256: id.to_string(), artefact: record.kind, reason, damaged },
            what,
            since_us: now_us(),
        });
        Ok(true)
    }
}
