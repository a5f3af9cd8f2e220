//! Ports: what a daemon may ask of the world. Traits of a few methods; the platform implements them, tests fake them.
mod asked;
#[cfg(test)]
pub(crate) mod fakes;

pub use asked::{Asked, Asks, Missing, Port, World, kinds};
pub(crate) use asked::{asks, fakes_of};

use super::age::AgePermit;
use super::catalog::{ArtefactFilter, ArtefactRecord, Champion, JobFolder, Listed, Rating, Rebuilt, StageState};
use super::coordinator::optimizer::{Advice, Observe, Utilization};
use super::coordinator::{CanSpawn, CoordinatorStatus, QueueOrder, StopWork, WorkItem, WorkSelection};
use super::events::Payload;
use super::facts::Facts;
use super::health::{Granting, SignOfLife, StatusFile};
use super::host::{HostSnapshot, UnitView};
use super::ids::{ConfigKey, Digest, EventId, JobId, NodeId};
use super::job_file::JobFile;
use super::router::{DeadLetterFilter, DeadLetterList, Stats, SubscriberState};
use super::time::Wall;
use super::wire::CallError;
use super::workload::JobType;
use std::collections::BTreeMap;

/// The wall clock.
pub trait Clock {
    /// Now.
    fn now(&self) -> Wall;
}

/// Reading the coordinator's queue. Writing goes through `Out::enqueue`.
pub trait Queue {
    /// How many jobs fit.
    fn count(&self, which: &WorkSelection) -> Result<u64, CallError>;
    /// Every job that fits, newest first, however many answers that takes.
    fn all(&self, which: &WorkSelection) -> Result<Vec<WorkItem>, CallError>;
    /// Whether one more of this type would be granted now on this node, and why not.
    fn can_spawn(&self, task_type: JobType) -> Result<CanSpawn, CallError>;
}

/// The coordinator's managers: the order of the queue, attempts that must end, the use of the machines.
pub trait Managers {
    /// What waits, in the order in which it gets slots.
    fn queue_order(&self) -> Result<QueueOrder, CallError>;
    /// Ends an attempt; false when it had ended already. May be repeated without harm: the token names the attempt.
    fn stop_work(&self, call: &StopWork) -> Result<bool, CallError>;
    /// Hands in what was measured of a node; returns what to do about it.
    fn observe(&self, seen: &Observe) -> Result<Advice, CallError>;
    /// The use of all nodes and what was decided.
    fn utilization(&self) -> Result<Utilization, CallError>;
}

/// Reading the catalog.
pub trait Catalog {
    /// A page of the artefacts that fit, newest first; [`ArtefactFilter::walk`] reads on.
    fn list(&self, filter: &ArtefactFilter) -> Result<Listed, CallError>;
    /// One artefact.
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, CallError>;
    /// Where a configuration stands, with its champion.
    fn stage(&self, key: &ConfigKey) -> Result<StageState, CallError>;
    /// Ratings of a configuration, best first.
    fn ratings(&self, key: &ConfigKey) -> Result<Vec<Rating>, CallError>;
}

/// Which machine this is.
pub trait Node {
    /// The node's id.
    fn node(&self) -> NodeId;
}

/// Looking at the machine.
pub trait Host: Node {
    /// A fresh look.
    fn snapshot(&self) -> HostSnapshot;
}

