//! What the coordinator knows beside its database, by what it is for; all of it can be lost.
mod admission;
mod dispatch;
mod leases;
mod managers;

pub use admission::{Admission, FlagReader, HostReader};
pub use dispatch::Dispatch;
pub use leases::Leases;
pub use managers::Managers;

use super::schema::letters;
use crate::contract::age::AgePermit;
use crate::contract::config::Config;
use crate::contract::ids::{FencingToken, JobId, LeaseId, NodeId};
use crate::contract::time::Mono;
use crate::coordination::admission::{Decisions, Rules};
use crate::coordination::gate::Gate;
use crate::coordination::limits::Cores;
use crate::coordination::signal::Signal;
use crate::platform::age::AgeGuard;
use crate::platform::clock::random;
use std::path::PathBuf;

/// What is deleted by its age, and when.
#[derive(Default)]
pub struct Ages {
    /// The watch over the wall clock; without one nothing is deleted by its age.
    pub guard: Option<AgeGuard>,
    /// What it allows, as of its last look.
    pub permit: Option<AgePermit>,
    /// When it looks again; at once at the start.
    pub permit_at: Option<Mono>,
    /// When to look for items that ended long ago.
    pub purge_at: Option<Mono>,
}

/// Where a savepoint begins in what is known beside the database.
pub struct Mark {
    edited: bool,
    orders: usize,
    over: usize,
}

/// Volatile knowledge, owned by the writer's thread.
pub struct State {
    /// The configuration in force.
    pub config: Config,
    /// The directory with one directory a job.
    pub jobs: PathBuf,
    /// The coordinator's own node.
    pub node: NodeId,
    /// Its logical processors, if the system tells.
    pub cores: Option<u32>,
    /// What ids of this database begin with.
    pub epoch: String,
    /// What a further task is judged by.
    pub admission: Admission,
    /// Terms and progress.
    pub leases: Leases,
    /// Masters and their orders.
    pub dispatch: Dispatch,
    /// The managers inside.
    pub managers: Managers,
    /// What is deleted by its age.
    pub ages: Ages,
    /// An event was put into the outbox.
    pub rang: bool,
    /// Nothing is granted any more; the process is about to end.
    pub draining: bool,
    /// This was the writer's last turn.
    pub closing: bool,
    /// Something changed that may let an item be granted.
    changed: bool,
}

impl State {
    /// At start.
    pub fn new(config: Config, node: NodeId, cores: Option<u32>, epoch: String, look: HostReader) -> Self {
        State {
            config,
            jobs: PathBuf::from(crate::contract::paths::JOBS),
            node,
            cores,
            epoch,
            admission: Admission::new(look),
            leases: Leases::default(),
            dispatch: Dispatch::default(),
            managers: Managers::default(),
            ages: Ages::default(),
            rang: true,
            draining: false,
            closing: false,
            changed: true,
        }
    }
    /// The rules of admission, and what was decided. Read that first with `decisions::ready`.
    pub fn decisions(&self) -> (Rules<'_>, Option<&Decisions>) {
        let admission = &self.admission;
        (rules(&self.config, &self.node, &admission.gates, &admission.signal), admission.kept.get())
    }
    /// The same, to decide something; it is read anew if the savepoint is rolled back.
    pub fn deciding(&mut self) -> (Rules<'_>, Option<&mut Decisions>) {
        let admission = &mut self.admission;
        (rules(&self.config, &self.node, &admission.gates, &admission.signal), admission.kept.edit())
    }
    /// Whether something changed that may let an item be granted.
    pub fn is_changed(&self) -> bool {
        self.changed
    }
    /// Something may be granted now that could not be before.
    pub fn look_again(&mut self) {
        self.changed = true;
    }
    /// All that could be granted is granted.
    pub fn looked(&mut self) {
        self.changed = false;
    }
    /// Rows that admission was read from have changed.
    pub fn admission_changed(&mut self) {
        self.admission.kept.void();
        self.changed = true;
    }
    /// A configuration is taken over: the machine is judged by it at once.
    pub fn configure(&mut self, config: Config) {
        (self.config, self.admission.judged) = (config, None);
        self.admission_changed();
    }
    /// Nothing is granted from now on.
    pub fn drain(&mut self) {
        self.draining = true;
        self.admission.kept.void();
    }
    /// The processors of a node; only the own node's are known.
    pub fn cores_of(&self, node: &NodeId) -> Option<Cores> {
        let gh200 = self.admission.gh200;
        if *node == self.node { self.cores.map(|count| Cores { count, gh200 }) } else { None }
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
    /// Nothing is known of the lease any more.
    pub fn forget(&mut self, token: FencingToken, work: Option<i64>) {
        let item = work.map(|n| (n, self.job_id(n)));
        self.leases.end(token, item);
        self.changed = true;
    }
    /// A savepoint begins; returns where it does.
    pub fn begin(&mut self) -> Mark {
        Mark { edited: self.admission.kept.begin(), orders: self.dispatch.mark(), over: self.leases.mark() }
    }
    /// It stays, as a part of what is around it.
    pub fn stays(&mut self, mark: &Mark) {
        self.admission.kept.stays(mark.edited);
    }
    /// It was rolled back.
    pub fn rolled_back(&mut self, mark: &Mark) {
        self.dispatch.rolled_back(mark.orders);
        self.leases.rolled_back(mark.over);
        self.admission.kept.rolled_back(mark.edited);
    }
    /// The transaction is on disk: what was to follow it is done.
    pub fn committed(&mut self) {
        self.dispatch.committed();
        self.leases.committed();
    }
    /// The transaction failed: what is remembered beside the database may be ahead of it.
    pub fn failed(&mut self) {
        self.admission.kept.void();
        self.dispatch.failed();
        self.leases.failed();
    }
}

fn rules<'a>(config: &'a Config, own: &'a NodeId, gates: &'a [Gate], signal: &Signal) -> Rules<'a> {
    let (limits, admission, safeguards) = (&config.limits, &config.admission, &config.safeguards);
    Rules { limits, admission, safeguards, gates, own, selfplay_factor: signal.multiplier }
}
