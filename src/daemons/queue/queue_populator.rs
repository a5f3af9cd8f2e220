//! QUEUE_POPULATOR: keeps self-play of every configuration waiting in the work queue.
use crate::contract::config::{Config, Stage};
use crate::contract::coordinator::{NewWork, WorkFilter, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::Payload;
use crate::contract::health::Health;
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

declare! {
    QueuePopulator {
        name: "QUEUE_POPULATOR",
        purpose: "Keeps self-play waiting in the work queue",
        category: Category::Queue,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::SelfplayCoordinator],
        order: Some(6),
        interval: 10,
        health_check_interval: Some(120),
        critical: true,
        subscribes: &[
            E::SelfplayTargetUpdated, E::SelfplayAllocationUpdated, E::SelfplayRateChanged, E::ExplorationBoost,
            E::HyperparameterUpdated, E::WorkClaimed, E::WorkFailed, E::WorkCancelled,
        ],
        hard: &[Hub::Router, Hub::Coordinator],
    }
    asks [queue]
    settings {
        /// Self-play items kept waiting per configuration. A fleet of 28 nodes wants about 200.
        target_depth: u32 = 2 in 1..=1000 items;
    }
}

/// What feedback and the allocation said, by configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Wishes {
    boost: BTreeMap<String, f64>,
    simulations: BTreeMap<String, u32>,
    shares: BTreeMap<String, f64>,
    priority: BTreeMap<String, u8>,
}

/// The daemon.
#[derive(Debug)]
pub struct QueuePopulator {
    settings: Settings,
    stage: Stage,
    games_per_job: u32,
    keys: Vec<ConfigKey>,
    auto: bool,
    wishes: Wishes,
}

impl Daemon for QueuePopulator {
    fn new(config: &Config) -> Self {
        QueuePopulator {
            settings: Settings::of(config),
            stage: config.workload.selfplay.clone(),
            games_per_job: config.workload.games_per_job,
            keys: config.master.configs.clone(),
            auto: config.pipeline.auto_trigger,
            wishes: Wishes::default(),
        }
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.wishes).ok()
    }

    fn restore(&mut self, state: Value) {
        self.wishes = serde_json::from_value(state).unwrap_or_default();
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("fills the queue")),
            Input::Tick { .. } => self.fill(ports, out)?,
            Input::Event { payload, .. } => {
                self.learn(payload);
                self.fill(ports, out)?;
            }
            Input::Reload(config) => {
                let wishes = std::mem::take(&mut self.wishes);
                *self = QueuePopulator { wishes, ..Self::new(config) };
            }
            _ => {}
        }
        Ok(())
    }
}

impl QueuePopulator {
    fn learn(&mut self, payload: Payload) {
        match payload {
            Payload::ExplorationBoost(b) => {
                self.wishes.boost.insert(b.config_key.to_string(), b.boost_factor);
            }
            Payload::HyperparameterUpdated(p) if p.optimizer == "selfplay" && p.param_name == "simulations" => {
                self.wishes.simulations.insert(p.config_key.to_string(), p.new_value as u32);
            }
            Payload::SelfplayAllocationUpdated(a) => self.wishes.shares = a.allocation_weights,
            Payload::SelfplayTargetUpdated(t) => {
                self.wishes.priority.insert(t.config_key.to_string(), t.priority);
            }
            _ => {}
        }
    }

    /// Items wanted of a configuration: its share of what all together keep, at least one.
    fn depth(&self, key: &ConfigKey) -> usize {
        let all = f64::from(self.settings.target_depth) * self.keys.len() as f64;
        let share = self.wishes.shares.get(key.as_str()).copied().unwrap_or(1.0 / self.keys.len() as f64);
        (all * share).round().max(1.0) as usize
    }

    fn fill(&self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        if !self.auto {
            out.last("nothing queued: pipeline.auto_trigger is off");
            return Ok(());
        }
        let mut added = 0;
        for key in &self.keys {
            let filter = WorkFilter {
                types: vec![JobType::Selfplay],
                statuses: vec![WorkStatus::Pending],
                config_key: Some(key.clone()),
                limit: None,
            };
            let waiting = ports.queue.work(&filter)?.len();
            for _ in waiting..self.depth(key) {
                out.enqueue(self.job(key));
                added += 1;
            }
        }
        if added > 0 {
            out.last(format!("{added} self-play jobs queued"));
            out.health(Health::healthy(format!("{} configurations, {} items wanted of each", self.keys.len(), self.settings.target_depth)));
        }
        Ok(())
    }

    fn job(&self, key: &ConfigKey) -> NewWork {
        let mut work = NewWork::new(JobType::Selfplay, key.clone());
        work.priority = self.wishes.priority.get(key.as_str()).copied().unwrap_or(50);
        work.current_model = true;
        work.params = self.stage.params.clone();
        work.params.entry("games").or_insert_with(|| json!(self.games_per_job));
        if let Some(boost) = self.wishes.boost.get(key.as_str()) {
            let base = work.params.get("exploration").and_then(Value::as_f64).unwrap_or(1.0);
            work.params.insert("exploration".into(), json!(base * boost));
        }
        if let Some(simulations) = self.wishes.simulations.get(key.as_str()) {
            let base = work.params.get("simulations").and_then(Value::as_u64).unwrap_or(0);
            work.params.insert("simulations".into(), json!(base.max(u64::from(*simulations))));
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::{ExplorationBoost, HyperparameterUpdated};
    use crate::daemons::testing::{build, key};

    #[test]
    fn fills_up_to_the_wanted_depth_and_no_further() {
        let fakes = Fakes::new();
        fakes.queue.hold();
        let mut daemon: QueuePopulator = build();
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert_eq!(out.work.len(), 2);
        assert!(out.work[0].current_model);
        assert_eq!(out.work[0].params["games"], 80);
        fakes.queue.hold().queued(JobType::Selfplay, WorkStatus::Pending);
        fakes.queue.hold().queued(JobType::Selfplay, WorkStatus::Running);
        assert_eq!(fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled").work.len(), 1);
    }

    #[test]
    fn feedback_reaches_the_jobs() {
        let fakes = Fakes::new();
        fakes.queue.hold();
        let mut daemon: QueuePopulator = build();
        let boost = ExplorationBoost { config_key: key(), boost_factor: 1.2, reason: String::new(), anomaly_count: None };
        fakes.event(&mut daemon, boost).expect("handled");
        let more = HyperparameterUpdated {
            config_key: key(),
            param_name: "simulations".into(),
            old_value: None,
            new_value: 96.0,
            optimizer: "selfplay".into(),
            reason: String::new(),
        };
        let out = fakes.event(&mut daemon, more).expect("handled");
        assert_eq!((out.work[0].params["exploration"].clone(), out.work[0].params["simulations"].clone()), (json!(1.2), json!(96)));
    }
}
