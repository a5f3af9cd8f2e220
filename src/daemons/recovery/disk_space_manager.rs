//! DISK_SPACE_MANAGER: watches the disk and says when it is low. The coordinator refuses new work by the same
//! thresholds.
use crate::contract::config::{Config, Safeguards, Threshold};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events;
use crate::contract::health::{Health, HealthCause};
use crate::contract::paths;
use crate::contract::registry::declare;
use crate::coordination::threshold::{Level, level};
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks while there is too little room.
const RELIEF_INTERVAL: Duration = Duration::from_secs(15);

declare! {
    DiskSpaceManager {
        name: "DISK_SPACE_MANAGER",
        purpose: "Watches disk space and reports when it runs low",
        category: Category::Recovery,
        profiles: &[Profile::Standalone, Profile::Coordinator, Profile::TrainingNode, Profile::Ephemeral, Profile::Selfplay],
        depends_on: &[D::EventRouter],
        interval: 300,
        publishes: &[E::DiskSpaceLow, E::ResourceConstraint],
    }
    asks [host]
}

/// The daemon.
#[derive(Debug)]
pub struct DiskSpaceManager {
    safeguards: Safeguards,
    level: Level,
    inodes: Level,
}

impl Daemon for DiskSpaceManager {
    fn new(config: &Config) -> Self {
        DiskSpaceManager { safeguards: config.safeguards.clone(), level: Level::Normal, inodes: Level::Normal }
    }

    fn configure(&mut self, config: &Config) {
        self.safeguards = config.safeguards.clone();
    }

    fn save(&self) -> Option<Value> {
        Some(json!([self.level.name(), self.inodes.name()]))
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        let read = |value: &Value| {
            let name: String = serde_json::from_value(value.clone())?;
            Level::from_name(&name).ok_or_else(|| Unreadable::new(format!("no level is called {name:?}")))
        };
        // Before inodes were watched, one level was all.
        self.level = read(state.get(0).unwrap_or(&state))?;
        self.inodes = state.get(1).map(read).transpose()?.unwrap_or_default();
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start | Input::Tick { .. } => self.look(ports, out),
            _ => {}
        }
        Ok(())
    }
}

impl DiskSpaceManager {
    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) {
        let host = ports.host.snapshot();
        let Some(percent) = host.disk_percent else {
            out.health(Health {
                message: format!("how full {} is cannot be read", paths::STATE),
                ..Default::default()
            });
            return;
        };
        let hysteresis = self.safeguards.hysteresis;
        let free_gb = host.disk_free_bytes.unwrap_or(0) as f64 / 1e9;
        let before = self.level;
        self.level = level(before, percent, self.safeguards.disk, hysteresis);
        if self.level > before {
            out.publish(events::DiskSpaceLow {
                host: ports.host.node(),
                path: paths::STATE.into(),
                usage_percent: percent,
                free_gb,
                threshold: passed(self.level, self.safeguards.disk),
                level: self.level.name().into(),
            });
            if self.level == Level::Critical {
                out.publish(constraint(ports, "disk", percent, self.level, self.safeguards.disk));
            }
        }
        let before = self.inodes;
        let inodes = host.inode_percent.unwrap_or(0.0);
        self.inodes = level(before, inodes, self.safeguards.inodes, hysteresis);
        if self.inodes > before {
            out.publish(constraint(ports, "inodes", inodes, self.inodes, self.safeguards.inodes));
        }
        let line = format!("{} is {percent:.1} % full, {free_gb:.1} GB free", paths::STATE);
        let line =
            if self.inodes == Level::Normal { line } else { format!("{line}, {inodes:.1} % of its inodes are used") };
        let health = self.health(&line, host.space_refused);
        if !health.is_healthy() {
            // Room is made within seconds, and nobody may hear of a full disk for minutes after that.
            out.look_again(RELIEF_INTERVAL);
        }
        out.health(health);
        out.last(line);
    }

    fn health(&self, line: &str, refused: bool) -> Health {
        let (disk, inodes) = (self.safeguards.disk.critical, self.safeguards.inodes.critical);
        let health = match self.level.max(self.inodes) {
            // A quota, another file system, or a moment that has passed.
            _ if refused => {
                return Health::unhealthy(format!(
                    "{line}; a write failed within the last minute because no space was left"
                ));
            }
            Level::Normal => Health::healthy(line),
            Level::Warning => Health::degraded(format!(
                "{line}; jobs stop starting at {disk} % of the space or {inodes} % of the inodes"
            )),
            Level::Critical => {
                let hysteresis = self.safeguards.hysteresis;
                Health::unhealthy(format!(
                    "{line}; no job starts until less than {} % of the space and {} % of the inodes are used",
                    disk - hysteresis,
                    inodes - hysteresis
                ))
            }
        };
        health.caused_by(Some(HealthCause::Space).filter(|_| self.level.max(self.inodes) > Level::Normal))
    }
}

