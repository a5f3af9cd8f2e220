//! What is declared of a daemon: data only, from which unit, program, configuration, manual and profiles follow.
use super::names::DaemonType;
use super::profiles::Profile;
use super::settings::{Rule, Setting};
use crate::contract::events::EventType;
use crate::contract::ports::Port;

/// What a daemon is about: it groups them in lists, and decides in which order they stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Category {
    Event,
    Health,
    Sync,
    Pipeline,
    Evaluation,
    Distribution,
    Feedback,
    Queue,
    Resource,
    Recovery,
    Provider,
}

impl Category {
    /// All of them.
    pub const ALL: [Category; 11] = [
        Category::Event,
        Category::Health,
        Category::Sync,
        Category::Pipeline,
        Category::Evaluation,
        Category::Distribution,
        Category::Feedback,
        Category::Queue,
        Category::Resource,
        Category::Recovery,
        Category::Provider,
    ];
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Category::Event => "event",
            Category::Health => "health",
            Category::Sync => "sync",
            Category::Pipeline => "pipeline",
            Category::Evaluation => "evaluation",
            Category::Distribution => "distribution",
            Category::Feedback => "feedback",
            Category::Queue => "queue",
            Category::Resource => "resource",
            Category::Recovery => "recovery",
            Category::Provider => "provider",
        }
    }
}

/// Whether a daemon can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has a binary and a unit.
    Built,
    /// Entered, not built: cannot be started and is never shown as stopped.
    Planned,
    /// Another name. Using a deprecated one warns; its strategy is carried on.
    Alias {
        /// What it stands for.
        of: DaemonType,
        /// The strategy it selects there.
        strategy: Option<&'static str>,
        /// Marked for removal.
        deprecated: bool,
    },
}

/// A socket that a daemon cannot live without: the `hard` mark; Requires= in the unit, but for the catalog's, whose
/// service only the master and people start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hub {
    /// `ringrift-router.socket`.
    Router,
    /// `ringrift-coordinator.socket`.
    Coordinator,
    /// `ringrift-catalog.socket`.
    Catalog,
}

impl Hub {
    /// The socket unit.
    pub const fn socket_unit(self) -> &'static str {
        match self {
            Hub::Router => "ringrift-router.socket",
            Hub::Coordinator => "ringrift-coordinator.socket",
            Hub::Catalog => "ringrift-catalog.socket",
        }
    }
}

/// How a daemon's program begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// In the shared library of ordinary daemons.
    Shared,
    /// In that of other programs, because it needs D-Bus or HTTP, which the former lacks: by the function of its name
    /// in `src/programs.rs`, which `programs::other` names too.
    Own,
    /// It is a hub, likewise: by `main` of the module of this name.
    Hub(&'static str),
}

/// Where a daemon is declared, and what the build says when the declaration contradicts the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The module, as in `ringrift::daemons::event::dlq_retry`.
    pub module: &'static str,
    /// File and line.
    pub place: &'static str,
    /// It depends on itself.
    pub cycle: &'static str,
    /// It depends on what is not built.
    pub unbuilt: &'static str,
    /// A profile has it and not all it depends on.
    pub profile: &'static str,
}

/// What a daemon needs beyond the hardened default; each is an exception with a reason in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Sees other users' processes and /sys (sysinfo, PSI, cgroups).
    Machine,
    /// NVIDIA devices.
    Gpu,
    /// Listens on TCP, where these settings say.
    Tcp {
        /// The setting that holds the address.
        address: &'static str,
        /// The settings that hold the ports.
        ports: &'static [&'static str],
        /// The setting that holds further names of the host.
        hosts: &'static str,
    },
    /// Writes below this directory of /var/lib/ringrift, beside its own.
    Writes(&'static str),
    /// Speaks to systemd over D-Bus (looking only).
    Bus,
}

impl Need {
    /// What a port needs: who declares the port declares it.
    pub const fn of(port: Port) -> &'static [Need] {
        match port {
            Port::Host => &[Need::Machine],
            Port::Units => &[Need::Bus],
            Port::Models => &[Need::Writes("current")],
            Port::Store => &[Need::Writes("artefacts"), Need::Writes("jobs")],
            Port::Foreign => &[Need::Writes("legacy")],
            Port::Clock | Port::Queue | Port::Managers | Port::Catalog | Port::Node | Port::Letters | Port::Current => {
                &[]
            }
        }
    }
}

