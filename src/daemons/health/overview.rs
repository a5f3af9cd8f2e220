//! What HEALTH_SERVER knows at a moment: every daemon's state and health, from systemd and from what the processes last said.
use super::health_server::Ports;
use crate::contract::health::{Health, HealthStatus, State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::registry::{self, DaemonSpec, DaemonType, Profile};
use crate::coordination::state::{Facts, assess};
use serde_json::{Map, Value, json};

/// One daemon.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub spec: &'static DaemonSpec,
    pub state: State,
    pub reason: String,
    pub health: Health,
    pub unit: Option<UnitView>,
    pub desired: bool,
}

/// Everything.
#[derive(Debug, Clone)]
pub(super) struct Overview {
    pub profile: Option<Profile>,
    pub master: bool,
    pub lines: Vec<Line>,
    pub router: Option<StatusFile>,
    pub coordinator: Option<StatusFile>,
}

impl Overview {
    /// Looks. An error means that systemd did not answer; then nothing is known.
    pub fn look(ports: &Ports<'_>, disabled: &[DaemonType]) -> Result<Overview, String> {
        let units = ports.units.list(&["ringrift-*.service"])?;
        let find = |name: &str| units.iter().find(|u| u.name == name).cloned();
        let master = find("ringrift-master.service").is_some_and(|u| u.active_state == "active");
        let said = ports.units.status_file("master");
        let profile = said.as_ref().and_then(|s| s.snapshot.get("profile")).and_then(Value::as_str).and_then(Profile::parse);
        let mut wanted = profile.map(Profile::members).unwrap_or_default();
        // What the configuration keeps out of every profile is not missed.
        wanted.retain(|daemon| !disabled.contains(daemon));
        let now_us = ports.clock.now_us();
        let lines = registry::all()
            .map(|spec| {
                let unit = find(&spec.daemon.unit());
                let report = ports.units.status_file(&spec.daemon.kebab());
                let desired = wanted.contains(&spec.daemon);
                let facts = Facts {
                    spec,
                    unit: unit.as_ref(),
                    report: report.as_ref(),
                    control: None,
                    desired,
                    held: None,
                    blocked_since_us: None,
                    now_us,
                };
                let verdict = assess(&facts);
                Line { spec, state: verdict.state, reason: verdict.reason, health: verdict.health, unit, desired }
            })
            .collect();
        let (router, coordinator) = (ports.units.status_file("event-router"), ports.units.status_file("coordinator"));
        Ok(Overview { profile, master, lines, router, coordinator })
    }

    fn members(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|l| l.desired && l.spec.is_built())
    }

    /// Liveness: the master and the profile's critical daemons run.
    pub fn liveness(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.master {
            problems.push("ringrift-master.service is not running; start ringrift-master.target".into());
        }
        if self.profile.is_none() {
            // Without a profile nobody knows which daemons are critical here, and not knowing is not being well.
            problems.push("which profile is applied is not known; `ringrift profile apply NAME` applies one".into());
        }
        let dead = |l: &&Line| l.spec.critical && !matches!(l.state, State::Running | State::Paused | State::Stale);
        problems.extend(self.members().filter(dead).map(problem));
        problems
    }

    /// Readiness: and every member of the profile is up and not unhealthy.
    pub fn readiness(&self) -> Vec<String> {
        let mut problems = self.liveness();
        let lame = |l: &&Line| !matches!(l.state, State::Running | State::Paused) || l.health.status == HealthStatus::Unhealthy;
        for line in self.members().filter(lame) {
            let text = problem(line);
            if !problems.contains(&text) {
                problems.push(text);
            }
        }
        problems
    }

    /// One daemon for people and programs.
    pub fn daemon(line: &Line) -> Value {
        let unit = line.unit.as_ref();
        json!({
            "state": line.state, "reason": line.reason, "healthy": line.health.is_healthy(), "status": line.health.status,
            "message": line.health.message, "details": line.health.details, "unit": line.spec.daemon.unit(),
            "category": line.spec.category.name(), "critical": line.spec.critical, "desired": line.desired,
            "restarts": unit.and_then(|u| u.restarts), "main_pid": unit.and_then(|u| u.main_pid),
            "memory_bytes": unit.and_then(|u| u.memory_bytes), "since_us": unit.and_then(|u| u.since_us),
        })
    }

    /// All daemons by name.
    pub fn daemons(&self) -> Map<String, Value> {
        self.lines.iter().map(|l| (l.spec.name.to_owned(), Overview::daemon(l))).collect()
    }
}

fn problem(line: &Line) -> String {
    let why = if line.reason.is_empty() { &line.health.message } else { &line.reason };
    format!("{} is {} ({}): {why}", line.spec.name, line.state, line.health.status)
}
