//! systemd over D-Bus: one trait for what the master asks of it, the real one, and a blocking view for those who only
//! look.
mod blocking;
mod bus;
mod call;
mod jobs;
mod limits;
mod view;

pub use blocking::SystemdView;
pub use bus::{Change, Systemd, connect};

use crate::contract::cpus::CpuList;
use crate::contract::host::UnitView;
use std::future::Future;
use tokio::sync::oneshot;

/// Why systemd did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// No unit of this name, or it could not be loaded.
    #[error("{operation} {unit}: {why}; check that the package is installed completely")]
    NoSuchUnit {
        /// Gerund, as in "starting".
        operation: &'static str,
        /// The unit.
        unit: String,
        /// systemd's words.
        why: String,
    },
    /// polkit refused.
    #[error(
        "{operation} {unit}: not permitted ({why}); the package's polkit rule allows it to user ringrift-master only"
    )]
    Denied {
        /// Gerund.
        operation: &'static str,
        /// The unit.
        unit: String,
        /// polkit's words.
        why: String,
    },
    /// The bus or systemd does not answer.
    #[error("{operation} {unit}: systemd does not answer on the bus ({why})")]
    Unreachable {
        /// Gerund.
        operation: &'static str,
        /// The unit, or what else was asked about.
        unit: String,
        /// The bus's words.
        why: String,
    },
    /// It would undo what is queued already, a stop of the suite say.
    #[error("{operation} {unit}: {why}")]
    Conflict {
        /// Gerund.
        operation: &'static str,
        /// The unit.
        unit: String,
        /// systemd's words.
        why: String,
    },
    /// Something else.
    #[error("{operation} {unit}: {why}")]
    Other {
        /// Gerund.
        operation: &'static str,
        /// The unit.
        unit: String,
        /// systemd's words.
        why: String,
    },
}

/// What a queued job ends with when the bus went away before its end was reported.
pub const LOST: &str = "lost";

/// A queued job of systemd's; its end comes later.
#[derive(Debug)]
pub struct Queued(oneshot::Receiver<String>);

impl Queued {
    /// Around the channel on which the result will come.
    pub fn new(result: oneshot::Receiver<String>) -> Self {
        Queued(result)
    }
    /// Waits for systemd's word: done, canceled, timeout, failed, dependency, skipped; `lost` when the bus went away
    /// before it.
    pub async fn result(self) -> String {
        self.0.await.unwrap_or_else(|_| LOST.into())
    }
}

/// Limits of one job's unit, set for this boot only. RuntimeMaxSec is not among them: systemd (252 and 257) lets nobody
/// change it on an installed unit, it answers PropertyReadOnly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitLimits {
    /// MemoryMax in bytes.
    pub memory_max: Option<u64>,
    /// TasksMax: processes and threads.
    pub tasks_max: Option<u64>,
    /// AllowedCPUs, which the slice of the job's type gets; all when absent.
    pub cpus: Option<CpuList>,
}

/// What the master asks of systemd.
pub trait ServiceManager {
    /// Units by name or shell glob. Names are answered even where there is no such unit (`load_state` not-found).
    /// Globs, and instances of templates (names with `@`), are looked for among what is loaded: asking for an instance
    /// by name loads it.
    fn list(&self, patterns: &[&str]) -> impl Future<Output = Result<Vec<UnitView>, ServiceError>>;
    /// Queues a start that replaces conflicting jobs.
    fn start(&self, unit: &str) -> impl Future<Output = Result<Queued, ServiceError>>;
    /// Queues a start unless it would undo a job that is queued already: what nobody asked for never works against a
    /// stop.
    fn start_if_free(&self, unit: &str) -> impl Future<Output = Result<Queued, ServiceError>>;
    /// Queues a stop.
    fn stop(&self, unit: &str) -> impl Future<Output = Result<Queued, ServiceError>>;
    /// Queues a restart.
    fn restart(&self, unit: &str) -> impl Future<Output = Result<Queued, ServiceError>>;
    /// Queues a reload, which systemd passes on to units with ReloadPropagatedFrom=.
    fn reload(&self, unit: &str) -> impl Future<Output = Result<Queued, ServiceError>>;
    /// Sends SIGKILL to all processes of the unit.
    fn kill(&self, unit: &str) -> impl Future<Output = Result<(), ServiceError>>;
    /// Forgets the unit's failure, its restart counter and its start limit.
    fn reset_failed(&self, unit: &str) -> impl Future<Output = Result<(), ServiceError>>;
    /// Sets limits until the next boot; what the unit has already is not set again.
    fn set_limits(&self, unit: &str, limits: &UnitLimits) -> impl Future<Output = Result<(), ServiceError>>;
    /// Whether a stop of the unit is queued or under way.
    fn is_stopping(&self, unit: &str) -> impl Future<Output = Result<bool, ServiceError>>;
    /// systemd's version, 252 say.
    fn version(&self) -> impl Future<Output = Result<u32, ServiceError>>;
}
