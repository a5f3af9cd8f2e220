//! The catalog with the artefacts of one configuration and where it stands.
use super::{Fake, Held, digest, job, key, node_id};
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, Listed, Rating, StageState};
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::ports::{Catalog, Port};
use crate::contract::wire::CallError;
use crate::contract::workload::BUILT_IN_RULES;
use serde_json::Value;

/// Artefacts and the configuration's state.
#[derive(Debug)]
pub struct Catalogued {
    pub artefacts: Vec<ArtefactRecord>,
    pub stage: StageState,
}

impl Default for Catalogued {
    fn default() -> Catalogued {
        let stage = StageState {
            config_key: key(),
            stage: "idle".into(),
            since_us: 0,
            reason: String::new(),
            games: 0,
            games_since_export: 0,
            samples: 0,
            models: 0,
            matches: 0,
            refusals: 0,
            rules_version: BUILT_IN_RULES,
            rules_since_us: None,
            set_aside: vec![],
            champion: None,
            last_generation: 0,
        };
        Catalogued { artefacts: Vec::new(), stage }
    }
}

impl Held for Catalogued {
    const PORT: Port = Port::Catalog;
}

impl Catalogued {
    /// One more artefact, newer than those before it.
    pub fn artefact(&mut self, kind: &str, id: char, metrics: Value, parents: &[char]) {
        self.artefacts.push(ArtefactRecord {
            id: digest(id),
            kind: kind.into(),
            config_key: key(),
            path: format!("/store/{kind}/{id}"),
            bytes: 1,
            created_us: 1,
            seq: self.artefacts.len() as u64 + 1,
            job_id: job("t-1"),
            node: node_id(),
            rules_version: BUILT_IN_RULES,
            parents: parents.iter().map(|p| digest(*p)).collect(),
            metrics: metrics.as_object().cloned().expect("an object"),
        });
    }

    /// Where a configuration stands; others than the one that is set have nothing.
    pub fn stage_of(&self, key: &ConfigKey) -> StageState {
        match *key == self.stage.config_key {
            true => self.stage.clone(),
            false => StageState { config_key: key.clone(), ..Catalogued::default().stage },
        }
    }

    /// Those that fit, newest first.
    pub fn list(&self, filter: &ArtefactFilter) -> Vec<ArtefactRecord> {
        self.artefacts.iter().rev().filter(|a| filter.fits(a)).take(filter.most() as usize).cloned().collect()
    }

    /// One of them.
    pub fn get(&self, id: &Digest) -> Option<ArtefactRecord> {
        self.artefacts.iter().find(|a| a.id == *id).cloned()
    }
}

impl Catalog for Fake<Catalogued> {
    fn list(&self, filter: &ArtefactFilter) -> Result<Listed, CallError> {
        Listed::page(filter, |filter| Ok(self.asked().list(filter)))
    }
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, CallError> {
        Ok(self.asked().get(id))
    }
    fn stage(&self, key: &ConfigKey) -> Result<StageState, CallError> {
        Ok(self.asked().stage_of(key))
    }
    fn ratings(&self, _: &ConfigKey) -> Result<Vec<Rating>, CallError> {
        self.asked();
        Ok(vec![])
    }
}
