//! The closed list of event types with name, wire name, category, repeat rule and retention.
use super::*;
use crate::contract::wire::field_of;
use Category::*;
use Dedup::*;

/// Why a payload is not one of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload of {kind}: {why}")]
pub struct PayloadError {
    /// The event type's name.
    pub kind: &'static str,
    /// The field, where it is known.
    pub field: Option<String>,
    /// The field, what was expected, what was given.
    pub why: String,
}

macro_rules! catalogue {
    ($($kind:ident $name:literal $wire:literal $category:ident $dedup:expr, $days:literal, $purpose:literal;)*) => {
        /// Every event type that ringrift's own code publishes or handles.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType { $(#[doc = $purpose] $kind,)* }

        /// A payload of any type.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs)]
        pub enum Payload { $($kind($kind),)* }

        impl EventType {
            /// All types, in the order of the catalogue.
            pub const ALL: &'static [EventType] = &[$(EventType::$kind,)*];
            /// What is known of the type.
            pub fn info(self) -> TypeInfo {
                match self {
                    $(EventType::$kind => TypeInfo {
                        kind: self, name: $name, wire: $wire, category: $category,
                        dedup: $dedup, retain_days: $days, purpose: $purpose,
                    },)*
                }
            }
            /// The type with this wire name.
            pub fn from_wire(wire: &str) -> Option<EventType> {
                match wire { $($wire => Some(EventType::$kind),)* _ => None }
            }
            /// The type with this name, as users know it.
            pub fn from_name(name: &str) -> Option<EventType> {
                match name { $($name => Some(EventType::$kind),)* _ => None }
            }
        }

        impl Payload {
            /// Checks and reads a payload; the error names the field.
            pub fn parse(kind: EventType, value: &serde_json::Value) -> Result<Payload, PayloadError> {
                match kind {
                    $(EventType::$kind => serde_path_to_error::deserialize::<_, $kind>(value)
                        .map(Payload::$kind)
                        .map_err(|e| PayloadError { kind: $name, field: field_of(&e), why: describe(&e) }),)*
                }
            }
            /// The payload's type.
            pub fn kind(&self) -> EventType {
                match self { $(Payload::$kind(_) => EventType::$kind,)* }
            }
            /// The payload as the wire carries it.
            pub fn to_map(&self) -> Map<String, Value> {
                match self { $(Payload::$kind(p) => p.to_map(),)* }
            }
        }

        $(impl From<$kind> for Payload { fn from(p: $kind) -> Payload { Payload::$kind(p) } })*
    };
}

/// The field's path before serde's words; a missing field has no path but is named in them.
fn describe(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    match error.path().to_string().as_str() {
        "." => error.inner().to_string(),
        path => format!("field {path}: {}", error.inner()),
    }
}

