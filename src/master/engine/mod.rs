//! The loop's own state and one turn of it: look, decide, act, beat.
mod beat;
mod calls;
mod known;
mod look;
mod notes;
mod reconcile;
mod revive;
pub mod sockets;

use super::calls::{Answer, Error};
use super::clock::ClockWatch;
use super::jobs::Jobs;
use super::restarts::Restarts;
use super::settings::{OWN_UNIT, Settings};
use super::store::{Store, StoreFault};
use super::world::World;
use crate::contract::config::Config;
use crate::contract::coordinator::{Report, WorkItem};
use crate::contract::health::State;
use crate::contract::host::UnitView;
use crate::contract::ids::{FencingToken, NodeId};
use crate::contract::master::{FailedDaemons, RestartLog, Wish};
use crate::contract::registry::{DaemonType, Hub, Stage, all, built};
use crate::contract::text::Line;
use crate::contract::time::Wall;
use crate::coordination::reconcile::Past;
use crate::platform::clock;
use crate::platform::systemd::{Change, ServiceError, ServiceManager, UnitLimits};
use known::{Registration, Revivals, SocketFiles};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// The hubs and the services behind their sockets.
pub const HUBS: [(Hub, &str); 3] = [
    (Hub::Router, "ringrift-event-router.service"),
    (Hub::Coordinator, "ringrift-coordinator.service"),
    (Hub::Catalog, "ringrift-data-pipeline.service"),
];
/// The message of a stop in progress.
const STOPPING: &str = "stopping";
/// The heartbeat is written at most this often, and at least once a turn of the configured interval.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// Daemons' own reports are read this often while only jobs change.
const REPORTS_INTERVAL: Duration = Duration::from_secs(1);
/// Loaded job units.
pub const JOB_UNITS: &str = "ringrift-job-*@*.service";
/// All of them are below it.
const JOBS_SLICE: &str = "ringrift-jobs.slice";

/// A signal for those who follow the master on D-Bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A profile was applied: its name and by whom.
    Profile(&'static str, Line),
    /// A daemon's state changed.
    Daemon(&'static str, Line),
    /// A job's state changed.
    Job(Line, Line),
}

/// What comes back to the loop from what it set going.
#[derive(Debug)]
pub enum Note {
    /// A start, stop or restart of a daemon ended.
    Ended {
        /// The daemon.
        daemon: DaemonType,
        /// Gerund.
        what: &'static str,
        /// systemd's word.
        result: String,
    },
    /// A job unit's start ended.
    JobStarted {
        /// The unit.
        unit: String,
        /// Its attempt.
        token: FencingToken,
        /// Well, or why not.
        outcome: Result<(), String>,
    },
    /// A job unit's start would have undone a stop.
    JobPostponed {
        /// The unit.
        unit: String,
        /// Its attempt.
        token: FencingToken,
    },
    /// A job unit's start contradicted a stop that was still under way, its slice's after an emergency halt; it is
    /// tried again now.
    JobAgain {
        /// The unit.
        unit: String,
        /// Its attempt.
        token: FencingToken,
        /// Its limits.
        limits: UnitLimits,
    },
    /// A job unit was stopped; nothing is known of it when that failed because there is none.
    JobStopped {
        /// The unit.
        unit: String,
    },
    /// The coordinator's account of leases between two looks at the units.
    Leases {
        /// Units before.
        before: Vec<UnitView>,
        /// Leased items.
        items: Vec<WorkItem>,
        /// Units after.
        after: Vec<UnitView>,
    },
    /// The coordinator's thread speaks.
    Coordinator(super::link::FromCoordinator),
    /// The subscriptions stand (this many), or why not.
    Registered(Result<usize, String>),
    /// Something came into the directory of the sockets, or left it.
    Folder,
    /// Spooled events were published (this many), or why not.
    Spooled(Result<usize, String>),
}

/// The loop's state. One turn is `turn`; everything else tells it what happened since the last.
pub struct Engine<S> {
    pub(super) services: Rc<S>,
    pub(super) settings: Settings,
    pub(super) node: NodeId,
    pub(super) load: Box<dyn Fn() -> Result<Config, String>>,
    pub(super) store: Store,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) notes: mpsc::UnboundedSender<Note>,
    pub(super) signals: mpsc::UnboundedSender<Signal>,
    pub(super) reports: std::sync::mpsc::Sender<Report>,
    pub(super) jobs: Jobs,
    past: BTreeMap<DaemonType, Past>,
    shown: BTreeMap<DaemonType, State>,
    dirty: BTreeSet<String>,
    look_at_all: bool,
    reset: HashMap<String, String>,
    hub_retried: BTreeMap<&'static str, Wall>,
    sockets: SocketFiles,
    revivals: Revivals,
    /// Failed daemons, as the others were told last.
    failed_told: Option<FailedDaemons>,
    /// Who waits for the end of a reload.
    reloading: Vec<oneshot::Sender<Result<Answer, Error>>>,
    /// Who asked while that one was under way.
    reload_next: Vec<oneshot::Sender<Result<Answer, Error>>>,
    /// When systemd was asked for it.
    reload_asked: Option<Instant>,
    pub(super) registration: Registration,
    pub(super) following_orders: bool,
    pub(super) leases_checked: Option<Instant>,
    last_beat: Option<Instant>,
    /// What was wanted of daemons, as status.json told last.
    reported_wishes: BTreeMap<String, Wish>,
    restarts: Restarts,
    /// As status.json told them last.
    reported_restarts: BTreeMap<String, RestartLog>,
    clock: ClockWatch,
    shown_at: Option<Instant>,
    daemons_changed: bool,
    /// Told to stop: what is under way starts nothing any more.
    draining: Rc<Cell<bool>>,
    /// Notices whose events are published, by id and time.
    pub(super) told_notices: Arc<Mutex<BTreeSet<(String, i64)>>>,
    /// The jobs' slice is being killed: one kill is for all of them.
    killing: Rc<Cell<bool>>,
}

