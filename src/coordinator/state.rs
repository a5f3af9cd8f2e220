//! What the coordinator knows beside its database; all of it can be lost.
use super::orders::Mailbox;
use super::schema::letters;
use super::speakers::Connections;
use crate::contract::age::AgePermit;
use crate::contract::config::Config;
use crate::contract::coordinator::Order;
use crate::contract::host::HostSnapshot;
use crate::contract::ids::{FencingToken, JobId, LeaseId, NodeId};
use crate::contract::job::LEASE_TERM;
use crate::contract::safeguards::MANAGERS;
use crate::contract::workload::Progress;
use crate::coordination::admission::{Desk, Rules};
use crate::coordination::gate::{Gate, Levels};
use crate::coordination::lease::Deadlines;
use crate::coordination::lifecycle::Registry;
use crate::coordination::signal::Signal;
use crate::platform::age::AgeGuard;
use crate::platform::clock::random;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The last look at the machine, or why there is none that counts.
pub type HostReader = Box<dyn Fn() -> Result<HostSnapshot, String> + Send>;

/// Volatile knowledge, owned by the writer's thread.
pub struct State {
    /// The configuration in force.
    pub config: Config,
    /// The folder with one folder a job.
    pub jobs: PathBuf,
    /// The open connections of jobs.
    pub connections: Arc<Connections>,
    /// Jobs whose attempt is over; their connections are closed once that is committed.
    pub over: Vec<JobId>,
    /// The coordinator's own node.
    pub node: NodeId,
    /// Its logical processors, if the system tells.
    pub cores: Option<u32>,
    /// Its GPUs at the last look.
    pub gpus: usize,
    /// What ids of this database begin with.
    pub epoch: String,
    /// When leases end.
    pub deadlines: Deadlines,
    /// The masters that take orders.
    pub dispatchers: BTreeMap<NodeId, Arc<Mailbox>>,
    /// The last progress of running items, newer than the database's.
    pub progress: HashMap<i64, Progress>,
    /// When the last heartbeat of an item was published, monotonic.
    pub heartbeats: HashMap<i64, i64>,
    /// Orders to be sent once the change is committed.
    pub orders: Vec<(NodeId, Order)>,
    /// Something changed that may let an item be granted.
    pub dirty: bool,
    /// An event was put into the outbox.
    pub rang: bool,
    /// Nothing is granted any more; the process is about to end.
    pub draining: bool,
    /// This was the writer's last turn.
    pub closing: bool,
    /// Looks at the machine.
    pub look: HostReader,
    /// Whether the emergency flags can be looked at.
    pub flags: super::flags::FlagReader,
    /// The gates' levels, their verdicts, and when those were made, monotonic.
    pub levels: Levels,
    /// The gates as they stand.
    pub gates: Vec<Gate>,
    /// When the machine was looked at last, monotonic.
    pub judged: Option<i64>,
    /// Back-pressure as it stands.
    pub signal: Signal,
    /// What admission knows; absent until it is read from the database.
    pub desk: Option<Desk>,
    /// The desk was changed since the last savepoint; with a rollback it is ahead of the database.
    pub touched: bool,
    /// The desk must be read anew.
    pub stale: bool,
    /// What durations, bandwidth and the optimizer remember.
    pub memory: super::managers::Memory,
    /// The managers inside.
    pub managers: Registry,
    /// Until then types that fill what is free wait for the next stage's job, monotonic.
    pub settled_at: Option<i64>,
    /// The watch over the wall clock; without one nothing is deleted by its age.
    pub age: Option<AgeGuard>,
    /// What it allows, as of its last look.
    pub permit: Option<AgePermit>,
    /// When it looks again, monotonic.
    pub permit_at: i64,
    /// When to look for items that ended long ago, monotonic.
    pub purge_at: Option<i64>,
    /// What became of the job units at the last halt.
    pub halt_steps: Vec<String>,
}

impl State {
    /// At start.
    pub fn new(config: Config, node: NodeId, cores: Option<u32>, epoch: String, look: HostReader) -> Self {
        let mut managers = Registry::default();
        for (name, priority) in MANAGERS {
            managers.register(name, priority);
        }
        managers.set_all(crate::contract::coordinator::LifeState::Ready);
        State {
            config,
            jobs: PathBuf::from(crate::contract::paths::JOBS),
            connections: Arc::default(),
            over: Vec::new(),
            node,
            cores,
            gpus: 0,
            epoch,
            deadlines: Deadlines::new(i64::try_from(LEASE_TERM * 1_000_000).expect("a term fits")),
            dispatchers: BTreeMap::new(),
            progress: HashMap::new(),
            heartbeats: HashMap::new(),
            orders: Vec::new(),
            dirty: true,
            rang: true,
            draining: false,
            closing: false,
            look,
            flags: Box::new(|| Ok(())),
            levels: Levels::default(),
            gates: Vec::new(),
            judged: None,
            signal: Signal { value: 0.0, multiplier: 1.0, level: "NONE" },
            desk: None,
            touched: false,
            stale: true,
            memory: Default::default(),
            managers,
            settled_at: None,
            age: None,
            permit: None,
            permit_at: i64::MIN,
            purge_at: None,
            halt_steps: Vec::new(),
        }
    }
    /// The rules of admission, and what it knows. Read the desk first with `desk::ready`.
    pub fn admission(&mut self) -> (Rules<'_>, Option<&mut Desk>) {
        let rules = Rules {
            limits: &self.config.limits,
            admission: &self.config.admission,
            safeguards: &self.config.safeguards,
            gates: &self.gates,
            own: &self.node,
            selfplay_factor: self.signal.multiplier,
        };
        (rules, self.desk.as_mut())
    }
    /// The processors of a node; only the own node's are known.
    pub fn cores_of(&self, node: &NodeId) -> Option<u32> {
        if *node == self.node { self.cores } else { None }
    }
    /// The id of item number n.
    pub fn job_id(&self, n: i64) -> JobId {
        JobId::new(format!("{}-{n}", self.epoch)).expect("epoch and number are a job id")
    }
    /// The number of an item of this database.
    pub fn number(&self, id: &JobId) -> Option<i64> {
        let (epoch, n) = id.as_str().rsplit_once('-')?;
        let canonical = n.parse().ok().filter(|n: &i64| n.to_string() == id.as_str()[epoch.len() + 1..]);
        if epoch == self.epoch { canonical } else { None }
    }
    /// An id for a new lease.
    pub fn new_lease_id(&self) -> LeaseId {
        LeaseId::new(format!("{}-l{}", self.epoch, letters(random(), 10))).expect("epoch and letters are a lease id")
    }
    /// Queues an order for a node's master.
    pub fn order(&mut self, node: &NodeId, order: Order) {
        self.orders.push((node.clone(), order));
    }
    /// Nothing is known of the lease any more.
    pub fn forget(&mut self, token: FencingToken, work: Option<i64>) {
        self.deadlines.forget(token);
        if let Some(n) = work {
            self.over.push(self.job_id(n));
            self.progress.remove(&n);
            self.heartbeats.remove(&n);
        }
        self.dirty = true;
    }
}
