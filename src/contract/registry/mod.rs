//! The registry: one typed table of daemons from which units, targets, manuals and completions are generated.
mod names;
mod order;
mod processes;
mod profiles;
mod table;
mod validate;

pub use names::{DaemonType, ORIGINAL};
pub use order::{OrderError, start_order, stop_order};
pub use processes::{HUB_SERVICES, OUTSIDE, PROCESSES, Process};
pub use profiles::{Profile, closure};
pub use validate::{Report, validate};

use super::events::EventType;
use std::fmt;

/// 004's eleven categories.
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

/// A socket that a daemon cannot live without: the `hard` mark, Requires= in the unit.
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

/// What a daemon needs beyond the hardened default; each is an exception with a reason in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Sees other users' processes and /sys (sysinfo, PSI, cgroups).
    Machine,
    /// NVIDIA devices.
    Gpu,
    /// Listens on TCP.
    Tcp,
    /// Writes below this directory of /var/lib/ringrift, beside its own.
    Writes(&'static str),
    /// Speaks to systemd over D-Bus (looking only).
    Bus,
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
    /// 004's category.
    pub category: Category,
    /// Whether it can be started.
    pub stage: Stage,
    /// Daemons that start first: After= and Wants=.
    pub depends_on: &'static [DaemonType],
    /// 004's position, 1 to 21.
    pub order: Option<u8>,
    /// Seconds between ticks; 0: events only.
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
    /// Emitters that must not start before it (004: subscribers before emitters, where it is required).
    pub before_emitter: &'static [DaemonType],
    /// Hub sockets it cannot live without.
    pub hard: &'static [Hub],
    /// Exceptions from the hardened default.
    pub needs: &'static [Need],
    /// MiB of memory: MemoryMax.
    pub memory_max: u32,
}

/// The default entry, for struct update.
pub(crate) const BASE: DaemonSpec = DaemonSpec {
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
    needs: &[],
    memory_max: 256,
};

/// Events that the runtime publishes for every daemon.
pub const RUNTIME_EVENTS: &[EventType] =
    &[EventType::DaemonStarted, EventType::DaemonStopped, EventType::DaemonStatusChanged, EventType::DaemonHealth];

/// All entries, category by category.
pub fn all() -> impl Iterator<Item = &'static DaemonSpec> {
    table::BY_CATEGORY.iter().flat_map(|specs| specs.iter())
}

/// The built ones.
pub fn built() -> impl Iterator<Item = &'static DaemonSpec> {
    all().filter(|s| s.is_built())
}

/// One category's entries.
pub fn by_category(category: Category) -> impl Iterator<Item = &'static DaemonSpec> {
    all().filter(move |s| s.category == category)
}

impl DaemonType {
    /// The entry.
    pub fn spec(self) -> &'static DaemonSpec {
        all().find(|s| s.daemon == self).expect("every type has an entry; the registry test checks it")
    }
    /// The name users know, as in AUTO_SYNC.
    pub fn name(self) -> &'static str {
        self.spec().name
    }
    /// As units and sockets write it, as in auto-sync.
    pub fn kebab(self) -> String {
        self.name().to_lowercase().replace('_', "-")
    }
    /// As configuration writes it, as in auto_sync.
    pub fn snake(self) -> String {
        self.name().to_lowercase()
    }
    /// The program.
    pub fn binary(self) -> String {
        format!("ringrift-{}", self.kebab())
    }
    /// The unit.
    pub fn unit(self) -> String {
        format!("ringrift-{}.service", self.kebab())
    }
    /// The daemon of a service unit.
    pub fn of_unit(unit: &str) -> Option<DaemonType> {
        let name = unit.strip_prefix("ringrift-")?.strip_suffix(".service")?;
        all().find(|s| s.daemon.kebab() == name).map(|s| s.daemon)
    }
    /// Reads AUTO_SYNC, auto_sync or auto-sync.
    pub fn parse(text: &str) -> Result<DaemonType, UnknownName> {
        let wanted = text.to_uppercase().replace('-', "_");
        all().find(|s| s.name == wanted).map(|s| s.daemon).ok_or_else(|| UnknownName::new("daemon", &wanted, all().map(|s| s.name)))
    }
    /// Itself, or what it is another name of.
    pub fn resolve(self) -> DaemonType {
        match self.spec().stage {
            Stage::Alias { of, .. } => of,
            _ => self,
        }
    }
}

impl fmt::Display for DaemonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl DaemonSpec {
    /// Whether it has a binary and a unit.
    pub fn is_built(&self) -> bool {
        self.stage == Stage::Built
    }
    /// Whether it is marked for removal.
    pub fn is_deprecated(&self) -> bool {
        matches!(self.stage, Stage::Alias { deprecated: true, .. })
    }
    /// WatchdogSec: 30 s, or twice the longest handler.
    pub fn watchdog_seconds(&self) -> u32 {
        (2 * self.longest_handler).max(30)
    }
}

/// A name that nobody knows, with the nearest that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// daemon, profile, event …
    pub kind: &'static str,
    /// What was given.
    pub name: String,
    /// The nearest names, best first.
    pub nearest: Vec<String>,
}

impl UnknownName {
    /// Finds the nearest of the known names.
    pub fn new<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let mut scored: Vec<(f64, &str)> = known.map(|k| (strsim::jaro_winkler(&name.to_lowercase(), &k.to_lowercase()), k)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = scored.into_iter().take(3).filter(|(score, _)| *score > 0.6).map(|(_, k)| k.to_owned()).collect();
        UnknownName { kind, name: name.into(), nearest }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is called {:?}", self.kind, self.name)?;
        match self.nearest.as_slice() {
            [] => Ok(()),
            nearest => write!(f, "; did you mean {}?", nearest.join(", ")),
        }
    }
}

impl std::error::Error for UnknownName {}