/// What an engine is made of.
pub struct Parts<S> {
    /// systemd.
    pub services: Rc<S>,
    /// Places.
    pub settings: Settings,
    /// This node.
    pub node: NodeId,
    /// Loads and checks the configuration.
    pub load: Box<dyn Fn() -> Result<Config, String>>,
    /// The database.
    pub store: Store,
    /// The shared knowledge.
    pub world: Arc<Mutex<World>>,
    /// Where notes come in.
    pub notes: mpsc::UnboundedSender<Note>,
    /// Where signals go.
    pub signals: mpsc::UnboundedSender<Signal>,
    /// Where reports for the coordinator go.
    pub reports: std::sync::mpsc::Sender<Report>,
}

impl<S: ServiceManager + 'static> Engine<S> {
    /// Puts the parts together and takes over what the database remembers.
    pub fn new(parts: Parts<S>) -> Result<Self, StoreFault> {
        let mut engine = Engine {
            services: parts.services,
            settings: parts.settings,
            node: parts.node,
            load: parts.load,
            store: parts.store,
            world: parts.world,
            notes: parts.notes,
            signals: parts.signals,
            reports: parts.reports,
            jobs: Jobs::default(),
            past: BTreeMap::new(),
            shown: BTreeMap::new(),
            dirty: BTreeSet::new(),
            look_at_all: true,
            reset: HashMap::new(),
            hub_retried: BTreeMap::new(),
            sockets: SocketFiles::default(),
            revivals: BTreeMap::new(),
            reloading: Vec::new(),
            reload_next: Vec::new(),
            reload_asked: None,
            failed_told: None,
            registration: Registration::default(),
            following_orders: false,
            leases_checked: None,
            last_beat: None,
            reported_wishes: BTreeMap::new(),
            restarts: Restarts::default(),
            reported_restarts: BTreeMap::new(),
            clock: ClockWatch::default(),
            shown_at: None,
            daemons_changed: true,
            draining: Rc::default(),
            told_notices: Arc::default(),
            killing: Rc::default(),
        };
        let mut world = engine.world();
        world.overrides = engine.store.overrides()?;
        world.former = engine.store.former()?;
        world.paused = engine.store.paused()?;
        for spec in built() {
            if let Some(error) = engine.store.last_error(spec.daemon)? {
                world.last_errors.insert(spec.daemon, error);
            }
        }
        let restarts = Restarts::of(&world.run);
        drop(world);
        engine.restarts = restarts;
        Ok(engine)
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A signal of systemd's.
    pub fn changed(&mut self, change: Change) {
        match change {
            Change::Unit(unit) => {
                self.dirty.insert(unit);
            }
            Change::Reloaded => self.look_at_all = true,
        }
    }

    /// On the bus again: asks over the new connection, and looks at everything, since signals were missed.
    pub fn rejoined(&mut self, services: S) {
        self.services = Rc::new(services);
        self.world().problems.remove("bus");
        self.look_at_all = true;
        // Before the first order nothing is leased here; that order brings the first comparison.
        if self.leases_checked.is_some() {
            self.check_leases();
        }
    }

    /// From now on no job is started; orders stay with the coordinator.
    pub fn drain(&self) {
        self.draining.set(true);
    }

    /// The next turn looks at every unit.
    pub fn look_at_all(&mut self) {
        self.look_at_all = true;
    }

    /// One turn. An error means that systemd cannot be asked.
    pub async fn turn(&mut self) -> Result<(), ServiceError> {
        self.look().await?;
        self.tend_router();
        self.tend_sockets().await;
        self.tend_watch().await;
        self.tend_hubs().await;
        self.revive().await;
        self.reconcile().await;
        self.reset_delays().await;
        self.tend_coordinator();
        self.show();
        self.beat();
        Ok(())
    }

    /// Notes since when wanted daemons are down, tells changes of state, remembers them.
    fn show(&mut self) {
        for (id, state) in std::mem::take(&mut self.jobs.changed) {
            self.signal(Signal::Job(id.into(), state.into()));
        }
        self.world().jobs = self.jobs.rows(clock::now(), clock::awake());
        // Jobs come and go all the time; reading every daemon's report for each of them would hold up the next order.
        let recent = self.shown_at.is_some_and(|at| at.elapsed() < REPORTS_INTERVAL);
        if recent && !std::mem::take(&mut self.daemons_changed) {
            return;
        }
        self.shown_at = Some(Instant::now());
        let now = clock::now();
        let rows = {
            let mut world = self.world();
            let desired = world.desired();
            for daemon in &desired {
                let up =
                    world.unit(*daemon).is_some_and(|u| u.is_up() && !u.start_queued && u.active_state != "activating");
                if up {
                    world.down_since.remove(daemon);
                } else {
                    world.down_since.entry(*daemon).or_insert(now);
                }
            }
            world.down_since.retain(|daemon, _| desired.contains(daemon));
            let real = all().filter(|s| s.stage == Stage::Built);
            real.map(|s| world.row(s.daemon, desired.contains(&s.daemon), now)).collect::<Vec<_>>()
        };
        self.tell_failed(&rows);
        for row in rows {
            let state = row.found.state;
            if self.shown.insert(row.daemon, state) == Some(state) {
                continue;
            }
            self.signal(Signal::Daemon(row.daemon.name(), state.to_string().into()));
            if let Err(error) = self.store.remember(row.daemon, &state.to_string(), &row.found.reason, now) {
                tracing::warn!("cannot store a daemon's state change: {error}");
            }
            if state == State::Initializing && row.unit.as_ref().is_some_and(UnitView::is_backing_off) {
                self.world().last_errors.insert(row.daemon, (now, row.found.reason));
            } else if matches!(state, State::Failed | State::CannotStart) {
                self.world().last_errors.insert(row.daemon, (now, format!("{state}: {}", row.found.reason)));
            } else if state == State::Running {
                // It is well again; what was is in its history.
                self.world().last_errors.remove(&row.daemon);
            }
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        // Nobody follows any more only when the process ends.
        drop(self.signals.send(signal));
    }

    /// Answers a caller; one that has gone does not mind.
    pub(super) fn answer(reply: oneshot::Sender<Result<Answer, Error>>, answer: Result<Answer, Error>) {
        drop(reply.send(answer));
    }
}

#[cfg(test)]
mod tests;
