//! States and health: two facts about a daemon that are never mixed.
use super::workload::JobType;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a daemon is doing, as users see it: the earlier implementation's states, and the four that it lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not built yet; cannot be started.
    Planned,
    /// Never started since boot, and not part of the applied profile.
    #[serde(rename = "NEVER_RAN")]
    NeverRan,
    /// Waits for a dependency, which is named beside it.
    Blocked,
    /// Started, loading its state.
    #[serde(alias = "STARTING")]
    Initializing,
    /// Active and processing.
    Running,
    /// Temporarily stopped by an operator; resumes.
    Paused,
    /// Runs, but its health report is older than it may be.
    Stale,
    /// Draining after SIGTERM.
    #[serde(rename = "SHUTTING_DOWN", alias = "STOPPING")]
    ShuttingDown,
    /// Cleanly stopped.
    Stopped,
    /// Cannot start: bad configuration or missing program.
    #[serde(rename = "CANNOT_START")]
    CannotStart,
    /// Gave up after its restarts.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Planned => "PLANNED",
            State::NeverRan => "NEVER_RAN",
            State::Blocked => "BLOCKED",
            State::Initializing => "INITIALIZING",
            State::Running => "RUNNING",
            State::Paused => "PAUSED",
            State::Stale => "STALE",
            State::ShuttingDown => "SHUTTING_DOWN",
            State::Stopped => "STOPPED",
            State::CannotStart => "CANNOT_START",
            State::Failed => "FAILED",
        })
    }
}

/// How well a running daemon works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Normal operation.
    Healthy,
    /// Working but with issues.
    Degraded,
    /// Not functioning.
    Unhealthy,
    /// Cannot be determined; never counted as healthy.
    #[default]
    Unknown,
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Unhealthy => "unhealthy",
            HealthStatus::Unknown => "unknown",
        })
    }
}

/// The result of a health check.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    /// The verdict.
    pub status: HealthStatus,
    /// One line for people.
    pub message: String,
    /// Numbers and names behind the verdict.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub details: serde_json::Map<String, serde_json::Value>,
}

impl Health {
    /// Works normally.
    pub fn healthy(message: impl Into<String>) -> Self {
        Health { status: HealthStatus::Healthy, message: message.into(), details: Default::default() }
    }
    /// Works with issues.
    pub fn degraded(message: impl Into<String>) -> Self {
        Health { status: HealthStatus::Degraded, message: message.into(), details: Default::default() }
    }
    /// Does not work.
    pub fn unhealthy(message: impl Into<String>) -> Self {
        Health { status: HealthStatus::Unhealthy, message: message.into(), details: Default::default() }
    }
    /// Adds a detail.
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }
    /// With where the trouble comes from; None takes it away.
    pub fn caused_by(mut self, cause: impl Into<Option<HealthCause>>) -> Self {
        match cause.into().map(serde_json::to_value) {
            Some(Ok(value)) => self.with(CAUSE, value),
            Some(Err(_)) | None => {
                self.details.remove(CAUSE);
                self
            }
        }
    }
    /// Where the trouble comes from, by the report itself; one of another version may say what is not known here, which
    /// is nothing.
    pub fn cause(&self) -> Option<HealthCause> {
        serde_json::from_value(self.details.get(CAUSE)?.clone()).ok()
    }
    /// As one boolean: neither unhealthy nor unknown.
    pub fn is_healthy(&self) -> bool {
        matches!(self.status, HealthStatus::Healthy | HealthStatus::Degraded)
    }
}

/// Where the trouble of a process comes from, if it knows: something that is seen and shown by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthCause {
    /// The state directory's file system has little room, or few inodes.
    Space,
    /// Jobs of a type fail.
    Jobs(JobType),
}

/// Its place among the details.
const CAUSE: &str = "cause";

/// Why a daemon that works has no work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Idle {
    /// The coordinator grants nothing to anybody.
    LoopStands {
        /// Why, by the coordinator's account.
        reason: String,
    },
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Idle::LoopStands { reason } => write!(f, "the loop stands still: {reason}"),
        }
    }
}

/// The file `/run/ringrift/<daemon>/status.json`: what a process last said about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusFile {
    /// SCREAMING name, as in AUTO_EXPORT.
    pub daemon: String,
    /// Its state by its own account.
    pub state: State,
    /// Its health.
    pub health: Health,
    /// The last event or action, one line.
    pub last: String,
    /// When it was written, microseconds since 1970.
    pub time_us: i64,
    /// Seconds after which it is stale.
    pub valid_for: u32,
    /// What it made of its configuration; absent from programs of other versions and from those that read none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<super::config::Taken>,
    /// Why it has no work, if it says so; older versions do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// Anything a hub wants to show while it is away (queue depth, log length …).
    #[serde(default)]
    pub snapshot: serde_json::Value,
}

/// When a process last said something about itself, and for how long that holds: all that is read of its status file by
/// who only asks whether it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SignOfLife {
    /// When it was written, microseconds since 1970.
    pub time_us: i64,
    /// Seconds after which it is stale.
    pub valid_for: u32,
}

impl SignOfLife {
    /// Its age in seconds if it is too old to count.
    pub fn stale_for(&self, now_us: i64) -> Option<i64> {
        let age = now_us.saturating_sub(self.time_us) / 1_000_000;
        (age > i64::from(self.valid_for)).then_some(age)
    }
}

/// What the coordinator's status file says of what it grants: the first reason for which that is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granting {
    /// When it said so.
    pub sign: SignOfLife,
    /// Why nothing is granted, if nothing is.
    pub blocked: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_trouble_comes_from_is_read_back_and_what_is_not_understood_is_nothing() {
        for cause in [HealthCause::Space, HealthCause::Jobs(JobType::Training)] {
            let health = Health::degraded("x").caused_by(cause);
            let back: Health = serde_json::from_value(serde_json::to_value(&health).expect("JSON")).expect("its own");
            assert_eq!(back.cause(), Some(cause));
            assert_eq!(back.caused_by(None), Health::degraded("x"));
        }
        assert_eq!(Health::degraded("x").with("cause", "the weather").cause(), None);
    }

    #[test]
    fn a_report_of_an_older_version_says_nothing_of_idleness() {
        let old = r#"{"daemon":"AUTO_EXPORT","state":"RUNNING","health":{"status":"healthy","message":"fine"},"last":"","time_us":1,
            "valid_for":60,"snapshot":null}"#;
        let mut report: StatusFile = serde_json::from_str(old).expect("an old report");
        assert_eq!(report.idle, None);
        assert!(!serde_json::to_string(&report).expect("JSON").contains("idle"));
        report.idle = Some(Idle::LoopStands { reason: "emergency halt by root: smoke".into() });
        let again: StatusFile = serde_json::from_value(serde_json::to_value(&report).expect("JSON")).expect("its own");
        assert_eq!(again, report);
        assert_eq!(
            report.idle.map(|i| i.to_string()).as_deref(),
            Some("the loop stands still: emergency halt by root: smoke")
        );
    }
}
