//! Payloads of feedback: what changes how the cycle runs.
use crate::contract::ids::{ConfigKey, Digest};
use std::collections::BTreeMap;

payloads! {
    /// Elo on a scale where the configuration's untrained network is 0.
    EloUpdated {
        config_key: ConfigKey, model_id: Digest, new_elo: f64, previous_elo: Option<f64>, elo_delta: f64,
        games_played: u32, match_id: Digest,
    }
    /// `refusals` candidates in a row were no stronger than the champion.
    PlateauDetected { config_key: ConfigKey, current_elo: Option<f64>, refusals: u32, plateau_type: String }
    /// A parameter of the next training or self-play job.
    HyperparameterUpdated { config_key: ConfigKey, param_name: String, old_value: Option<f64>, new_value: f64,
        optimizer: String, reason: String }
    /// Factor on the search's root noise, from 1 (none) to 2.
    ExplorationBoost { config_key: ConfigKey, boost_factor: f64, reason: String, anomaly_count: Option<u32> }
    /// Rates in games an hour.
    SelfplayRateChanged { config_key: ConfigKey, old_rate: f64, new_rate: f64, reason: String }
    /// Games wanted until the next export, and the priority of their jobs (0 to 100).
    SelfplayTargetUpdated { config_key: ConfigKey, target_games: u64, reason: String, priority: u8 }
    /// Shares by configuration; they sum to 1.
    SelfplayAllocationUpdated { allocation_weights: BTreeMap<String, f64>, exploration_boost: Option<f64>,
        reason: String }
}
