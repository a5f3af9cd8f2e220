//! Fakes of the ports, so that a test builds a daemon, feeds inputs and asserts outputs without runtime, socket or sleep.
use crate::contract::age::AgePermit;
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, Champion, JobFolder, LineageStep, Rating, Rebuilt, StageState};
use crate::contract::config::Config;
use crate::contract::coordinator::{CanSpawn, Lease, NewWork, QueueOrder, StopWork, WorkFilter, WorkItem, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::envelope::{Event, event_id};
use crate::contract::events::{Payload, TypedPayload};
use crate::contract::health::StatusFile;
use crate::contract::host::{HostSnapshot, UnitView};
use crate::contract::ids::{ConfigKey, Digest, EventId, FencingToken, JobId, LeaseId, NodeId};
use crate::contract::optimizer::{Advice, Observe, Utilization};
use crate::contract::ports::*;
use crate::contract::router::{DeadLetter, DeadLetterFilter, Stats};
use crate::contract::wire::CallError;
use crate::contract::workload::{BUILT_IN_RULES, JobType, Progress};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A world in memory; tests set its fields.
pub struct World {
    pub now: Cell<i64>,
    pub work: RefCell<Vec<WorkItem>>,
    pub can_spawn: RefCell<Result<CanSpawn, CallError>>,
    pub order: RefCell<QueueOrder>,
    pub stopped: RefCell<Vec<StopWork>>,
    pub observed: RefCell<Vec<Observe>>,
    pub advice: RefCell<Advice>,
    pub utilization: RefCell<Utilization>,
    pub artefacts: RefCell<Vec<ArtefactRecord>>,
    pub stage: RefCell<StageState>,
    pub host: RefCell<HostSnapshot>,
    pub units: RefCell<Vec<UnitView>>,
    pub status: RefCell<BTreeMap<String, StatusFile>>,
    pub letters: RefCell<Vec<DeadLetter>>,
    pub redriven: RefCell<Vec<DeadLetterFilter>>,
    /// Letters with a lower number are of subscribers that were retired.
    pub unwanted: Cell<u64>,
    pub current: RefCell<Option<Digest>>,
    pub switch_error: RefCell<Option<String>>,
    pub committed: RefCell<Vec<(EventId, CatalogChange, Vec<Payload>)>>,
    pub commit_error: RefCell<Option<StoreError>>,
    pub folders: RefCell<Vec<JobFolder>>,
    pub believed: Cell<bool>,
    pub damaged: RefCell<Vec<Digest>>,
    pub quarantined: RefCell<Vec<(Digest, String)>>,
    counter: Cell<u128>,
}

pub fn key() -> ConfigKey {
    ConfigKey::new("square8_2p").expect("a key")
}

pub fn digest(fill: char) -> Digest {
    Digest::new(fill.to_string().repeat(64)).expect("a digest")
}

pub fn job(text: &str) -> JobId {
    JobId::new(text).expect("an id")
}

pub fn node() -> NodeId {
    NodeId::new("n1").expect("an id")
}

pub fn metrics(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().expect("an object")
}

pub fn champion(model: char, generation: u32) -> Champion {
    Champion {
        config_key: key(),
        generation,
        model_id: digest(model),
        model_path: format!("/store/model/{model}.safetensors"),
        match_id: digest('f'),
        elo: 100.0,
        promoted_us: 1,
    }
}

impl World {
    pub fn new() -> World {
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
        World {
            now: Cell::new(1_000_000_000),
            work: RefCell::default(),
            can_spawn: RefCell::new(Ok(CanSpawn::new(vec![]))),
            order: RefCell::default(),
            stopped: RefCell::default(),
            observed: RefCell::default(),
            advice: RefCell::default(),
            utilization: RefCell::default(),
            artefacts: RefCell::default(),
            stage: RefCell::new(stage),
            host: RefCell::default(),
            units: RefCell::default(),
            status: RefCell::default(),
            letters: RefCell::default(),
            redriven: RefCell::default(),
            unwanted: Cell::new(0),
            current: RefCell::default(),
            switch_error: RefCell::default(),
            committed: RefCell::default(),
            commit_error: RefCell::default(),
            folders: RefCell::default(),
            believed: Cell::new(true),
            damaged: RefCell::default(),
            quarantined: RefCell::default(),
            counter: Cell::new(1),
        }
    }

    /// A catalogued artefact, newer than those before it.
    pub fn artefact(&self, kind: &str, id: char, m: serde_json::Value, parents: &[char]) {
        let seq = self.artefacts.borrow().len() as u64 + 1;
        let record = ArtefactRecord {
            id: digest(id),
            kind: kind.into(),
            config_key: key(),
            path: format!("/store/{kind}/{id}"),
            bytes: 1,
            created_us: 1,
            seq,
            job_id: job("t-1"),
            node: node(),
            rules_version: BUILT_IN_RULES,
            parents: parents.iter().map(|p| digest(*p)).collect(),
            metrics: metrics(m),
        };
        self.artefacts.borrow_mut().push(record);
    }

    /// A work item in the queue.
    pub fn queued(&self, kind: JobType, status: WorkStatus) {
        let n = self.work.borrow().len();
        self.work.borrow_mut().push(WorkItem {
            work_id: job(&format!("t-{n}")),
            work: NewWork::new(kind, key()),
            status,
            attempts: 0,
            created_us: 1,
            claimed_us: None,
            started_us: None,
            completed_us: None,
            not_before_us: None,
            claimed_by: None,
            lease: None,
            progress: None,
            result: None,
            error: None,
            failed: None,
            waiting_for: vec![],
            waiting_codes: vec![],
        });
    }

    /// An item that runs here, younger than those before it.
    pub fn running(&self, kind: JobType, priority: u8, progress: Option<Progress>) {
        self.queued(kind, WorkStatus::Running);
        let mut work = self.work.borrow_mut();
        let at = work.len() as i64;
        let Some(item) = work.last_mut() else { return };
        item.work.priority = priority;
        (item.claimed_us, item.started_us, item.claimed_by, item.progress) = (Some(at), Some(at), Some(node()), progress);
        item.lease = Some(Lease {
            lease_id: LeaseId::new(format!("t-l{at}")).expect("an id"),
            token: FencingToken(at.unsigned_abs()),
            task_type: kind,
            node: node(),
            granted_us: at,
            expires_us: at,
            fenced: false,
            gpus: None,
        });
    }

    pub fn ports(&self) -> Ports<'_> {
        Ports {
            clock: self,
            queue: self,
            managers: self,
            catalog: self,
            host: self,
            units: self,
            letters: self,
            models: self,
            store: Some(self),
            foreign: None,
        }
    }

    /// Feeds one input.
    pub fn give<D: Daemon>(&self, daemon: &mut D, input: Input<'_>) -> Result<Out, HandlerError> {
        let mut out = Out::default();
        daemon.handle(input, &self.ports(), &mut out).map(|()| out)
    }

    /// Feeds one event.
    pub fn event<D: Daemon>(&self, daemon: &mut D, payload: impl TypedPayload + Into<Payload>) -> Result<Out, HandlerError> {
        let event = self.envelope(&payload);
        self.give(daemon, Input::Event { event: &event, payload: payload.into() })
    }

    /// An envelope with a fresh id.
    pub fn envelope<P: TypedPayload>(&self, payload: &P) -> Event {
        self.counter.set(self.counter.get() + 1);
        Event {
            id: event_id(self.now.get(), self.counter.get()),
            node: node(),
            origin_seq: 1,
            kind: P::TYPE.info().wire.into(),
            schema: 1,
            key: Some(key()),
            cause: None,
            correlation: None,
            source: "test".into(),
            time_us: self.now.get(),
            payload: payload.to_map(),
            extra: Default::default(),
        }
    }
}

