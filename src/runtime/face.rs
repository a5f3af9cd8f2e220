//! What others see of the daemon: `STATUS=`, `status.json`, and the events about its state and health.
use super::places::Places;
use super::reporter::{Axis, Reporter};
use crate::contract::config::{Begun, Taken};
use crate::contract::health::{Health, HealthCause, HealthStatus, Idle, State, StatusFile};
use crate::platform::clock::now_us;
use crate::platform::notify;
use crate::platform::replace::{Outlives, replace};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A changed last action is shown at most this often; state and health are shown at once.
const PACE: Duration = Duration::from_secs(1);

/// What the runtime itself has to say about the daemon's health, beside what the daemon reports.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Troubles {
    /// A reload was refused.
    pub config: Option<String>,
    /// An input waits for a peer, or for room on the disk.
    pub peer: Option<String>,
    /// It is the room that it waits for.
    pub no_room: bool,
    /// The subscription is away.
    pub router: Option<String>,
    /// The last tick or the last event failed.
    pub failing: Option<String>,
    /// A dependency does not run.
    pub dependency: Option<String>,
    /// Its own socket cannot be reached.
    pub socket: Option<String>,
    /// What it remembered could not be read, or outputs had to be given up.
    pub state: Option<String>,
}

impl Troubles {
    fn all(&self) -> Vec<&str> {
        [&self.config, &self.peer, &self.router, &self.failing, &self.dependency, &self.socket, &self.state]
            .into_iter()
            .filter_map(|t| t.as_deref())
            .collect()
    }
}

/// The daemon as others see it.
pub struct Face {
    daemon: &'static str,
    file: PathBuf,
    reporter: Reporter,
    interval: Duration,
    /// Its state.
    pub state: State,
    /// As the daemon reports it.
    pub reported: Health,
    /// As the runtime sees it.
    pub troubles: Troubles,
    /// Why there is no work, which is no fault of the daemon's.
    pub standstill: Option<Idle>,
    /// What became of the configuration.
    pub config: Begun,
    /// What was done last.
    pub last: String,
    /// What the daemon shows beside that; null for most.
    pub snapshot: Value,
    shown: Option<(State, Health, String, Taken, Value)>,
    shown_at: Instant,
    /// The last action has changed since.
    behind: bool,
    told: Option<(State, HealthStatus)>,
    /// What the last health event said.
    published: Option<(State, Health)>,
    beat: Instant,
    turn: Duration,
}

