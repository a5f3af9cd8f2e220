//! What the master offers on D-Bus, and the control file by which it pauses daemons.
use super::text::one_line;
use crate::contract::time::{Span, Wall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The bus name; a single instance owns it.
pub const BUS_NAME: &str = "org.ringrift.Master1";
/// The object's path.
pub const OBJECT_PATH: &str = "/org/ringrift/Master1";
/// The interface.
pub const INTERFACE: &str = "org.ringrift.Master1";
/// The polkit action for everything that changes something.
pub const ACTION_CONTROL: &str = "org.ringrift.master1.control";

/// `/run/ringrift/control/<kebab>`: written by the master, watched by the runtime. No file: not paused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Control {
    /// Whether the daemon shall pause.
    pub paused: bool,
    /// Why.
    #[serde(default, deserialize_with = "one_line")]
    pub reason: String,
    /// Who said so.
    #[serde(default)]
    pub who: String,
    /// When, microseconds since 1970.
    #[serde(default)]
    pub when_us: Wall,
}

/// The name, beside the control files, of the master's list of daemons that have failed for good.
pub const FAILED_FILE: &str = "failed.json";

/// Daemons that have failed for good, by their SCREAMING names; written by the master, read by those that depend on
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FailedDaemons {
    /// In the registry's order.
    pub failed: Vec<String>,
}

/// What applying a profile does or would do. Daemons by their SCREAMING names, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The profile.
    pub profile: String,
    /// Will start, dependencies first.
    pub start: Vec<String>,
    /// Will stop, dependents first.
    pub stop: Vec<String>,
    /// Run already and stay.
    pub stay: Vec<String>,
    /// Members that are not built yet.
    pub planned: Vec<String>,
    /// Members kept out by `enabled: false` or `master.skip_daemons`, with the key that says so.
    pub disabled: Vec<String>,
}

/// What the master wants of one daemon, and who said so. All times in microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wish {
    /// It shall run.
    #[serde(default)]
    pub desired: bool,
    /// Who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// It went down in order, but not through the master.
    #[serde(default)]
    pub stopped_outside: bool,
    /// The key that keeps it out of every profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// Why its start is held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Since when it is not up although it shall be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_since_us: Option<Wall>,
    /// When it is tried again, after it had failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_us: Option<Wall>,
}

/// A unit's restarts after failures, as the master saw them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RestartLog {
    /// systemd's count at the last look.
    pub count: u32,
    /// Those of the last minutes, microseconds since 1970, the oldest first.
    #[serde(default)]
    pub times_us: Vec<Wall>,
}

/// A jump of the wall clock that the master saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJump {
    /// By how much, microseconds; negative: backwards.
    pub by_us: Span,
    /// When, by the new time.
    pub at_us: Wall,
}

/// What stands in the master's status file as its snapshot.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MasterView {
    /// How well the loop is.
    #[serde(flatten)]
    pub health: MasterHealth,
    /// Seconds between turns at most.
    #[serde(default)]
    pub interval: u32,
    /// What it wants of each built daemon that is wanted, was stopped or is disabled, by SCREAMING name.
    #[serde(default)]
    pub wishes: BTreeMap<String, Wish>,
    /// What it cannot do at the moment, by topic.
    #[serde(default)]
    pub troubles: BTreeMap<String, String>,
    /// Restarts of units after failures, by unit; older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<BTreeMap<String, RestartLog>>,
    /// The last jump of the clock within the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_jump: Option<ClockJump>,
}

/// The master's health; the original's `check_health`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MasterHealth {
    /// The last beat is young enough and nothing desired is down.
    pub healthy: bool,
    /// Turns of the loop since start.
    pub loop_iteration: u64,
    /// Age of the last beat.
    pub age_seconds: f64,
    /// The applied profile.
    pub profile: String,
    /// What keeps it from being healthy.
    pub problems: Vec<String>,
}
