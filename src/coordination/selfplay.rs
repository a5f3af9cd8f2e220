//! The one way to a self-play job: what feedback and the allocation wish of a configuration, and the job that follows
//! from it.
use crate::contract::config::{Config, Stage};
use crate::contract::coordinator::NewWork;
use crate::contract::events::Payload;
use crate::contract::ids::ConfigKey;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The search budget's parameter, in the configuration and in events.
pub const SIMULATIONS: &str = "simulations";
/// Who tunes self-play, as events about a parameter name it.
pub const TUNER: &str = "selfplay";

/// What self-play is by the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    stage: Stage,
    games_per_job: u32,
    /// The configurations that are played.
    pub keys: Vec<ConfigKey>,
}

/// The search budget that self-play begins with: `workload.selfplay.params.simulations`. None where it is not a number:
/// the command chooses its own then, and nobody knows what would be more.
pub fn simulations(stage: &Stage) -> Option<u32> {
    let set = stage.params.get(SIMULATIONS)?;
    let whole = || set.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64);
    set.as_u64().or_else(whole).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// What feedback and the allocation said, by configuration. Whoever queues self-play listens to them and keeps this.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Wishes {
    boost: BTreeMap<String, f64>,
    simulations: BTreeMap<String, u32>,
    shares: BTreeMap<String, f64>,
    priority: BTreeMap<String, u8>,
}

impl Wishes {
    /// Takes in an event; true if it is about self-play's jobs.
    pub fn learn(&mut self, payload: &Payload) -> bool {
        match payload {
            Payload::ExplorationBoost(b) => drop(self.boost.insert(b.config_key.to_string(), b.boost_factor)),
            Payload::HyperparameterUpdated(p) if p.optimizer == TUNER && p.param_name == SIMULATIONS => {
                self.simulations.insert(p.config_key.to_string(), p.new_value as u32);
            }
            Payload::SelfplayAllocationUpdated(a) => self.shares.clone_from(&a.allocation_weights),
            Payload::SelfplayTargetUpdated(t) => drop(self.priority.insert(t.config_key.to_string(), t.priority)),
            _ => return false,
        }
        true
    }

    /// A configuration's share of self-play; all have the same until the allocation says otherwise.
    pub fn share(&self, plan: &Plan, key: &ConfigKey) -> f64 {
        self.shares.get(key.as_str()).copied().unwrap_or(1.0 / plan.keys.len().max(1) as f64)
    }

    /// How urgent a configuration's games are.
    pub fn priority(&self, key: &ConfigKey) -> u8 {
        self.priority.get(key.as_str()).copied().unwrap_or(50)
    }

    /// The configuration whose turn it is. Over many turns each has its share; which it is follows from the number
    /// alone.
    pub fn turn<'a>(&self, plan: &'a Plan, turn: u64) -> Option<&'a ConfigKey> {
        let all: f64 = plan.keys.iter().map(|key| self.share(plan, key).max(0.0)).sum();
        // Steps of the golden ratio fall evenly, so that no configuration waits long for its turn.
        let mut at = (turn % (1 << 32)) as f64 * 0.618_033_988_749_895 % 1.0 * all;
        for key in &plan.keys {
            at -= self.share(plan, key).max(0.0);
            if at < 0.0 {
                return Some(key);
            }
        }
        plan.keys.first()
    }
}

impl Plan {
    /// As the configuration says.
    pub fn of(config: &Config) -> Plan {
        Plan {
            stage: config.workload.selfplay.clone(),
            games_per_job: config.workload.games_per_job,
            keys: config.master.configs.clone(),
        }
    }