/// A daemon's entry. Data only.
#[derive(Debug, Clone, Copy)]
pub struct DaemonSpec {
    /// Which one.
    pub daemon: DaemonType,
    /// The name users know, as in AUTO_SYNC.
    pub name: &'static str,
    /// What it is for, one line.
    pub purpose: &'static str,
    /// What it is about.
    pub category: Category,
    /// Whether it can be started.
    pub stage: Stage,
    /// Daemons that start first: After=. The master starts them with it, unless a person has stopped them.
    pub depends_on: &'static [DaemonType],
    /// Its place in the start order that the earlier implementation fixed, 1 to 21.
    pub order: Option<u8>,
    /// Seconds between ticks.
    pub interval: u32,
    /// Seconds between health reports; absent: RINGRIFT_DAEMON_HEALTH_INTERVAL.
    pub health_check_interval: Option<u32>,
    /// Counts for /health.
    pub critical: bool,
    /// Restarted on failure.
    pub auto_restart: bool,
    /// Restarts before it is failed.
    pub max_restarts: u32,
    /// Seconds the longest handler may take; the watchdog is at least twice it.
    pub longest_handler: u32,
    /// Events it publishes, beside the five that every daemon's runtime publishes.
    pub publishes: &'static [EventType],
    /// Events it handles.
    pub subscribes: &'static [EventType],
    /// Emitters that must not start before it, where a subscriber is required to be there first.
    pub before_emitter: &'static [DaemonType],
    /// Hub sockets it cannot live without.
    pub hard: &'static [Hub],
    /// The ports that it asks.
    pub asks: &'static [Port],
    /// Exceptions from the hardened default, beside those that its ports take.
    pub needs: &'static [Need],
    /// MiB of memory: MemoryMax.
    pub memory_max: u32,
    /// The profiles that have it; `full` has every daemon. All it depends on stands in them too, or the build fails.
    pub profiles: &'static [Profile],
    /// The hub socket that it serves itself.
    pub serves: Option<Hub>,
    /// How its program begins.
    pub program: Program,
    /// Its settings, beside `enabled` and `interval`.
    pub settings: &'static [Setting],
    /// What its settings must keep among each other.
    pub rules: &'static [Rule],
    /// Where it is declared.
    pub declared: Declared,
}

/// The default entry, for struct update.
pub const BASE: DaemonSpec = DaemonSpec {
    daemon: DaemonType::EventRouter,
    name: "",
    purpose: "",
    category: Category::Event,
    stage: Stage::Planned,
    depends_on: &[],
    order: None,
    interval: 60,
    health_check_interval: None,
    critical: false,
    auto_restart: true,
    max_restarts: 5,
    longest_handler: 10,
    publishes: &[],
    subscribes: &[],
    before_emitter: &[],
    hard: &[Hub::Router],
    asks: &[],
    needs: &[],
    memory_max: 256,
    profiles: &[],
    serves: None,
    program: Program::Shared,
    settings: &[],
    rules: &[],
    declared: Declared { module: "", place: "", cycle: "", unbuilt: "", profile: "" },
};

impl DaemonSpec {
    /// Hubs whose socket its unit requires: systemd takes it along when one of them goes. Not the catalog's, which goes
    /// with a daemon that people may stop, unless it is its own.
    pub fn required(&self) -> impl Iterator<Item = Hub> {
        self.hard
            .iter()
            .copied()
            .chain(self.serves)
            .filter(|hub| *hub != Hub::Catalog || self.serves == Some(Hub::Catalog))
    }
    /// Whether it has a binary and a unit.
    pub fn is_built(&self) -> bool {
        self.stage == Stage::Built
    }
    /// Whether it is marked for removal.
    pub fn is_deprecated(&self) -> bool {
        matches!(self.stage, Stage::Alias { deprecated: true, .. })
    }
    /// Exceptions from the hardened default, in all.
    pub fn needs(&self) -> impl Iterator<Item = Need> {
        self.asks.iter().flat_map(|port| Need::of(*port)).chain(self.needs).copied()
    }
    /// WatchdogSec: twice the longest handler, and at least 20 s more than it: a hub may be silent at the end of a
    /// handler, and a busy machine is late.
    pub fn watchdog_seconds(&self) -> u32 {
        (2 * self.longest_handler).max(self.longest_handler + 20)
    }
}
