//! The registry: one typed table of daemons from which units, targets, programs, configuration, manuals and completions
//! are generated.
mod coherence;
mod declare;
mod known;
mod lookup;
mod members;
mod names;
mod order;
mod processes;
mod profiles;
mod roster;
mod settings;
mod spec;
mod table;
mod unknown;
mod validate;

pub use coherence::check;
pub(crate) use declare::{declare, entry, kind, settings};
pub use known::Known;
pub use lookup::{RUNTIME_EVENTS, all, built, by_category};
pub use members::closure;
pub use names::DaemonType;
pub use order::{OrderError, start_order, stop_order};
pub use processes::{HUB_SERVICES, OUTSIDE, PROCESSES, Process};
pub use profiles::Profile;
pub(crate) use roster::roster;
pub use settings::{Form, Kind, Rule, Setting, Width};
pub use spec::{BASE, Category, DaemonSpec, Declared, Hub, Need, Program, Stage};
pub use table::Declarations;
pub use unknown::UnknownName;
pub use validate::{Report, validate};
