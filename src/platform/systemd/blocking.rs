//! A blocking view of systemd for programs without a runtime of their own: daemons, hubs, the command line. Starts
//! nothing.
use super::bus::{self, Systemd};
use super::{ServiceError, ServiceManager};
use crate::contract::health::StatusFile;
use crate::contract::host::UnitView;
use crate::contract::paths;
use crate::contract::ports::Units;
use crate::contract::text::clean_json;
use futures_util::future::join_all;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// Looks at units. Connects when first asked and again after the bus was lost; any user may use it. Not for async code:
/// it blocks the thread.
#[derive(Debug)]
pub struct SystemdView {
    address: Option<String>,
    run: PathBuf,
    link: Mutex<Option<(Runtime, Systemd)>>,
}

impl Default for SystemdView {
    fn default() -> Self {
        SystemdView::new()
    }
}

impl SystemdView {
    /// On the system bus.
    pub fn new() -> Self {
        SystemdView { address: None, run: paths::RUN.into(), link: Mutex::new(None) }
    }

    /// On another bus, with another directory for /run/ringrift.
    pub fn at(address: Option<String>, run: impl Into<PathBuf>) -> Self {
        SystemdView { address, run: run.into(), link: Mutex::new(None) }
    }

    /// Runs one question; a lost connection is forgotten, so that the next question connects again.
    fn ask<T>(&self, question: impl AsyncFnOnce(&Systemd) -> Result<T, ServiceError>) -> Result<T, ServiceError> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.is_none() {
            let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| ServiceError::Other {
                operation: "starting",
                unit: "the bus client".into(),
                why: e.to_string(),
            })?;
            let systemd =
                runtime.block_on(async { Systemd::looking(bus::connect(self.address.as_deref()).await?).await })?;
            *link = Some((runtime, systemd));
        }
        let Some((runtime, systemd)) = link.as_ref() else { unreachable!("connected above") };
        let answer = runtime.block_on(question(systemd));
        if matches!(answer, Err(ServiceError::Unreachable { .. })) {
            *link = None;
        }
        answer
    }

    /// Units by name or shell glob, with the error's kind.
    pub fn look(&self, patterns: &[&str]) -> Result<Vec<UnitView>, ServiceError> {
        match self.ask(async |systemd| systemd.list(patterns).await) {
            // The bus may have been restarted since the last question.
            Err(ServiceError::Unreachable { .. }) => self.ask(async |systemd| systemd.list(patterns).await),
            other => other,
        }
    }

    /// Names of the units that run or start, by a shell glob; one question, however many there are.
    pub fn running(&self, pattern: &str) -> Result<Vec<String>, ServiceError> {
        match self.ask(async |systemd| systemd.running(pattern).await) {
            // The bus may have been restarted since the last question.
            Err(ServiceError::Unreachable { .. }) => self.ask(async |systemd| systemd.running(pattern).await),
            other => other,
        }
    }

    /// Sends SIGKILL to every process of the units, all at once; the first refusal is returned. A slice means all that
    /// is below it.
    pub fn kill(&self, units: &[String]) -> Result<(), ServiceError> {
        self.ask(async |systemd| join_all(units.iter().map(|unit| systemd.kill(unit))).await.into_iter().collect())
    }

    /// Queues a stop and does not wait for its end.
    pub fn stop(&self, unit: &str) -> Result<(), ServiceError> {
        self.ask(async |systemd| systemd.stop(unit).await.map(drop))
    }

    /// systemd's version, 252 say.
    pub fn version(&self) -> Result<u32, ServiceError> {
        self.ask(async |systemd| systemd.version().await)
    }
}

impl Units for SystemdView {
    fn list(&self, patterns: &[&str]) -> Result<Vec<UnitView>, String> {
        self.look(patterns).map_err(|e| e.to_string())
    }

    fn status_file(&self, kebab: &str) -> Option<StatusFile> {
        let text = std::fs::read(self.run.join(kebab).join("status.json")).ok()?;
        // Half a file cannot be seen, it is written by rename; one of a newer version is no report of this one.
        serde_json::from_slice(&text).map(clean_json).and_then(serde_json::from_value).ok()
    }
}
