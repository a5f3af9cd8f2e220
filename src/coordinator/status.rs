//! `status.json` and `STATUS=`: what the coordinator says about itself to those who only look.
use super::query;
use super::writer::Core;
use crate::contract::config::Begun;
use crate::contract::coordinator::{CoordinatorStatus, WorkStatus};
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::messages;
use crate::platform::replace::{Outlives, replace};
use crate::platform::socket_file::SocketFile;
use crate::platform::{clock, notify};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two writes at least.
const SHORTEST: Duration = Duration::from_secs(1);
/// Between two writes at most.
const LONGEST: Duration = Duration::from_secs(10);

/// Writes the file when something changed, not too often and not too seldom.
pub struct StatusWriter {
    path: Option<PathBuf>,
    written: Option<Instant>,
    changed: bool,
    last: String,
    sockets: Vec<SocketFile>,
    trouble: Option<String>,
    /// What became of the configuration.
    pub config: Begun,
}

impl StatusWriter {
    /// Into this directory, if there is one.
    pub fn new(dir: Option<&Path>, sockets: Vec<SocketFile>, config: Begun) -> Self {
        let path = dir.map(|d| d.join("status.json"));
        StatusWriter { path, written: None, changed: true, last: "started".into(), sockets, trouble: None, config }
    }
    /// Looks whether the sockets can be reached.
    fn look(&mut self) {
        let trouble = self.sockets.iter().find_map(SocketFile::trouble);
        if let Some(why) = trouble.as_ref().filter(|_| self.trouble.is_none()) {
            tracing::error!(MESSAGE_ID = messages::SOCKET_GONE, "{why}");
        }
        self.changed |= trouble != self.trouble;
        self.trouble = trouble;
    }
    /// Something changed.
    pub fn touch(&mut self) {
        self.changed = true;
    }
    /// Something changed that is not written yet.
    pub fn is_touched(&self) -> bool {
        self.changed
    }
    /// The last action, one line.
    pub fn note(&mut self, what: impl Into<String>) {
        self.last = what.into();
        self.changed = true;
    }
    /// How long nothing needs to be written.
    pub fn pause(&self) -> Duration {
        let Some(written) = self.written else { return Duration::ZERO };
        (if self.changed { SHORTEST } else { LONGEST }).saturating_sub(written.elapsed())
    }
    /// Writes if it is time.
    pub fn turn(&mut self, core: &Core, state: State) {
        self.look();
        if self.pause().is_zero() {
            self.write(core, state);
        }
    }
    /// Writes, whenever the last time was.
    pub fn write(&mut self, core: &Core, state: State) {
        (self.written, self.changed) = (Some(Instant::now()), false);
        let (health, snapshot) = match core.change(query::status) {
            Ok(status) => (judge(&status, self.trouble.as_deref()), serde_json::to_value(&status).unwrap_or_default()),
            Err(refusal) => (Health::unhealthy(refusal.to_string()), serde_json::Value::Null),
        };
        notify::status(&health.message);
        let Some(path) = &self.path else { return };
        let file = StatusFile {
            daemon: "COORDINATOR".into(),
            state,
            health,
            last: self.last.clone(),
            time_us: clock::now_us(),
            valid_for: 30,
            config: Some(self.config.said().clone()),
            idle: None,
            snapshot,
        };
        let written = serde_json::to_vec(&file)
            .map_err(io::Error::from)
            .and_then(|bytes| replace(path, &bytes, 0o644, Outlives::Kill));
        if let Err(error) = written {
            tracing::warn!(%error, "cannot write the status file");
        }
    }
}

fn judge(status: &CoordinatorStatus, socket: Option<&str>) -> Health {
    let [pending, claimed, running] =
        [WorkStatus::Pending, WorkStatus::Claimed, WorkStatus::Running].map(|s| status.count(s));
    let mut message = format!("{running} running, {claimed} starting, {pending} waiting");
    // Gates, limits, a pause and a halt are no fault of the coordinator: they are said, and judged by who looks.
    let mut troubles: Vec<String> = socket.map(str::to_owned).into_iter().collect();
    if status.fenced > 0 {
        troubles.push(format!("{} fenced off but not stopped yet", status.fenced));
    }
    if status.outbox > 256 {
        troubles.push(format!("{} in the outbox for the router", crate::contract::text::count(status.outbox, "event")));
    }
    if status.outbox_refused > 0 {
        troubles.push(format!(
            "{} rejected by the router, see outbox_refused",
            crate::contract::text::count(status.outbox_refused, "event")
        ));
    }
    for said in troubles.iter().chain(&status.blocked).chain(&status.narrowed) {
        message = format!("{message}; {said}");
    }
    if troubles.is_empty() { Health::healthy(message) } else { Health::degraded(message) }
}
