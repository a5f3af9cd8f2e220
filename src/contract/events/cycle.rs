//! Payloads of the training cycle. `model_id` is the model's SHA-256; paths are in the artefact store.
use crate::contract::ids::{ConfigKey, Digest, JobId, NodeId};

payloads! {
    /// Games of one self-play job. `games_per_second` is 0 when the job was shorter than the clock shows.
    SelfplayComplete {
        config_key: ConfigKey, games_completed: u64, total_games: Option<u64>, node_id: NodeId, job_id: JobId,
        model_id: Option<Digest>, shard_id: Digest, duration_seconds: f64, games_per_second: f64,
    }
    /// New games on a host; `total_games` counts the configuration's games in the catalog.
    NewGamesAvailable { host: NodeId, new_games: u64, total_games: u64, config_key: ConfigKey, shard_id: Digest,
        database_path: String }
    /// `sync_type` is games, training or models.
    DataSyncStarted { host: NodeId, sync_type: String }
    /// A finished transfer.
    DataSyncCompleted {
        host: NodeId, sync_type: String, files_synced: u64, bytes_transferred: u64, duration_seconds: f64,
        config_key: Option<ConfigKey>,
    }
    /// A failed transfer.
    DataSyncFailed { host: NodeId, error: String, retry_count: Option<u32> }
    /// `data_type` is games, training or models; `source` is who asks.
    SyncRequest { source: String, data_type: String, targets: Vec<NodeId>, reason: String, priority: u8 }
    /// An export job started its work.
    NpzExportStarted { config_key: ConfigKey, job_id: JobId }
    /// Samples of one export job.
    NpzExportComplete {
        config_key: ConfigKey, board_type: String, num_players: u8, job_id: JobId, samples_id: Digest,
        output_path: String,
        samples_exported: u64, games_exported: u64, duration_seconds: f64,
    }
    /// Samples enough; `triggered_at` in microseconds since 1970.
    TrainingThresholdReached { config_key: ConfigKey, sample_count: u64, threshold: u64, samples_id: Digest,
        triggered_at: i64 }
    /// A training job started its work.
    TrainingStarted { config_key: ConfigKey, board_type: String, num_players: u8, job_id: JobId,
        model_version: Option<Digest>, node_name: NodeId }
    /// One epoch; losses are in nats per sample.
    TrainingProgress { config_key: ConfigKey, job_id: JobId, epoch: u32, train_loss: Option<f64>,
        validation_loss: Option<f64> }
    /// A model that was trained. `parent_id` is what it started from.
    TrainingCompleted {
        config_key: ConfigKey, board_type: String, num_players: u8, job_id: JobId, model_id: Digest,
        model_path: String, parent_id: Option<Digest>,
        epochs: u32, final_loss: f64, samples_trained: u64, duration_seconds: f64, early_stopped: bool,
    }
    /// No model came of it.
    TrainingFailed { config_key: ConfigKey, job_id: JobId, error: String, duration_seconds: Option<f64> }
    /// A match started its work. A sequential test decides when it is enough, so `games_planned` is absent.
    EvaluationStarted { config_key: ConfigKey, model_id: Digest, job_id: JobId, games_planned: Option<u32> }
    /// A decided match. `elo` is the candidate's difference to the champion with its 95 % bounds; `sprt_decision` is
    /// accept_h1 (stronger), accept_h0 (not stronger) or continue (undecided at the last game).
    EvaluationCompleted {
        config_key: ConfigKey, board_type: String, num_players: u8, job_id: JobId, match_id: Digest,
        model_id: Digest, model_path: String, champion_id: Option<Digest>,
        games_played: u32, wins: u32, draws: u32, losses: u32, win_rate: f64, elo: f64, elo_low: f64, elo_high: f64,
        sprt_llr: f64, sprt_decision: String, vs_random: Option<f64>, vs_heuristic: Option<f64>,
    }
    /// No verdict came of it.
    EvaluationFailed { config_key: ConfigKey, model_id: Option<Digest>, job_id: JobId, error: String }
    /// A new champion; `generation` counts promotions of the configuration from 1.
    ModelPromoted {
        config_key: ConfigKey, model_id: Digest, model_path: String, generation: u32, match_id: Digest,
        new_elo: f64, previous_elo: Option<f64>, elo_delta: f64, supersedes: Option<Digest>, promoted_at: i64,
        tier: String,
    }
    /// The rules of the game are of another version; what was made under the previous one is kept and not used.
    RulesChanged { config_key: ConfigKey, rules_version: u32, previous: u32, reason: String }
    /// Decided, not done.
    PromotionFailed { config_key: ConfigKey, model_id: Digest, error: String }
    /// Refused; `reason` names the gate and its numbers.
    PromotionRejected { config_key: ConfigKey, model_id: Digest, match_id: Option<Digest>, reason: String,
        elo_improvement: Option<f64> }
    /// The switch of a node's current model began.
    ModelDistributionStarted { config_key: ConfigKey, model_id: Digest, target_hosts: Vec<NodeId> }
    /// The nodes in `target_hosts` play with the model.
    ModelDistributionComplete {
        config_key: ConfigKey, model_id: Digest, model_path: String, generation: u32, target_hosts: Vec<NodeId>,
        duration_seconds: f64,
    }
    /// The old model stays in use.
    ModelDistributionFailed { config_key: ConfigKey, model_id: Digest, error: String }
}
