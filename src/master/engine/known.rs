//! What the engine keeps for its parts, and names that several of them use.
use crate::contract::time::Wall;
use crate::platform::socket_file::Id;
use std::collections::BTreeMap;
use std::time::Instant;

/// The watch over the emergency flags.
pub(super) const EMERGENCY: &str = "ringrift-emergency.path";

/// By service unit.
pub(super) type Revivals = BTreeMap<String, Revival>;

/// What the master did about a service that failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revival {
    /// Tries so far.
    pub(super) tries: u32,
    /// When the next one is due; nothing: it is not failed now, or is never tried again.
    pub(super) due: Option<Wall>,
}

/// What was seen of the sockets' files.
#[derive(Default)]
pub(super) struct SocketFiles {
    /// Each with when its unit changed its state last.
    pub(super) ids: BTreeMap<&'static str, (Option<Wall>, Id)>,
}

/// Whether the declared subscriptions stand.
#[derive(Debug, Default)]
pub(crate) struct Registration {
    pub(super) done: bool,
    pub(super) under_way: bool,
    pub(super) tries: u32,
    pub(super) not_before: Option<Instant>,
    /// The router's run at which they were made.
    pub(super) router_run: Option<String>,
}

impl Registration {
    /// All stand; those who cause events may start.
    pub(crate) fn stands(&self) -> bool {
        self.done
    }
    /// When to turn again for the next try.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.done || self.under_way { None } else { self.not_before }
    }
}