/// The threshold that a level passed.
fn passed(level: Level, threshold: Threshold) -> f64 {
    if level == Level::Critical { threshold.critical } else { threshold.warning }
}

fn constraint(
    ports: &Ports<'_>,
    what: &str,
    usage_percent: f64,
    level: Level,
    threshold: Threshold,
) -> events::ResourceConstraint {
    events::ResourceConstraint {
        node_id: ports.host.node(),
        resource_type: what.into(),
        usage_percent,
        threshold: passed(level, threshold),
        level: level.name().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::Payload;
    use crate::contract::health::HealthStatus;
    use crate::daemons::testing::build;

    #[test]
    fn says_each_rise_once() {
        let fakes = Fakes::new();
        let mut daemon: DiskSpaceManager = build();
        let mut at = |percent: Option<f64>| {
            fakes.host.hold().seen.disk_percent = percent;
            fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled")
        };
        assert!(at(Some(10.0)).events.is_empty());
        assert!(matches!(&at(Some(66.0)).events[..], [Payload::DiskSpaceLow(d)] if d.threshold == 65.0));
        assert!(at(Some(66.5)).events.is_empty());
        assert!(matches!(&at(Some(71.0)).events[..], [Payload::DiskSpaceLow(_), Payload::ResourceConstraint(_)]));
        assert_eq!(at(None).health.map(|h| h.status), Some(HealthStatus::Unknown));
        let back = at(Some(10.0));
        assert_eq!((back.events.len(), back.health.map(|h| h.status)), (0, Some(HealthStatus::Healthy)));
    }

    #[test]
    fn inodes_and_a_write_that_failed_are_told() {
        let fakes = Fakes::new();
        let mut daemon: DiskSpaceManager = build();
        let mut at = |inodes: f64, refused: bool| {
            let mut held = fakes.host.hold();
            let host = &mut held.seen;
            (host.disk_percent, host.inode_percent, host.space_refused) = (Some(10.0), Some(inodes), refused);
            drop(held);
            fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled")
        };
        assert!(at(10.0, false).events.is_empty());
        let full = at(95.0, false);
        assert!(
            matches!(&full.events[..], [Payload::ResourceConstraint(r)] if r.resource_type == "inodes" && r.threshold == 90.0)
        );
        let health = full.health.expect("a health");
        assert_eq!((health.status, health.cause()), (HealthStatus::Unhealthy, Some(HealthCause::Space)));
        assert_eq!(full.look_again, Some(RELIEF_INTERVAL), "it goes when there is room, not minutes later");
        assert!(at(95.0, false).events.is_empty(), "once");
        let refused = at(10.0, true).health.expect("a health");
        assert!(
            refused.status == HealthStatus::Unhealthy && refused.message.contains("no space was left"),
            "{refused:?}"
        );
        assert_eq!(refused.cause(), None, "a quota or another file system");
        let well = at(10.0, false);
        assert_eq!((well.health.map(|h| h.status), well.look_again), (Some(HealthStatus::Healthy), None));
    }
}
