//! When tasks run: the order of the queue, how long tasks take, peak hours.
use super::check::Check;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};

/// The order in which waiting items get slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduler {
    /// Maximum share of the slots granted per type within the window that one configuration gets while others are
    /// queued, in percent, 1 to 100. CRITICAL jobs are exempt.
    pub share_percent: f64,
    /// Length of the window in seconds, 60 to 86,400.
    pub window_seconds: u32,
    /// Seconds in the queue after which the priority of a job rises by one level, 60 to 604,800.
    pub ageing_seconds: u32,
    /// A job with a deadline becomes CRITICAL this many seconds before its latest possible start, 0 to 86,400.
    pub deadline_margin_seconds: u32,
}

impl Default for Scheduler {
    fn default() -> Self {
        Scheduler { share_percent: 30.0, window_seconds: 3600, ageing_seconds: 14_400, deadline_margin_seconds: 1800 }
    }
}

impl Scheduler {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("scheduler.share_percent", self.share_percent, 1.0, 100.0);
        check.range("scheduler.window_seconds", self.window_seconds, 60, 86_400);
        check.range("scheduler.ageing_seconds", self.ageing_seconds, 60, 604_800);
        check.range("scheduler.deadline_margin_seconds", self.deadline_margin_seconds, 0, 86_400);
    }
}

/// How long tasks take, and when long ones may begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// Assumed duration of each job type in seconds until enough jobs have finished, 1 to 604,800.
    pub default_seconds: DefaultSeconds,
    /// Days of runs that an estimate uses first, 1 to 365. Older runs used other models.
    pub recent_days: u32,
    /// Days of runs that it uses if those are too few, from recent_days to 3650. Older runs are deleted.
    pub long_days: u32,
    /// Minimum number of runs for an estimate, 1 to 1000.
    pub min_runs: u32,
    /// A running job older than the upper bound of its estimate times this factor is reported as possibly hung, 1 to
    /// 100.
    pub stale_factor: f64,
    /// Hour (UTC) at which the peak hours start, 0 to 23.
    pub peak_start_hour: u32,
    /// Hour (UTC) at which the peak hours end, 0 to 23. Equal to the start: no peak hours.
    pub peak_end_hour: u32,
    /// Estimated duration in seconds from which a job counts as long, 1 to 604,800.
    pub long_seconds: u32,
    /// Do not start long jobs that would run into the peak hours. Exempt are CRITICAL jobs and jobs without an
    /// estimate.
    pub avoid_peak: bool,
}

/// Seconds by type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DefaultSeconds {
    pub selfplay: u32,
    pub export: u32,
    pub training: u32,
    pub evaluation: u32,
    pub tournament: u32,
    pub cmaes: u32,
    pub pipeline: u32,
    pub improvement: u32,
    pub sync: u32,
}

impl Default for DefaultSeconds {
    fn default() -> Self {
        DefaultSeconds {
            selfplay: 3600,
            export: 300,
            training: 14_400,
            evaluation: 3600,
            tournament: 1800,
            cmaes: 28_800,
            pipeline: 21_600,
            improvement: 43_200,
            sync: 600,
        }
    }
}

impl DefaultSeconds {
    /// Of a type.
    pub fn of(&self, kind: JobType) -> u32 {
        match kind {
            JobType::Selfplay => self.selfplay,
            JobType::Export => self.export,
            JobType::Training => self.training,
            JobType::Evaluation => self.evaluation,
            JobType::Tournament => self.tournament,
            JobType::Cmaes => self.cmaes,
            JobType::Pipeline => self.pipeline,
            JobType::Improvement => self.improvement,
            JobType::Sync => self.sync,
        }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Durations {
            default_seconds: DefaultSeconds::default(),
            recent_days: 7,
            long_days: 30,
            min_runs: 3,
            stale_factor: 2.0,
            peak_start_hour: 14,
            peak_end_hour: 22,
            long_seconds: 7200,
            avoid_peak: true,
        }
    }
}

