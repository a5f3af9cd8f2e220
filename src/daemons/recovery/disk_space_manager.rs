//! DISK_SPACE_MANAGER: watches the disk and says when it is low. The coordinator refuses new work by the same thresholds.
use crate::contract::config::{Config, Safeguards};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events;
use crate::contract::health::Health;
use crate::contract::paths;
use crate::contract::ports::Ports;
use crate::contract::registry::DaemonType;
use crate::coordination::threshold::{Level, level};
use serde_json::Value;

/// The daemon.
#[derive(Debug)]
pub struct DiskSpaceManager {
    safeguards: Safeguards,
    level: Level,
}

impl Daemon for DiskSpaceManager {
    const TYPE: DaemonType = DaemonType::DiskSpaceManager;

    fn new(config: &Config) -> Self {
        DiskSpaceManager { safeguards: config.safeguards.clone(), level: Level::Normal }
    }

    fn save(&self) -> Option<Value> {
        Some(self.level.name().into())
    }

    fn restore(&mut self, state: Value) {
        self.level = state.as_str().and_then(Level::from_name).unwrap_or_default();
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start | Input::Tick { .. } => self.look(ports, out),
            Input::Reload(config) => self.safeguards = config.safeguards.clone(),
            _ => {}
        }
        Ok(())
    }
}

impl DiskSpaceManager {
    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) {
        let host = ports.host.snapshot();
        let Some(percent) = host.disk_percent else {
            out.health(Health { message: format!("how full {} is cannot be read", paths::STATE), ..Default::default() });
            return;
        };
        let threshold = self.safeguards.disk;
        let before = self.level;
        self.level = level(before, percent, threshold, self.safeguards.hysteresis);
        let free_gb = host.disk_free_bytes.unwrap_or(0) as f64 / 1e9;
        let passed = if self.level == Level::Critical { threshold.critical } else { threshold.warning };
        if self.level > before {
            out.publish(events::DiskSpaceLow {
                host: ports.host.node(),
                path: paths::STATE.into(),
                usage_percent: percent,
                free_gb,
                threshold: passed,
                level: self.level.name().into(),
            });
            if self.level == Level::Critical {
                out.publish(events::ResourceConstraint {
                    node_id: ports.host.node(),
                    resource_type: "disk".into(),
                    usage_percent: percent,
                    threshold: passed,
                    level: self.level.name().into(),
                });
            }
        }
        let line = format!("{} is {percent:.1} % full, {free_gb:.1} GB free", paths::STATE);
        out.health(match self.level {
            Level::Normal => Health::healthy(&line),
            Level::Warning => Health::degraded(format!("{line}; new work is refused from {} %", threshold.critical)),
            Level::Critical => Health::unhealthy(format!(
                "{line}; new work is refused until it is below {} %",
                threshold.critical - self.safeguards.hysteresis
            )),
        });
        out.last(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::Payload;
    use crate::contract::health::HealthStatus;
    use crate::daemons::testing::{World, build};

    #[test]
    fn says_each_rise_once() {
        let world = World::new();
        let mut daemon: DiskSpaceManager = build();
        let mut at = |percent: Option<f64>| {
            world.host.borrow_mut().disk_percent = percent;
            world.give(&mut daemon, Input::Tick { number: 1 }).expect("handled")
        };
        assert!(at(Some(10.0)).events.is_empty());
        assert!(matches!(&at(Some(66.0)).events[..], [Payload::DiskSpaceLow(d)] if d.threshold == 65.0));
        assert!(at(Some(66.5)).events.is_empty());
        assert!(matches!(&at(Some(71.0)).events[..], [Payload::DiskSpaceLow(_), Payload::ResourceConstraint(_)]));
        assert_eq!(at(None).health.map(|h| h.status), Some(HealthStatus::Unknown));
        let back = at(Some(10.0));
        assert_eq!((back.events.len(), back.health.map(|h| h.status)), (0, Some(HealthStatus::Healthy)));
    }
}
