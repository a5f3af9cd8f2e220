//! QUEUE_POPULATOR: keeps self-play of every configuration waiting in the work queue.
use crate::contract::config::Config;
use crate::contract::coordinator::{WorkSelection, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events::Payload;
use crate::contract::health::Health;
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::workload::JobType;
use crate::coordination::selfplay::{Plan, Wishes};
use serde_json::Value;

declare! {
    QueuePopulator {
        name: "QUEUE_POPULATOR",
        purpose: "Keeps self-play jobs queued",
        category: Category::Queue,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::SelfplayCoordinator],
        order: Some(6),
        interval: 10,
        health_check_interval: Some(120),
        critical: true,
        subscribes: &[
            E::SelfplayTargetUpdated, E::SelfplayAllocationUpdated, E::ExplorationBoost, E::HyperparameterUpdated,
            E::WorkClaimed, E::WorkFailed, E::WorkCancelled,
        ],
        hard: &[Hub::Router, Hub::Coordinator],
    }
    asks [queue]
    settings {
        /// Number of self-play jobs to keep queued per configuration. A fleet of 28 nodes needs about 200.
        target_depth: u32 = 2 in 1..=1000 jobs;
    }
}

/// The daemon.
#[derive(Debug)]
pub struct QueuePopulator {
    settings: Settings,
    plan: Plan,
    auto: bool,
    wishes: Wishes,
}

impl Daemon for QueuePopulator {
    fn new(config: &Config) -> Self {
        QueuePopulator {
            settings: Settings::of(config),
            plan: Plan::of(config),
            auto: config.pipeline.auto_trigger,
            wishes: Wishes::default(),
        }
    }

    fn configure(&mut self, config: &Config) {
        let wishes = std::mem::take(&mut self.wishes);
        *self = QueuePopulator { wishes, ..Self::new(config) };
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.wishes).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.wishes = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("filling the queue")),
            Input::Tick { .. } => self.fill(ports, out)?,
            Input::Event { payload, .. } => match payload {
                // There is room for more.
                Payload::WorkClaimed(_) | Payload::WorkFailed(_) | Payload::WorkCancelled(_) => {
                    self.fill(ports, out)?
                }
                payload if self.wishes.learn(&payload) => self.fill(ports, out)?,
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl QueuePopulator {
    /// Items wanted of a configuration: its share of what all together keep, at least one.
    fn depth(&self, key: &ConfigKey) -> u64 {
        let all = f64::from(self.settings.target_depth) * self.plan.keys.len() as f64;
        (all * self.wishes.share(&self.plan, key)).round().max(1.0) as u64
    }

    fn fill(&self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        if !self.auto {
            out.last("nothing queued: pipeline.auto_trigger is off");
            return Ok(());
        }
        let mut added = 0;
        for key in &self.plan.keys {
            let waiting =
                ports.queue.count(&WorkSelection::of(&[WorkStatus::Pending]).kind(JobType::Selfplay).key(key))?;
            for _ in waiting..self.depth(key) {
                out.enqueue(self.plan.job(&self.wishes, key, self.wishes.priority(key)));
                added += 1;
            }
        }
        if added > 0 {
            out.last(format!("queued self-play jobs: {added}"));
            out.health(Health::healthy(format!(
                "configurations: {}, jobs to keep queued for each: {}",
                self.plan.keys.len(),
                self.settings.target_depth
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::ExplorationBoost;
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
    fn feedback_reaches_the_jobs_also_after_a_restart() {
        let fakes = Fakes::new();
        fakes.queue.hold();
        let mut daemon: QueuePopulator = build();
        let boost =
            ExplorationBoost { config_key: key(), boost_factor: 1.2, reason: String::new(), anomaly_count: None };
        fakes.event(&mut daemon, boost).expect("handled");
        let mut after: QueuePopulator = build();
        after.restore(daemon.save().expect("a state")).expect("a state");
        let out = fakes.give(&mut after, Input::Tick { number: 1 }).expect("handled");
        assert_eq!(out.work[0].params["exploration"], 1.2);
    }
}