    /// A job with the current model, the exploration and the search budget that are wished for now.
    pub fn job(&self, wishes: &Wishes, key: &ConfigKey, priority: u8) -> NewWork {
        let mut work = NewWork::new(JobType::Selfplay, key.clone());
        work.priority = priority;
        work.current_model = true;
        work.params = self.stage.params.clone();
        work.params.entry("games").or_insert_with(|| json!(self.games_per_job));
        if let Some(boost) = wishes.boost.get(key.as_str()) {
            let base = work.params.get("exploration").and_then(Value::as_f64).unwrap_or(1.0);
            work.params.insert("exploration".into(), json!(base * boost));
        }
        // A wish is more than what was set; where nothing is set any more it says nothing.
        if let (Some(wished), Some(set)) = (wishes.simulations.get(key.as_str()), simulations(&self.stage)) {
            work.params.insert(SIMULATIONS.into(), json!(set.max(*wished)));
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::{ExplorationBoost, HyperparameterUpdated, SelfplayAllocationUpdated};

    fn key(name: &str) -> ConfigKey {
        ConfigKey::new(name).expect("a key")
    }

    #[test]
    fn a_job_has_the_wished_exploration_and_budget() {
        let (plan, mut wishes, key) = (Plan::of(&Config::default()), Wishes::default(), key("square8_2p"));
        let plain = plan.job(&wishes, &key, 50);
        assert_eq!(
            (plain.params["games"].clone(), plain.params[SIMULATIONS].clone(), plain.current_model),
            (json!(80), json!(64), true)
        );
        assert!(!plain.params.contains_key("exploration"));
        let boost =
            ExplorationBoost { config_key: key.clone(), boost_factor: 1.2, reason: String::new(), anomaly_count: None };
        assert!(wishes.learn(&boost.into()));
        let more = |optimizer: &str, new_value| HyperparameterUpdated {
            config_key: key.clone(),
            param_name: SIMULATIONS.into(),
            old_value: None,
            new_value,
            optimizer: optimizer.into(),
            reason: String::new(),
        };
        assert!(wishes.learn(&more(TUNER, 96.0).into()) && !wishes.learn(&more("training", 800.0).into()));
        let job = plan.job(&wishes, &key, 30);
        assert_eq!(
            (job.params["exploration"].clone(), job.params[SIMULATIONS].clone(), job.priority),
            (json!(1.2), json!(96), 30)
        );
        wishes.learn(&more(TUNER, 8.0).into());
        assert_eq!(plan.job(&wishes, &key, 30).params[SIMULATIONS], 64, "never less than the configuration says");
        let mut unset = Config::default();
        unset.workload.selfplay.params.remove(SIMULATIONS);
        wishes.learn(&more(TUNER, 96.0).into());
        assert!(
            !Plan::of(&unset).job(&wishes, &key, 30).params.contains_key(SIMULATIONS),
            "the command chooses its own"
        );
    }

    #[test]
    fn a_search_budget_is_a_whole_number_however_it_is_written() {
        let set = |value: Value| {
            simulations(&Stage { params: [(SIMULATIONS.to_owned(), value)].into_iter().collect(), ..Stage::default() })
        };
        let read = [json!(100), json!(100.0), json!(100.5), json!(-1), json!("many"), json!(1e12)].map(set);
        assert_eq!(read, [Some(100), Some(100), None, None, None, Some(u32::MAX)]);
    }

    #[test]
    fn each_configuration_has_its_share_of_the_turns() {
        let (few, many) = (key("square8_2p"), key("hex8_2p"));
        let plan = Plan { keys: vec![few.clone(), many.clone()], ..Plan::of(&Config::default()) };
        let mut wishes = Wishes::default();
        let count = |wishes: &Wishes| (0..100).filter(|turn| wishes.turn(&plan, *turn) == Some(&few)).count();
        assert!((45..=55).contains(&count(&wishes)), "{}", count(&wishes));
        let allocation_weights = [(few.to_string(), 0.2), (many.to_string(), 0.8)].into();
        wishes.learn(
            &SelfplayAllocationUpdated { allocation_weights, exploration_boost: None, reason: String::new() }.into(),
        );
        assert!((18..=22).contains(&count(&wishes)), "{}", count(&wishes));
        assert_eq!(wishes.turn(&Plan { keys: vec![], ..plan.clone() }, 3), None);
    }
}