impl Durations {
    pub(super) fn check(&self, check: &mut Check) {
        for kind in JobType::ALL {
            check.range(&format!("durations.default_seconds.{kind}"), self.default_seconds.of(kind), 1, 604_800);
        }
        check.range("durations.recent_days", self.recent_days, 1, 365);
        check.range("durations.long_days", self.long_days, 1, 3650);
        check.at_least("durations.long_days", self.long_days, "durations.recent_days", self.recent_days);
        check.range("durations.min_runs", self.min_runs, 1, 1000);
        check.range("durations.stale_factor", self.stale_factor, 1.0, 100.0);
        check.range("durations.peak_start_hour", self.peak_start_hour, 0, 23);
        check.range("durations.peak_end_hour", self.peak_end_hour, 0, 23);
        check.range("durations.long_seconds", self.long_seconds, 1, 604_800);
    }
}

/// The controller that keeps nodes within their utilisation targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizer {
    /// Control period in seconds, 10 to 3600; gains and steps are per period. Must not be shorter than a job needs to
    /// start.
    pub period_seconds: u32,
    /// Seconds of samples from which a trend is computed, 60 to 86,400.
    pub window_seconds: u32,
    /// Seconds that a trend is extrapolated, 10 to 3600.
    pub horizon_seconds: u32,
    /// Minimum number of samples for a trend, 2 to 1000.
    pub min_samples: u32,
    /// Minimum confidence of a trend that is acted on, 0 to 1.
    pub min_confidence: f64,
    /// Weight of the previous value in smoothed values, 0 to 0.95.
    pub smoothing: f64,
    /// Percentage points above which an error counts as large, above small_error.
    pub large_error: f64,
    /// Percentage points below which an error counts as small, below large_error.
    pub small_error: f64,
    /// Factor on all gains for a large error, 1 to 5.
    pub large_gain: f64,
    /// Factor on all gains for a small error, 0.1 to 1.
    pub small_gain: f64,
    /// Limit of the integral term in percentage points, 1 to 50.
    pub integral_points: f64,
    /// Maximum number of jobs added per period, 1 to 100, or an eighth of the node's limit if that is more.
    pub step_up: u32,
    /// Maximum number of jobs removed per period, 1 to 100, or an eighth of the node's limit if that is more.
    pub step_down: u32,
    /// Minimum self-play target in games per hour, 1 to 1,000,000, below rate_max.
    pub rate_min: f64,
    /// Maximum self-play target in games per hour, above rate_min.
    pub rate_max: f64,
    /// Self-play target in games per hour until one is requested, rate_min to rate_max.
    pub rate_initial: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer {
            period_seconds: 60,
            window_seconds: 600,
            horizon_seconds: 120,
            min_samples: 10,
            min_confidence: 0.5,
            smoothing: 0.3,
            large_error: 15.0,
            small_error: 5.0,
            large_gain: 1.5,
            small_gain: 0.7,
            integral_points: 15.0,
            step_up: 4,
            step_down: 2,
            rate_min: 100.0,
            rate_max: 5000.0,
            rate_initial: 1000.0,
        }
    }
}

impl Optimizer {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("optimizer.period_seconds", self.period_seconds, 10, 3600);
        check.range("optimizer.window_seconds", self.window_seconds, 60, 86_400);
        check.range("optimizer.horizon_seconds", self.horizon_seconds, 10, 3600);
        check.range("optimizer.min_samples", self.min_samples, 2, 1000);
        check.range("optimizer.min_confidence", self.min_confidence, 0.0, 1.0);
        check.range("optimizer.smoothing", self.smoothing, 0.0, 0.95);
        check.ascending(&[("optimizer.small_error", self.small_error), ("optimizer.large_error", self.large_error)]);
        check.range("optimizer.large_gain", self.large_gain, 1.0, 5.0);
        check.range("optimizer.small_gain", self.small_gain, 0.1, 1.0);
        check.range("optimizer.integral_points", self.integral_points, 1.0, 50.0);
        check.range("optimizer.step_up", self.step_up, 1, 100);
        check.range("optimizer.step_down", self.step_down, 1, 100);
        check.range("optimizer.rate_min", self.rate_min, 1.0, 1_000_000.0);
        check.ascending(&[("optimizer.rate_min", self.rate_min), ("optimizer.rate_max", self.rate_max)]);
        check.within("optimizer.rate_initial", self.rate_initial, self.rate_min, self.rate_max);
    }
}