impl Face {
    /// A daemon that is INITIALIZING.
    pub fn new(places: &Places, reporter: Reporter, interval: Duration, turn: Duration, config: Begun) -> Face {
        Face {
            daemon: places.daemon.name(),
            file: places.runtime.join("status.json"),
            reporter,
            interval,
            state: State::Initializing,
            reported: Health::default(),
            troubles: Troubles::default(),
            standstill: None,
            config,
            last: String::new(),
            snapshot: Value::Null,
            shown: None,
            shown_at: Instant::now(),
            behind: false,
            told: None,
            published: None,
            beat: Instant::now() + interval,
            turn,
        }
    }
    /// The time between health reports.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
        self.beat = self.beat.min(Instant::now() + interval);
    }
    /// The publisher of events about the daemon.
    pub fn reporter(&self) -> &Reporter {
        &self.reporter
    }
    /// When there is something to show; None where it can wait for the main loop's next turn.
    pub fn due(&self) -> Option<Instant> {
        let report = (self.interval < self.turn).then_some(self.beat);
        let last = self.behind.then(|| self.shown_at + PACE);
        report.into_iter().chain(last).min()
    }

    /// Health with the runtime's troubles: they make a healthy daemon degraded, and are reported beside its own.
    pub fn health(&self) -> Health {
        let troubles = self.troubles.all();
        let mut health = self.reported.clone();
        if troubles.is_empty() && self.standstill.is_none() {
            return health;
        }
        if troubles.is_empty() {
            // It works; there is nothing to work on.
        } else if health.status == HealthStatus::Healthy
            || (health.status == HealthStatus::Unknown && self.state != State::Initializing)
        {
            health.status = HealthStatus::Degraded;
        }
        if !troubles.is_empty() {
            health = health.caused_by(self.misses_only_room(troubles.len()).then_some(HealthCause::Space));
        }
        let own = std::mem::take(&mut health.message);
        let idle = self.standstill.as_ref().map(Idle::to_string);
        let parts: Vec<&str> = troubles
            .into_iter()
            .chain(idle.as_deref())
            .chain(std::iter::once(own.as_str()))
            .filter(|p| !p.is_empty())
            .collect();
        health.message = parts.join("; ");
        health
    }

    /// Whether all that is wrong, with so many troubles, is the room that is missing.
    fn misses_only_room(&self, troubles: usize) -> bool {
        let is_well = !matches!(self.reported.status, HealthStatus::Degraded | HealthStatus::Unhealthy);
        troubles == 1 && self.troubles.no_room && (is_well || self.reported.cause() == Some(HealthCause::Space))
    }

    /// The line for `STATUS=`: `RUNNING (healthy): 3 queued; last: …`.
    pub fn line(&self) -> String {
        let health = self.health();
        let mut line = format!("{} ({})", self.state, health.status);
        if !health.message.is_empty() {
            line.push_str(": ");
            line.push_str(&health.message);
        }
        if !self.last.is_empty() {
            line.push_str("; last: ");
            line.push_str(&self.last);
        }
        line
    }

    /// Shows what has changed. At the health interval the file is written again, which says that the daemon lives, and
    /// an event is published if health is not what the last one said.
    pub fn refresh(&mut self) {
        let now = Instant::now();
        let health = self.health();
        let due = now >= self.beat;
        let current =
            (self.state, health.clone(), self.last.clone(), self.config.said().clone(), self.snapshot.clone());
        let changed = match &self.shown {
            None => true,
            Some(shown) if *shown == current => false,
            Some((state, old, _, read, _)) => {
                *state != self.state || *old != health || read != self.config.said() || now >= self.shown_at + PACE
            }
        };
        self.behind = !changed && self.shown.as_ref() != Some(&current);
        if changed {
            notify::status(self.line());
        }
        if changed || due {
            self.write(&health);
            self.shown = Some(current);
            self.shown_at = now;
            self.behind = false;
        }
        self.tell(&health);
        if due {
            self.beat = now + self.interval;
            if self.is_news(&health) {
                self.reporter.health(self.state, &health);
            }
        }
    }

    /// Whether a health event would say more than the last one, which is remembered as this one then.
    fn is_news(&mut self, health: &Health) -> bool {
        let said = Some((self.state, health.clone()));
        let news = self.state != State::Initializing && self.published != said;
        if news {
            self.published = said;
        }
        news
    }

    /// Events about changes between the states of a daemon that is ready; starting and stopping have their own.
    fn tell(&mut self, health: &Health) {
        if !matches!(self.state, State::Running | State::Paused) {
            return;
        }
        if let Some((state, status)) = self.told {
            if state != self.state {
                self.reporter.changed(Axis::State, &state.to_string(), &self.state.to_string(), health);
            }
            if status != health.status {
                self.reporter.changed(Axis::Health, &status.to_string(), &health.status.to_string(), health);
            }
        }
        self.told = Some((self.state, health.status));
    }

    fn write(&self, health: &Health) {
        let file = StatusFile {
            daemon: self.daemon.into(),
            state: self.state,
            health: health.clone(),
            last: self.last.clone(),
            time_us: now_us(),
            valid_for: u32::try_from(self.interval.as_secs()).unwrap_or(u32::MAX).saturating_mul(2).saturating_add(10),
            config: Some(self.config.said().clone()),
            idle: self.standstill.clone(),
            snapshot: self.snapshot.clone(),
        };
        let written = serde_json::to_vec(&file)
            .map_err(std::io::Error::from)
            .and_then(|bytes| replace(&self.file, &bytes, 0o644, Outlives::Kill));
        if let Err(error) = written {
            tracing::debug!(%error, "cannot show the status");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::config::{Config, Reader};
    use crate::contract::ids::NodeId;
    use crate::contract::registry::DaemonType;

    fn face(run: &std::path::Path) -> Face {
        let path = run.to_owned();
        let (daemon, name) = (DaemonType::DlqRetry, "dlq-retry".to_owned());
        let places =
            Places { daemon, name, run: path.clone(), runtime: path.clone(), state: path.clone(), all_state: path };
        let reporter = Reporter::new(&places, NodeId::new("n1").expect("an id"));
        let config = Begun::with(&Config::default(), Reader::Daemon(daemon), 0);
        Face::new(&places, reporter, Duration::ZERO, Duration::from_secs(10), config)
    }

    /// What the daemon says of a cause holds only while nothing else is wrong; a full disk that an input waits for is
    /// one itself.
    #[test]
    fn health_names_a_cause_only_where_all_of_it_comes_from_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut face = face(dir.path());
        face.state = State::Running;
        face.reported = Health::degraded("training 1 failed")
            .caused_by(HealthCause::Jobs(crate::contract::workload::JobType::Training));
        assert_eq!(face.health().cause(), face.reported.cause());
        (face.troubles.peer, face.troubles.no_room) = (Some("waiting: the disk is full".into()), true);
        assert_eq!(face.health().cause(), None, "jobs and room");
        face.reported = Health::healthy("works");
        assert_eq!(face.health().cause(), Some(HealthCause::Space));
        face.troubles.router = Some("the subscription is away".into());
        assert_eq!(face.health().cause(), None, "room and the router");
        face.troubles = Troubles { router: face.troubles.router.take(), ..Troubles::default() };
        assert_eq!(face.health().cause(), None);
    }

    #[test]
    fn unchanged_health_goes_to_the_file_and_is_one_event() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut face = face(dir.path());
        assert!(!face.is_news(&Health::default()), "before it is ready it has nothing to say");
        face.state = State::Running;
        face.reported = Health::healthy("works");
        for _ in 0..2 {
            face.refresh();
            std::fs::remove_file(dir.path().join("status.json")).expect("written each time");
        }
        face.snapshot = serde_json::json!({ "stages": [] });
        face.refresh();
        let written = std::fs::read(dir.path().join("status.json")).expect("written");
        let file: StatusFile = serde_json::from_slice(&written).expect("a report");
        assert_eq!(file.snapshot, face.snapshot);
        assert!(!face.is_news(&Health::healthy("works")), "said already");
        assert!(face.is_news(&Health::healthy("works again")));
    }
}
