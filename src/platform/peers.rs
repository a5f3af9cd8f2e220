//! Clients of the hubs: the ports Queue, Catalog and Letters over Varlink. They connect when first used and again when
//! the other end went away.
use super::varlink::Client;
use crate::contract::catalog::{self, ArtefactFilter, ArtefactRecord, ById, ByKey, Listed, Rating, StageState};
use crate::contract::coordinator::optimizer::{Advice, Observe, Utilization};
use crate::contract::coordinator::{self, Acquire, CanSpawn, QueueOrder, StopWork, WorkItem, WorkSelection};
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::method::{Method, NoArguments};
use crate::contract::ports::{Catalog, Letters, Managers, Queue};
use crate::contract::router::calls::{Count, SubscriberList};
use crate::contract::router::{self, DeadLetterFilter, DeadLetterList, Stats, SubscriberState};
use crate::contract::wire::{CallError, errors};
use crate::contract::workload::JobType;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for a hub's answer. Below the watchdog's 30 s, so that a silent hub cannot get its callers killed.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that one call takes: a kept connection may turn out dead late, and the call is made once more.
pub const LONGEST_CALL: Duration = Duration::from_secs(15);

/// A hub at the other end of a socket, for calls that may be repeated without harm.
#[derive(Debug)]
pub struct Peer {
    interface: &'static str,
    socket: PathBuf,
    client: RefCell<Option<Client>>,
}

impl Peer {
    /// A hub's socket; nothing is connected yet.
    pub fn new(interface: &'static str, socket: impl AsRef<Path>) -> Peer {
        Peer { interface, socket: socket.as_ref().to_owned(), client: RefCell::new(None) }
    }
    /// The event router.
    pub fn router(run: &Path) -> Peer {
        Peer::new(router::INTERFACE, run.join("router.sock"))
    }
    /// The coordinator.
    pub fn coordinator(run: &Path) -> Peer {
        Peer::new(coordinator::INTERFACE, run.join("coordinator.sock"))
    }
    /// The catalog.
    pub fn catalog(run: &Path) -> Peer {
        Peer::new(catalog::INTERFACE, run.join("catalog.sock"))
    }

    /// Calls a method of an interface that has a table of them.
    pub fn ask<M: Method>(&self, _: M, arguments: &M::Arguments) -> Result<M::Answer, CallError> {
        self.call(M::NAME, arguments)
    }

    /// Calls a method. A kept connection that turns out dead is replaced and the call made once more; a hub that was
    /// silent for as long as we wait is not waited for twice.
    pub fn call<R: DeserializeOwned>(&self, method: &str, parameters: &impl Serialize) -> Result<R, CallError> {
        let method = format!("{}.{method}", self.interface);
        let mut kept = self.client.borrow_mut();
        if let Some(mut client) = kept.take() {
            let begun = Instant::now();
            match client.call(&method, parameters) {
                Err(error) if error.is_transport() && begun.elapsed() < LONGEST_CALL - RPC_TIMEOUT => {}
                Err(error) if error.is_transport() => return Err(error),
                answer => {
                    *kept = Some(client);
                    return answer;
                }
            }
        }
        let mut client = Client::connect(&self.socket, Some(RPC_TIMEOUT))?;
        let answer = client.call(&method, parameters);
        if !matches!(&answer, Err(error) if error.is_transport()) {
            *kept = Some(client);
        }
        answer
    }
}

/// The coordinator's queue.
#[derive(Debug)]
pub struct QueuePeer(pub Peer);

impl Queue for QueuePeer {
    fn count(&self, which: &WorkSelection) -> Result<u64, CallError> {
        self.0.ask(coordinator::method::Count, which).map(|counted| counted.jobs)
    }
    fn all(&self, which: &WorkSelection) -> Result<Vec<WorkItem>, CallError> {
        which.all(|page| self.0.ask(coordinator::method::List, page))
    }
    fn can_spawn(&self, task_type: JobType) -> Result<CanSpawn, CallError> {
        self.0.ask(coordinator::method::CanSpawn, &Acquire { task_type, node: None, requested_by: String::new() })
    }
}

impl Managers for QueuePeer {
    fn queue_order(&self) -> Result<QueueOrder, CallError> {
        self.0.ask(coordinator::method::QueueOrder, &NoArguments {})
    }
    fn stop_work(&self, call: &StopWork) -> Result<bool, CallError> {
        self.0.ask(coordinator::method::StopWork, call).map(|done| done.accepted)
    }
    fn observe(&self, seen: &Observe) -> Result<Advice, CallError> {
        self.0.ask(coordinator::method::Observe, seen)
    }
    fn utilization(&self) -> Result<Utilization, CallError> {
        self.0.ask(coordinator::method::Utilization, &NoArguments {})
    }
}

/// DATA_PIPELINE's catalog.
#[derive(Debug)]
pub struct CatalogPeer(pub Peer);

impl Catalog for CatalogPeer {
    fn list(&self, filter: &ArtefactFilter) -> Result<Listed, CallError> {
        self.0.ask(catalog::method::List, filter)
    }
    fn get(&self, id: &Digest) -> Result<Option<ArtefactRecord>, CallError> {
        match self.0.ask(catalog::method::Get, &ById { id: id.clone() }) {
            Ok(got) => Ok(Some(got.artefact)),
            Err(error) if error.is(errors::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }
    fn stage(&self, key: &ConfigKey) -> Result<StageState, CallError> {
        self.0.ask(catalog::method::Stage, &ByKey { config_key: key.clone() }).map(|found| found.stage)
    }
    fn ratings(&self, key: &ConfigKey) -> Result<Vec<Rating>, CallError> {
        self.0.ask(catalog::method::Ratings, &ByKey { config_key: key.clone() }).map(|found| found.ratings)
    }
}

/// The router's dead letters.
#[derive(Debug)]
pub struct LettersPeer(pub Peer);

impl Letters for LettersPeer {
    fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<DeadLetterList, CallError> {
        self.0.call("DeadLetterList", filter)
    }
    fn subscribers(&self) -> Result<Vec<SubscriberState>, CallError> {
        self.0.call::<SubscriberList>("Subscribers", &json!({})).map(|list| list.subscribers)
    }
    fn redrive(&self, filter: &DeadLetterFilter) -> Result<u64, CallError> {
        self.0.call::<Count>("DeadLetterRedrive", filter).map(|d| d.count)
    }
    fn router_stats(&self) -> Result<Stats, CallError> {
        self.0.call("Stats", &json!({}))
    }
}
