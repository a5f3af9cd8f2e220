//! TRAINING_NODE_WATCHER: finds running trainings by their control groups, never by names of processes.
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events;
use crate::contract::health::Health;
use crate::contract::registry::declare;
use crate::contract::text;
use crate::contract::workload::JobType;
use serde_json::{Value, json};
use std::collections::BTreeSet;

declare! {
    TrainingNodeWatcher {
        name: "TRAINING_NODE_WATCHER",
        purpose: "Detects running trainings by their control groups",
        category: Category::Sync,
        profiles: &[Profile::Standalone, Profile::TrainingNode],
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 30,
        publishes: &[E::SyncRequest],
        program: Program::Own,
    }
    asks [node, units]
    settings {
        /// Request a sync of samples when a training is detected; RINGRIFT_TRAINING_ACTIVITY_TRIGGER_SYNC.
        trigger_sync: bool = true;
        /// Accepted for legacy environment files, no effect; RINGRIFT_TRAINING_ACTIVITY_HANDLE_SIGNALS.
        handle_signals: bool = true but "systemd handles signals";
    }
}

/// The daemon.
#[derive(Debug)]
pub struct TrainingNodeWatcher {
    settings: Settings,
    seen: BTreeSet<String>,
}

impl Daemon for TrainingNodeWatcher {
    fn new(config: &Config) -> Self {
        TrainingNodeWatcher { settings: Settings::of(config), seen: BTreeSet::new() }
    }

    fn configure(&mut self, config: &Config) {
        self.settings = Settings::of(config);
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.seen).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.seen = serde_json::from_value(state)?;
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

impl TrainingNodeWatcher {
    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) {
        let units = match ports.units.list(&["ringrift-job-training@*.service"]) {
            Ok(units) => units,
            Err(error) => {
                out.health(Health { message: format!("systemd does not answer: {error}"), ..Default::default() });
                return;
            }
        };
        // A unit that runs has a control group; one that only failed has none.
        let running: BTreeSet<String> = units
            .iter()
            .filter(|u| {
                u.control_group.as_deref().is_some_and(|c| !c.is_empty())
                    && u.active_state != "failed"
                    && u.active_state != "inactive"
            })
            .filter(|u| matches!(JobType::of_unit(&u.name), Some((JobType::Training, _))))
            .map(|u| u.name.clone())
            .collect();
        for unit in running.difference(&self.seen) {
            if self.settings.trigger_sync {
                let reason = format!("{unit} runs on {}", ports.node.node());
                let source = SPEC.name.into();
                out.publish(events::SyncRequest {
                    source,
                    data_type: "training".into(),
                    targets: vec![ports.node.node()],
                    reason,
                    priority: 80,
                });
            }
        }
        let names: Vec<&String> = running.iter().collect();
        let story = match running.len() as u64 {
            0 => "no training running".to_owned(),
            n => format!("{} running", text::count(n, "training")),
        };
        out.health(Health::healthy(story.clone()).with("trainings", json!(names)));
        out.last(story);
        self.seen = running;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::health::HealthStatus;
    use crate::contract::host::UnitView;
    use crate::daemons::testing::build;

    fn unit(name: &str, state: &str, group: Option<&str>) -> UnitView {
        UnitView {
            name: name.into(),
            active_state: state.into(),
            control_group: group.map(str::to_owned),
            ..Default::default()
        }
    }

    #[test]
    fn each_training_is_seen_once_and_dead_ones_do_not_count() {
        let fakes = Fakes::new();
        fakes.node.hold();
        let mut daemon: TrainingNodeWatcher = build();
        fakes.units.hold().units = vec![
            unit("ringrift-job-training@a-1.service", "active", Some("/ringrift.slice/x")),
            unit("ringrift-job-training@a-2.service", "failed", None),
        ];
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert_eq!(out.events.len(), 1);
        assert_eq!(
            out.health.as_ref().map(|h| (h.status, h.details["trainings"].as_array().map(Vec::len))),
            Some((HealthStatus::Healthy, Some(1)))
        );
        assert!(fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled").events.is_empty());
    }
}
