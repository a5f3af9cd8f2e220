//! FEEDBACK_LOOP: answers results. A plateau brings exploration and search budget; a promotion takes the exploration
//! back.
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events::{self, Payload};
use crate::contract::health::{Health, HealthCause};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::text;
use crate::contract::workload::JobType;
use crate::coordination::selfplay;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

declare! {
    FeedbackLoop {
        name: "FEEDBACK_LOOP",
        purpose: "Adjusts exploration and search budget to the results",
        category: Category::Feedback,
        profiles: &[Profile::Standalone, Profile::Coordinator, Profile::Ephemeral],
        depends_on: &[D::EventRouter, D::DataPipeline],
        order: Some(4),
        health_check_interval: Some(60),
        critical: true,
        publishes: &[E::ExplorationBoost, E::PlateauDetected, E::HyperparameterUpdated],
        subscribes: &[
            E::TrainingCompleted, E::EvaluationCompleted, E::ModelPromoted, E::PromotionRejected, E::TrainingFailed,
        ],
        before_emitter: &[D::AutoSync],
        hard: &[Hub::Router, Hub::Catalog],
    }
    asks [catalog]
    settings {
        /// Consecutive rejected candidates that count as a plateau.
        plateau_refusals: u32 = 3 in 1..=100 candidates;
        /// Factor on exploration at a plateau.
        plateau_boost: f64 = 1.2 in 1.0..=2.0 factor;
        /// Maximum factor on exploration.
        max_boost: f64 = 2.0 in 1.0..=4.0 factor;
        /// Simulations added to the search budget at a plateau.
        budget_step: u32 = 32 in 0..=800 simulations;
        /// Maximum search budget in simulations.
        max_budget: u32 = 256 in 16..=800 simulations;
    }
    rules: &[Rule::AtLeast("max_boost", "plateau_boost")]
}

/// What is remembered of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Memory {
    refusals: u32,
    boost: f64,
    /// The search budget that was last said; at first nothing was.
    budget: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Memory { refusals: 0, boost: 1.0, budget: 0 }
    }
}

/// The daemon.
#[derive(Debug)]
pub struct FeedbackLoop {
    settings: Settings,
    /// The search budget that self-play begins with, where the configuration sets one.
    first_budget: Option<u32>,
    memory: BTreeMap<String, Memory>,
}

impl Daemon for FeedbackLoop {
    fn new(config: &Config) -> Self {
        FeedbackLoop {
            settings: Settings::of(config),
            first_budget: selfplay::simulations(&config.workload.selfplay),
            memory: BTreeMap::new(),
        }
    }

