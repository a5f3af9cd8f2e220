//! The catalog's database: what is in it, what was committed, and what goes wrong.
use super::catalog::Catalogued;
use super::{Fake, Held, NOW};
use crate::contract::age::AgePermit;
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, JobFolder, LineageStep, Rating, Rebuilt, StageState};
use crate::contract::events::Payload;
use crate::contract::ids::{ConfigKey, Digest, EventId, JobId};
use crate::contract::ports::{CatalogChange, CatalogStore, Port, StoreError};
use crate::contract::time::Wall;
use std::cell::RefMut;
use std::collections::BTreeMap;

/// The database and its files.
#[derive(Debug)]
pub struct Stored {
    pub catalog: Catalogued,
    pub committed: Vec<(EventId, CatalogChange, Vec<Payload>)>,
    /// What every question and every change ends with, if anything.
    pub error: Option<StoreError>,
    pub folders: Vec<JobFolder>,
    /// The folder of this job cannot be removed.
    pub stuck: Option<JobId>,
    /// The time, if it is believed.
    pub believed_us: Option<i64>,
    pub damaged: Vec<Digest>,
    pub quarantined: Vec<(Digest, String)>,
}

impl Default for Stored {
    fn default() -> Stored {
        Stored {
            catalog: Catalogued::default(),
            committed: Vec::new(),
            error: None,
            folders: Vec::new(),
            stuck: None,
            believed_us: Some(NOW),
            damaged: Vec::new(),
            quarantined: Vec::new(),
        }
    }
}

impl Held for Stored {
    const PORT: Port = Port::Store;
}

impl Fake<Stored> {
    /// What is stored, or what goes wrong with every question and every change.
    fn whole(&self) -> Result<RefMut<'_, Stored>, StoreError> {
        let stored = self.asked();
        match stored.error.clone() {
            Some(error) => Err(error),
            None => Ok(stored),
        }
    }
}

impl CatalogStore for Fake<Stored> {
    fn list(&self, filter: &ArtefactFilter) -> Result<Vec<ArtefactRecord>, StoreError> {
        Ok(self.whole()?.catalog.list(filter))
    }
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, StoreError> {
        Ok(self.whole()?.catalog.get(id))
    }
    fn stage(&self, key: &ConfigKey) -> Result<StageState, StoreError> {
        Ok(self.whole()?.catalog.stage_of(key))
    }
    fn ratings(&self, _: &ConfigKey) -> Result<Vec<Rating>, StoreError> {
        self.whole().map(|_| vec![])
    }
    fn handled(&self, input: &EventId) -> Result<Option<Vec<Payload>>, StoreError> {
        Ok(self.whole()?.committed.iter().find(|(id, ..)| id == input).map(|(.., outputs)| outputs.clone()))
    }
    fn commit(&self, input: &EventId, change: &CatalogChange, outputs: &[Payload]) -> Result<(), StoreError> {
        self.whole()?.committed.push((input.clone(), change.clone(), outputs.to_vec()));
        Ok(())
    }
    fn lineage(&self, _: &Digest) -> Result<Vec<LineageStep>, StoreError> {
        self.whole().map(|_| vec![])
    }
    fn stages(&self) -> Result<Vec<StageState>, StoreError> {
        Ok(vec![self.whole()?.catalog.stage.clone()])
    }
    fn kept(&self) -> Result<Vec<ArtefactRecord>, StoreError> {
        Ok(self.whole()?.catalog.artefacts.iter().rev().cloned().collect())
    }
    fn protected(&self, _: u32, _: u32) -> Result<BTreeMap<Digest, String>, StoreError> {
        Ok(self.whole()?.catalog.stage.champion.iter().map(|c| (c.model_id.clone(), "champion".to_owned())).collect())
    }
    fn forget(&self, id: &Digest, _: &str) -> Result<(), StoreError> {
        self.whole()?.catalog.artefacts.retain(|a| a.id != *id);
        Ok(())
    }
    fn inspect(&self, id: &Digest, claim: Option<&str>) -> Result<bool, StoreError> {
        let mut stored = self.whole()?;
        let bad = claim.is_some() || stored.damaged.contains(id);
        if bad {
            stored.quarantined.push((id.clone(), claim.unwrap_or_default().to_owned()));
        }
        Ok(bad)
    }
    fn finish_forgetting(&self) -> Result<(), StoreError> {
        self.whole().map(drop)
    }
    fn job_folders(&self) -> Result<Vec<JobFolder>, StoreError> {
        Ok(self.whole()?.folders.clone())
    }
    fn remove_job(&self, id: &JobId) -> Result<(), StoreError> {
        let mut stored = self.whole()?;
        if stored.stuck.as_ref() == Some(id) {
            return Err(StoreError::Failed {
                operation: format!("removing {id}"),
                why: "Read-only file system".into(),
            });
        }
        stored.folders.retain(|f| f.job_id != *id);
        Ok(())
    }
    fn age_permit(&self) -> Option<AgePermit> {
        self.asked().believed_us.map(|us| AgePermit::of(Wall::of_us(us)))
    }
    fn rebuild(&self, _: Option<&str>) -> Result<Rebuilt, StoreError> {
        self.whole().map(|_| Rebuilt::default())
    }
}