catalogue! {
    // the training cycle
    SelfplayComplete "SELFPLAY_COMPLETE" "selfplay_complete" Cycle UniqueForever, 30, "A self-play job's games are in \
        the catalog.";
    NewGamesAvailable "NEW_GAMES_AVAILABLE" "new_games" Cycle UniqueForever, 30, "A node has new games.";
    DataSyncStarted "DATA_SYNC_STARTED" "sync_started" Cycle EveryOne, 7, "A transfer of games, samples or models \
        started.";
    DataSyncCompleted "DATA_SYNC_COMPLETED" "sync_completed" Cycle EveryOne, 30, "A transfer finished and its files \
        are verified.";
    DataSyncFailed "DATA_SYNC_FAILED" "sync_failed" Cycle EveryOne, 30, "A transfer failed.";
    SyncRequest "SYNC_REQUEST" "sync_request" Cycle EveryOne, 7, "A transfer of games, samples or models is requested.";
    NpzExportStarted "NPZ_EXPORT_STARTED" "npz_export_started" Cycle UniqueForever, 7, "An export job started.";
    NpzExportComplete "NPZ_EXPORT_COMPLETE" "npz_export_complete" Cycle UniqueForever, 30, "Training samples are in \
        the catalog.";
    TrainingThresholdReached "TRAINING_THRESHOLD_REACHED" "training_threshold" Cycle UniqueForever, 30, "There are enough samples for a training.";
    TrainingStarted "TRAINING_STARTED" "training_started" Cycle UniqueForever, 30, "A training job started.";
    TrainingProgress "TRAINING_PROGRESS" "training_progress" Cycle EveryOne, 3, "A training job finished an epoch.";
    TrainingCompleted "TRAINING_COMPLETED" "training_completed" Cycle UniqueForever, 90, "A trained model is in the \
        catalog.";
    TrainingFailed "TRAINING_FAILED" "training_failed" Cycle UniqueForever, 90, "A training job failed after its last \
        attempt.";
    EvaluationStarted "EVALUATION_STARTED" "evaluation_started" Cycle UniqueForever, 30, "A match of candidate \
        against champion started.";
    EvaluationCompleted "EVALUATION_COMPLETED" "evaluation_completed" Cycle UniqueForever, 90, "The result of a match \
        is in the catalog.";
    EvaluationFailed "EVALUATION_FAILED" "evaluation_failed" Cycle UniqueForever, 90, "A match could not be played.";
    ModelPromoted "MODEL_PROMOTED" "model_promoted" Cycle UniqueForever, 365, "A candidate became the champion of its \
        configuration.";
    RulesChanged "RULES_CHANGED" "rules_changed" Cycle EveryOne, 365, "The version of the game's rules changed; the \
        configuration starts from scratch.";
    PromotionFailed "PROMOTION_FAILED" "promotion_failed" Cycle UniqueForever, 365, "A promotion could not be carried \
        out.";
    PromotionRejected "PROMOTION_REJECTED" "promotion_rejected" Cycle UniqueForever, 365, "A candidate was rejected.";
    ModelDistributionStarted "MODEL_DISTRIBUTION_STARTED" "model_distribution_started" Cycle UniqueForever, 30, "The distribution of a promoted model started.";
    ModelDistributionComplete "MODEL_DISTRIBUTION_COMPLETE" "model_distribution_complete" Cycle UniqueForever, 90, "Self-play uses the promoted model.";
    ModelDistributionFailed "MODEL_DISTRIBUTION_FAILED" "model_distribution_failed" Cycle EveryOne, 90, "The distribution of a promoted model failed.";
    // feedback
    EloUpdated "ELO_UPDATED" "elo_updated" Feedback UniqueForever, 365, "A model has a new rating.";
    PlateauDetected "PLATEAU_DETECTED" "plateau_detected" Feedback UniqueForever, 90, "Strength has stopped growing.";
    HyperparameterUpdated "HYPERPARAMETER_UPDATED" "hyperparameter_updated" Feedback UniqueForever, 90, "A training parameter changed; it applies from the next job on.";
    ExplorationBoost "EXPLORATION_BOOST" "exploration_boost" Feedback UniqueForever, 90, "The exploration factor of \
        self-play changed.";
    SelfplayRateChanged "SELFPLAY_RATE_CHANGED" "selfplay_rate_changed" Feedback UniqueForever, 30, "The self-play \
        target (games per hour) changed.";
    SelfplayTargetUpdated "SELFPLAY_TARGET_UPDATED" "selfplay_target_updated" Feedback UniqueForever, 30, "The number of games wanted for a configuration and their priority changed.";
    SelfplayAllocationUpdated "SELFPLAY_ALLOCATION_UPDATED" "selfplay_allocation_updated" Feedback UniqueForever, 30, "The division of self-play among the configurations changed.";
    // work
    WorkQueued "WORK_QUEUED" "work_queued" Work UniqueForever, 7, "A job was queued.";
    WorkClaimed "WORK_CLAIMED" "work_claimed" Work UniqueForever, 7, "A job got a slot on a node.";
    WorkStarted "WORK_STARTED" "work_started" Work UniqueForever, 7, "A job started in its unit.";
    WorkCompleted "WORK_COMPLETED" "work_completed" Work UniqueForever, 30, "A job completed; its artefacts are not \
        registered yet.";
    WorkFailed "WORK_FAILED" "work_failed" Work UniqueForever, 30, "A job failed after its last attempt.";
    WorkRetry "WORK_RETRY" "work_retry" Work UniqueForever, 7, "A job failed and will be retried.";
    WorkTimeout "WORK_TIMEOUT" "work_timeout" Work UniqueForever, 30, "A job exceeded its timeout.";
    WorkCancelled "WORK_CANCELLED" "work_cancelled" Work UniqueForever, 30, "A job was cancelled.";
    TaskHeartbeat "TASK_HEARTBEAT" "task_heartbeat" Work EveryOne, 1, "A running job reported progress.";
    JobPreempted "JOB_PREEMPTED" "job_preempted" Work UniqueForever, 30, "A running job was preempted by a CRITICAL \
        one.";
    TaskOrphaned "TASK_ORPHANED" "task_orphaned" Work UniqueForever, 30, "The lease of a job expired; the job is \
        fenced off and its unit stopped.";
    // daemons
    DaemonStarted "DAEMON_STARTED" "daemon_started" Daemon UniqueForever, 30, "A daemon is ready.";
    DaemonStopped "DAEMON_STOPPED" "daemon_stopped" Daemon UniqueForever, 30, "A daemon drained and stopped.";
    DaemonStatusChanged "DAEMON_STATUS_CHANGED" "daemon_status_changed" Daemon EveryOne, 30, "A daemon's state or \
        health changed.";
    DaemonPermanentlyFailed "DAEMON_PERMANENTLY_FAILED" "daemon_permanently_failed" Daemon UniqueForever, 90, "A daemon failed and used up its restarts.";
    DatabaseQuarantined "DATABASE_QUARANTINED" "database_quarantined" Daemon UniqueForever, 90, "A damaged or missing \
        database was replaced.";
    DaemonHealth "DAEMON_HEALTH" "daemon_health" Daemon EveryOne, 1, "A daemon's health, at its interval.";
    // hosts
    HostOnline "HOST_ONLINE" "host_online" Host EveryOne, 30, "The master of a node started.";
    HostOffline "HOST_OFFLINE" "host_offline" Host EveryOne, 30, "The master of a node stopped.";
    HealthCheckPassed "HEALTH_CHECK_PASSED" "health_check_passed" Host EveryOne, 7, "The health check of a node \
        passes again.";
    HealthCheckFailed "HEALTH_CHECK_FAILED" "health_check_failed" Host EveryOne, 30, "The health check of a node \
        failed.";
    DiskSpaceLow "DISK_SPACE_LOW" "disk_space_low" Host Window(300), 30, "A file system is above its threshold.";
    ResourceConstraint "RESOURCE_CONSTRAINT" "resource_constraint" Host Window(60), 7, "A resource is above its \
        threshold; no job starts.";
    IdleResourceDetected "IDLE_RESOURCE_DETECTED" "idle_resource_detected" Host EveryOne, 7, "Cores or GPUs were idle.";
    BackpressureActivated "BACKPRESSURE_ACTIVATED" "backpressure_activated" Host EveryOne, 7, "The queue is too long; \
        producers slow down.";
    BackpressureReleased "BACKPRESSURE_RELEASED" "backpressure_released" Host EveryOne, 7, "The queue is short enough \
        again.";
    // the router
    DlqStaleEvents "DLQ_STALE_EVENTS" "dlq_stale_events" Router Window(3600), 30, "There are too many dead letters.";
    DlqEventsReplayed "DLQ_EVENTS_REPLAYED" "dlq_events_replayed" Router EveryOne, 30, "Dead letters were delivered \
        again.";
}
