//! SELFPLAY_COORDINATOR: decides how self-play is shared among the configurations and how urgent each is.
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events::{self, Payload};
use crate::contract::health::Health;
use crate::contract::ids::ConfigKey;
use crate::contract::registry::{Known, declare};
use crate::contract::text;
use crate::coordination::allocation::{self, Need};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

declare! {
    SelfplayCoordinator {
        name: "SELFPLAY_COORDINATOR",
        purpose: "Divides self-play among the configurations",
        category: Category::Pipeline,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 3600,
        health_check_interval: Some(60),
        publishes: &[E::SelfplayTargetUpdated, E::SelfplayAllocationUpdated, E::SelfplayRateChanged],
        subscribes: &[
            E::SelfplayComplete, E::ModelDistributionComplete, E::ExplorationBoost, E::HyperparameterUpdated,
            E::PlateauDetected,
        ],
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
    }
    asks [catalog]
}

/// The earlier implementation's target rate of a cluster, games an hour; shared by the allocation.
const TARGET_RATE: f64 = 1000.0;
/// Changes of a share smaller than this are not worth an event.
const WORTH_SAYING: f64 = 0.02;

/// What was said last.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct LastAllocation {
    shares: BTreeMap<String, f64>,
    priorities: BTreeMap<String, u8>,
}

/// The daemon.
#[derive(Debug)]
pub struct SelfplayCoordinator {
    keys: Vec<ConfigKey>,
    threshold: u64,
    said: LastAllocation,
}

impl Daemon for SelfplayCoordinator {
    fn new(config: &Config) -> Self {
        SelfplayCoordinator {
            keys: config.master.configs.clone(),
            threshold: config.daemons.known(Known::EXPORT_THRESHOLD),
            said: LastAllocation::default(),
        }
    }

    fn configure(&mut self, config: &Config) {
        let said = std::mem::take(&mut self.said);
        *self = SelfplayCoordinator { said, ..Self::new(config) };
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.said).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.said = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for games")),
            Input::Tick { .. } => self.allocate("interval", ports, out)?,
            Input::Event { payload, .. } => match payload {
                Payload::SelfplayComplete(done) => self.allocate(
                    &format!("{} of {}", text::count(done.games_completed, "new game"), done.config_key),
                    ports,
                    out,
                )?,
                Payload::ModelDistributionComplete(done) => {
                    self.allocate(&format!("generation {} of {}", done.generation, done.config_key), ports, out)?
                }
                Payload::PlateauDetected(p) => {
                    out.last(format!(
                        "{}: plateau after {}",
                        p.config_key,
                        text::count(p.refusals.into(), "rejected candidate")
                    ));
                }
                Payload::ExplorationBoost(b) => {
                    out.last(format!("{}: exploration × {:.2}", b.config_key, b.boost_factor))
                }
                Payload::HyperparameterUpdated(p) => {
                    out.last(format!("{}: {} = {}", p.config_key, p.param_name, p.new_value))
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl SelfplayCoordinator {
    fn allocate(&mut self, reason: &str, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let mut needs = Vec::new();
        for key in &self.keys {
            let stage = ports.catalog.stage(key)?;
            let missing = self.threshold.saturating_sub(stage.games_since_export);
            needs.push(Need { config_key: key.to_string(), games: stage.games, missing, players: key.num_players() });
        }
        let shares = allocation::shares(&needs);
        let moved = |key: &str| (shares[key] - self.said.shares.get(key).copied().unwrap_or(0.0)).abs() > WORTH_SAYING;
        if shares.keys().any(|k| moved(k)) || self.said.shares.len() != shares.len() {
            for key in &self.keys {
                let (old, new) = (self.said.shares.get(key.as_str()).copied().unwrap_or(0.0), shares[key.as_str()]);
                if moved(key.as_str()) {
                    out.publish(events::SelfplayRateChanged {
                        config_key: key.clone(),
                        old_rate: old * TARGET_RATE,
                        new_rate: new * TARGET_RATE,
                        reason: reason.into(),
                    });
                }
            }
            out.publish(events::SelfplayAllocationUpdated {
                allocation_weights: shares.clone(),
                exploration_boost: None,
                reason: reason.into(),
            });
            self.said.shares = shares;
        }
        for (key, need) in self.keys.iter().zip(&needs) {
            let priority = allocation::priority(need.missing, self.threshold);
            if self.said.priorities.get(key.as_str()) != Some(&priority) {
                out.publish(events::SelfplayTargetUpdated {
                    config_key: key.clone(),
                    target_games: need.missing,
                    reason: reason.into(),
                    priority,
                });
                self.said.priorities.insert(key.to_string(), priority);
            }
        }
        out.last(reason);
        out.health(Health::healthy(format!(
            "{}, last: {reason}",
            text::count(self.keys.len() as u64, "configuration")
        )));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::testing::build;

    #[test]
    fn says_shares_and_urgency_once() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        let mut daemon: SelfplayCoordinator = build();
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert_eq!(out.events.len(), 3, "{:?}", out.events);
        assert!(
            fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled").events.is_empty(),
            "nothing changed"
        );
        fakes.catalog.hold().stage.games_since_export = 160;
        let out = fakes.give(&mut daemon, Input::Tick { number: 3 }).expect("handled");
        let [Payload::SelfplayTargetUpdated(target)] = &out.events[..] else { panic!("{:?}", out.events) };
        assert_eq!((target.target_games, target.priority), (160, 65));
    }
}