    fn configure(&mut self, config: &Config) {
        (self.settings, self.first_budget) = (Settings::of(config), selfplay::simulations(&config.workload.selfplay));
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.memory).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.memory = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for results")),
            Input::Event { payload, .. } => match payload {
                Payload::PromotionRejected(p) => self.refused(&p.config_key, ports, out)?,
                Payload::ModelPromoted(p) => self.promoted(&p.config_key, p.generation, out),
                Payload::TrainingFailed(f) => out.health(
                    Health::degraded(format!("{}: training failed: {}", f.config_key, f.error))
                        .caused_by(HealthCause::Jobs(JobType::Training)),
                ),
                Payload::TrainingCompleted(t) => {
                    out.last(format!("{}: loss {:.3} after {} epochs", t.config_key, t.final_loss, t.epochs))
                }
                Payload::EvaluationCompleted(e) => {
                    out.last(format!("{}: Elo {:+.0}, {}", e.config_key, e.elo, e.sprt_decision))
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl FeedbackLoop {
    fn refused(&mut self, key: &ConfigKey, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        // The port is asked first: when it fails, nothing has changed and the input comes again.
        let current_elo = ports.catalog.stage(key)?.champion.map(|c| c.elo);
        let memory = self.memory.entry(key.to_string()).or_default();
        memory.refusals += 1;
        if !memory.refusals.is_multiple_of(self.settings.plateau_refusals) {
            out.last(format!("{key}: {} in a row", text::count(memory.refusals.into(), "rejected candidate")));
            return Ok(());
        }
        let refusals = memory.refusals;
        let reason = format!("{} in a row", text::count(refusals.into(), "rejected candidate"));
        out.publish(events::PlateauDetected {
            config_key: key.clone(),
            current_elo,
            refusals,
            plateau_type: "refusals".into(),
        });
        let boost = (memory.boost * self.settings.plateau_boost).min(self.settings.max_boost);
        if boost > memory.boost {
            memory.boost = boost;
            out.publish(events::ExplorationBoost {
                config_key: key.clone(),
                boost_factor: boost,
                reason: reason.clone(),
                anomaly_count: None,
            });
        }
        let budget = match self.first_budget {
            Some(first) => {
                // The configuration may have been raised above what was last said.
                let now = memory.budget.max(first);
                let budget = now.saturating_add(self.settings.budget_step).min(self.settings.max_budget);
                if budget > now {
                    out.publish(simulations(key, now, budget, &reason));
                    memory.budget = budget;
                }
                format!("search budget {}", budget.max(now))
            }
            // What the command chooses may be more than any step from 0.
            None => "search budget left to the command (workload.selfplay.params.simulations is not set)".into(),
        };
        out.last(format!("{key}: plateau, exploration × {boost:.2}, {budget}"));
        out.health(Health::healthy(format!("{key}: {reason}")));
        Ok(())
    }

    fn promoted(&mut self, key: &ConfigKey, generation: u32, out: &mut Out) {
        let memory = self.memory.entry(key.to_string()).or_default();
        memory.refusals = 0;
        if memory.boost > 1.0 {
            memory.boost = 1.0;
            let reason = format!("generation {generation} was promoted");
            out.publish(events::ExplorationBoost {
                config_key: key.clone(),
                boost_factor: 1.0,
                reason,
                anomaly_count: None,
            });
        }
        out.last(format!("{key}: generation {generation}"));
        out.health(Health::healthy(format!("{key}: generation {generation} was promoted")));
    }
}

fn simulations(key: &ConfigKey, old: u32, new: u32, reason: &str) -> events::HyperparameterUpdated {
    events::HyperparameterUpdated {
        config_key: key.clone(),
        param_name: selfplay::SIMULATIONS.into(),
        old_value: Some(f64::from(old)),
        new_value: f64::from(new),
        optimizer: selfplay::TUNER.into(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::testing::{build, digest, key};

    fn refused() -> events::PromotionRejected {
        events::PromotionRejected {
            config_key: key(),
            model_id: digest('a'),
            match_id: None,
            reason: "x".into(),
            elo_improvement: None,
        }
    }

    #[test]
    fn three_refusals_are_a_plateau_and_a_promotion_ends_it() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        let mut daemon: FeedbackLoop = build();
        for _ in 0..2 {
            assert!(fakes.event(&mut daemon, refused()).expect("handled").events.is_empty());
        }
        let mut again: FeedbackLoop = build();
        again.restore(daemon.save().expect("a state")).expect("a state");
        let out = fakes.event(&mut again, refused()).expect("handled");
        let [Payload::PlateauDetected(p), Payload::ExplorationBoost(b), Payload::HyperparameterUpdated(h)] =
            &out.events[..]
        else {
            panic!("{:?}", out.events)
        };
        assert_eq!((p.refusals, b.boost_factor, h.new_value), (3, 1.2, 96.0));
        let promoted = events::ModelPromoted {
            config_key: key(),
            model_id: digest('a'),
            model_path: String::new(),
            generation: 1,
            match_id: digest('d'),
            new_elo: 1.0,
            previous_elo: None,
            elo_delta: 1.0,
            supersedes: None,
            promoted_at: 1,
            tier: "sound".into(),
        };
        let out = fakes.event(&mut again, promoted).expect("handled");
        assert!(matches!(&out.events[..], [Payload::ExplorationBoost(b)] if b.boost_factor == 1.0));
    }

    #[test]
    fn the_budget_grows_from_what_the_configuration_says() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        let mut config = Config::default();
        config.workload.selfplay.params.insert(selfplay::SIMULATIONS.into(), 100.into());
        let mut daemon = FeedbackLoop::new(&config);
        for _ in 0..2 {
            fakes.event(&mut daemon, refused()).expect("handled");
        }
        let out = fakes.event(&mut daemon, refused()).expect("handled");
        let [_, _, Payload::HyperparameterUpdated(h)] = &out.events[..] else { panic!("{:?}", out.events) };
        assert_eq!((h.old_value, h.new_value), (Some(100.0), 132.0));
    }

    #[test]
    fn a_budget_that_the_command_chooses_is_left_alone() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        let mut config = Config::default();
        config.workload.selfplay.params.remove(selfplay::SIMULATIONS);
        let mut daemon = FeedbackLoop::new(&config);
        let outs: Vec<Out> = (0..3).map(|_| fakes.event(&mut daemon, refused()).expect("handled")).collect();
        assert!(
            matches!(&outs[2].events[..], [Payload::PlateauDetected(_), Payload::ExplorationBoost(_)]),
            "{:?}",
            outs[2].events
        );
        assert!(outs[2].last.as_deref().is_some_and(|last| last.contains("left to the command")), "{:?}", outs[2].last);
    }

    #[test]
    fn boost_and_budget_have_a_ceiling() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        let mut daemon: FeedbackLoop = build();
        for _ in 0..60 {
            fakes.event(&mut daemon, refused()).expect("handled");
        }
        let memory = &daemon.memory["square8_2p"];
        assert_eq!((memory.boost, memory.budget), (2.0, 256));
    }
}