/// A daemon with the default configuration.
pub fn build<D: Daemon>() -> D {
    D::new(&Config::default())
}

impl Clock for World {
    fn now_us(&self) -> i64 {
        self.now.get()
    }
}
impl Queue for World {
    fn work(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, CallError> {
        let fits = |w: &&WorkItem| {
            (filter.types.is_empty() || filter.types.contains(&w.work.work_type))
                && (filter.statuses.is_empty() || filter.statuses.contains(&w.status))
                && filter.config_key.as_ref().is_none_or(|k| *k == w.work.config_key)
        };
        Ok(self.work.borrow().iter().filter(fits).cloned().collect())
    }
    fn active(&self, kind: JobType) -> Result<Vec<WorkItem>, CallError> {
        let active = |w: &&WorkItem| w.work.work_type == kind && w.status.is_active();
        Ok(self.work.borrow().iter().filter(active).cloned().collect())
    }
    fn can_spawn(&self, _: JobType) -> Result<CanSpawn, CallError> {
        self.can_spawn.borrow().clone()
    }
}
impl Managers for World {
    fn queue_order(&self) -> Result<QueueOrder, CallError> {
        Ok(self.order.borrow().clone())
    }
    fn stop_work(&self, call: &StopWork) -> Result<bool, CallError> {
        let mut work = self.work.borrow_mut();
        let held = work.iter_mut().find(|w| w.work_id == call.work_id).and_then(|w| w.lease.as_mut());
        let Some(lease) = held.filter(|l| l.token == call.token && !l.fenced) else { return Ok(false) };
        lease.fenced = true;
        self.stopped.borrow_mut().push(call.clone());
        Ok(true)
    }
    fn observe(&self, seen: &Observe) -> Result<Advice, CallError> {
        self.observed.borrow_mut().push(seen.clone());
        Ok(self.advice.borrow().clone())
    }
    fn utilization(&self) -> Result<Utilization, CallError> {
        Ok(self.utilization.borrow().clone())
    }
}
impl Catalog for World {
    fn list(&self, filter: &ArtefactFilter) -> Result<Vec<ArtefactRecord>, CallError> {
        let fits = |a: &&ArtefactRecord| {
            filter.kind.as_ref().is_none_or(|k| *k == a.kind) && filter.rules_version.is_none_or(|v| v == a.rules_version)
        };
        let limit = filter.limit.unwrap_or(100) as usize;
        Ok(self.artefacts.borrow().iter().rev().filter(fits).take(limit).cloned().collect())
    }
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, CallError> {
        Ok(self.artefacts.borrow().iter().find(|a| a.id == *id).cloned())
    }
    fn stage(&self, _: &ConfigKey) -> Result<StageState, CallError> {
        Ok(self.stage.borrow().clone())
    }
    fn ratings(&self, _: &ConfigKey) -> Result<Vec<Rating>, CallError> {
        Ok(vec![])
    }
}
impl CatalogStore for World {
    fn handled(&self, input: &EventId) -> Result<Option<Vec<Payload>>, StoreError> {
        Ok(self.committed.borrow().iter().find(|(id, ..)| id == input).map(|(.., outputs)| outputs.clone()))
    }
    fn commit(&self, input: &EventId, change: &CatalogChange, outputs: &[Payload]) -> Result<(), StoreError> {
        if let Some(error) = self.commit_error.borrow().clone() {
            return Err(error);
        }
        self.committed.borrow_mut().push((input.clone(), change.clone(), outputs.to_vec()));
        Ok(())
    }
    fn lineage(&self, _: &Digest) -> Result<Vec<LineageStep>, StoreError> {
        Ok(vec![])
    }
    fn stages(&self) -> Result<Vec<StageState>, StoreError> {
        Ok(vec![self.stage.borrow().clone()])
    }
    fn kept(&self) -> Result<Vec<ArtefactRecord>, StoreError> {
        Ok(self.artefacts.borrow().iter().rev().cloned().collect())
    }
    fn protected(&self, _: u32, _: u32) -> Result<BTreeMap<Digest, String>, StoreError> {
        Ok(self.stage.borrow().champion.iter().map(|c| (c.model_id.clone(), "champion".to_owned())).collect())
    }
    fn forget(&self, id: &Digest, _: &str) -> Result<(), StoreError> {
        self.artefacts.borrow_mut().retain(|a| a.id != *id);
        Ok(())
    }
    fn inspect(&self, id: &Digest, claim: Option<&str>) -> Result<bool, StoreError> {
        let bad = claim.is_some() || self.damaged.borrow().contains(id);
        if bad {
            self.quarantined.borrow_mut().push((id.clone(), claim.unwrap_or_default().to_owned()));
        }
        Ok(bad)
    }
    fn finish_forgetting(&self) -> Result<(), StoreError> {
        Ok(())
    }
    fn job_folders(&self) -> Result<Vec<JobFolder>, StoreError> {
        Ok(self.folders.borrow().clone())
    }
    fn remove_job(&self, id: &JobId) -> Result<(), StoreError> {
        self.folders.borrow_mut().retain(|f| f.job_id != *id);
        Ok(())
    }
    fn age_permit(&self) -> Option<AgePermit> {
        self.believed.get().then(|| AgePermit::of(self.now.get()))
    }
    fn rebuild(&self, _: Option<&str>) -> Result<Rebuilt, StoreError> {
        Ok(Rebuilt::default())
    }
}
impl Host for World {
    fn node(&self) -> NodeId {
        node()
    }
    fn snapshot(&self) -> HostSnapshot {
        self.host.borrow().clone()
    }
}
impl Units for World {
    fn list(&self, _: &[&str]) -> Result<Vec<UnitView>, String> {
        Ok(self.units.borrow().clone())
    }
    fn status_file(&self, kebab: &str) -> Option<StatusFile> {
        self.status.borrow().get(kebab).cloned()
    }
}
impl Letters for World {
    fn dead_letters(&self, _: &DeadLetterFilter) -> Result<Vec<DeadLetter>, CallError> {
        Ok(self.letters.borrow().clone())
    }
    fn redrive(&self, filter: &DeadLetterFilter) -> Result<u64, CallError> {
        self.redriven.borrow_mut().push(filter.clone());
        Ok(u64::from(filter.id.is_none_or(|id| id >= self.unwanted.get())))
    }
    fn router_stats(&self) -> Result<Stats, CallError> {
        Ok(Stats { dead_letters: self.letters.borrow().len() as u64, ..Stats::default() })
    }
}
impl Models for World {
    fn current(&self, _: &ConfigKey) -> Result<Option<Digest>, String> {
        Ok(self.current.borrow().clone())
    }
    fn switch(&self, _: &ConfigKey, model: &Digest, _: &str) -> Result<bool, String> {
        if let Some(error) = self.switch_error.borrow().clone() {
            return Err(error);
        }
        let changed = self.current.borrow().as_ref() != Some(model);
        *self.current.borrow_mut() = Some(model.clone());
        Ok(changed)
    }
    fn clear(&self, _: &ConfigKey) -> Result<bool, String> {
        Ok(self.current.borrow_mut().take().is_some())
    }
}