/// Looking at systemd's units and at what their processes last said. Starts nothing.
pub trait Units {
    /// All units whose name matches one of the patterns (shell globs).
    fn list(&self, patterns: &[&str]) -> Result<Vec<UnitView>, String>;
    /// `/run/ringrift/<kebab>/status.json`, if there is one.
    fn status_file(&self, kebab: &str) -> Option<StatusFile>;
    /// When a process last wrote that file.
    fn sign_of_life(&self, kebab: &str) -> Option<SignOfLife> {
        self.status_file(kebab).map(|file| SignOfLife { time_us: file.time_us, valid_for: file.valid_for })
    }
    /// Whether the coordinator grants anything, by its file.
    fn granting(&self) -> Option<Granting> {
        let file = self.status_file("coordinator")?;
        let sign = SignOfLife { time_us: file.time_us, valid_for: file.valid_for };
        let status: CoordinatorStatus = serde_json::from_value(file.snapshot).ok()?;
        Some(Granting { sign, blocked: status.blocked.into_iter().next() })
    }
    /// Everything at once, to be judged; only for who was given a view of the whole suite.
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// The router's dead letters and figures.
pub trait Letters {
    /// A page of the dead letters that fit, oldest first.
    fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<DeadLetterList, CallError>;
    /// The subscriptions that the router knows, with the number of their dead letters.
    fn subscribers(&self) -> Result<Vec<SubscriberState>, CallError>;
    /// Hands dead letters out again; returns how many.
    fn redrive(&self, filter: &DeadLetterFilter) -> Result<u64, CallError>;
    /// Show the router's statistics.
    fn router_stats(&self) -> Result<Stats, CallError>;
}

/// The model that self-play uses.
pub trait Current {
    /// The model that self-play of this configuration uses now.
    fn current(&self, key: &ConfigKey) -> Result<Option<Digest>, String>;
}

/// The switch of the current model: verified, atomic, read by self-play.
pub trait Models: Current {
    /// Checks the file's SHA-256, then switches the link; returns whether it changed.
    fn switch(&self, key: &ConfigKey, model: &Digest, path: &str) -> Result<bool, String>;
    /// Takes the link away: the untrained network plays. Returns whether there was one.
    fn clear(&self, key: &ConfigKey) -> Result<bool, String>;
}

/// DATA_PIPELINE's own database. Its change, the input's id and the outputs are one transaction, so that a repeated
/// input returns the same outputs and changes nothing.
pub trait CatalogStore {
    /// Artefacts that fit, newest first.
    fn list(&self, filter: &ArtefactFilter) -> Result<Vec<ArtefactRecord>, StoreError>;
    /// One artefact.
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, StoreError>;
    /// Where a configuration stands, with its champion.
    fn stage(&self, key: &ConfigKey) -> Result<StageState, StoreError>;
    /// Ratings of a configuration, best first.
    fn ratings(&self, key: &ConfigKey) -> Result<Vec<Rating>, StoreError>;
    /// What was answered to this input before, if it was handled before.
    fn handled(&self, input: &EventId) -> Result<Option<Vec<Payload>>, StoreError>;
    /// Copies the files into the store (verified, fsynced, renamed), then commits the records, the input and its
    /// outputs.
    fn commit(&self, input: &EventId, change: &CatalogChange, outputs: &[Payload]) -> Result<(), StoreError>;
    /// Every ancestor and descendant of an artefact.
    fn lineage(&self, id: &Digest) -> Result<Vec<super::catalog::LineageStep>, StoreError>;
    /// Every configuration that has anything.
    fn stages(&self) -> Result<Vec<StageState>, StoreError>;
    /// Artefacts that are still in the store, newest first.
    fn kept(&self) -> Result<Vec<ArtefactRecord>, StoreError>;
    /// The newest champions of each configuration and this many steps of their ancestors, each with the reason why it
    /// stays.
    fn protected(&self, champions: u32, ancestors: u32) -> Result<BTreeMap<Digest, String>, StoreError>;
    /// Marks an artefact as gone for a reason, then deletes its file.
    fn forget(&self, id: &Digest, why: &str) -> Result<(), StoreError>;
    /// Looks at a file of the store; a missing or damaged one is quarantined, marked and told. `claim`: somebody could
    /// not use it although its hash may be right. True: it is quarantined now.
    fn inspect(&self, id: &Digest, claim: Option<&str>) -> Result<bool, StoreError>;
    /// Deletes the files of what was marked before a crash.
    fn finish_forgetting(&self) -> Result<(), StoreError>;
    /// The directories of jobs.
    fn job_folders(&self) -> Result<Vec<JobFolder>, StoreError>;
    /// Deletes the directory of a job.
    fn remove_job(&self, id: &JobId) -> Result<(), StoreError>;
    /// Permission to delete by age.
    fn age_permit(&self) -> Option<AgePermit>;
    /// Enters what is in the store and not in the catalog, from `after` on and for a few seconds.
    fn rebuild(&self, after: Option<&str>) -> Result<Rebuilt, StoreError>;
}

/// What one input changes in the catalog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CatalogChange {
    /// New artefacts, with the job's file to take over (the record's `path` and `seq` are set by the store).
    pub artefacts: Vec<(ArtefactRecord, JobFile)>,
    /// A rating.
    pub rating: Option<Rating>,
    /// A new champion.
    pub champion: Option<Champion>,
    /// A refusal for this configuration.
    pub refused: Option<ConfigKey>,
    /// The version of the rules that is in force from now on for a configuration.
    pub rules: Option<(ConfigKey, u32)>,
    /// A configuration's new stage and why.
    pub stage: Option<(ConfigKey, String, String)>,
}

/// The store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An input file is missing, truncated or has another hash: retrying will not help.
    #[error("{path}: {why}")]
    BadFile {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// What was to be written, or what stands in a row, does not fit the database: retrying will not help.
    #[error("{operation}: {why}")]
    Unfit {
        /// What was tried.
        operation: String,
        /// What the database said.
        why: String,
    },
    /// The daemon's own database is damaged or may not be written: nothing goes until the daemon has opened it again.
    #[error("{operation}: {why}")]
    Broken {
        /// What was tried.
        operation: String,
        /// What the database said.
        why: String,
    },
    /// Disk full, I/O error, a lock that somebody holds: retrying may help.
    #[error("{operation}: {why}")]
    Failed {
        /// What was tried.
        operation: String,
        /// What the system said.
        why: String,
    },
}
