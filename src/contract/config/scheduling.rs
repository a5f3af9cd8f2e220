//! When tasks run: the order of the queue, how long tasks take, peak hours.
use super::check::Check;
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};

/// The order in which waiting items get slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduler {
    /// Percent of a type's grants in the window that one configuration gets while others wait, 1 to 100. CRITICAL items are outside.
    pub share_percent: f64,
    /// Seconds of the window, 60 to 86,400: long enough to see a pattern, short enough to forgive.
    pub window_seconds: u32,
    /// Seconds of waiting that raise an item by a level, 60 to 604,800.
    pub ageing_seconds: u32,
    /// Seconds before its latest start from which an item with a deadline is CRITICAL, 0 to 86,400.
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
    /// Seconds that a task of each type is taken to last while too few have ended, 1 to 604,800.
    pub default_seconds: DefaultSeconds,
    /// Days whose runs an estimate rests on first, 1 to 365: what is older ran with other models.
    pub recent_days: u32,
    /// Days whose runs it rests on when those are too few, at least recent_days; older runs are forgotten.
    pub long_days: u32,
    /// Runs that are enough for an estimate, 1 to 1000.
    pub min_runs: u32,
    /// An estimate's upper bound times this is the age at which a task may hang, 1 to 100.
    pub stale_factor: f64,
    /// Hour of the day (UTC) at which the peak hours begin, 0 to 23.
    pub peak_start_hour: u32,
    /// Hour of the day (UTC) at which they end, 0 to 23; the same hour: there are none.
    pub peak_end_hour: u32,
    /// Seconds from which a task counts as long, 1 to 604,800.
    pub long_seconds: u32,
    /// Long tasks are not begun if they would run in the peak hours; CRITICAL ones and those whose length is only a guess are.
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
    /// Seconds of a control period, 10 to 3600: gains and limits are per period. Shorter than a job needs to start makes no sense.
    pub period_seconds: u32,
    /// Seconds of samples that a trend rests on, 60 to 86,400.
    pub window_seconds: u32,
    /// Seconds that a trend looks ahead, 10 to 3600.
    pub horizon_seconds: u32,
    /// Samples that are enough for a trend, 2 to 1000.
    pub min_samples: u32,
    /// Confidence from which a trend may act, 0 to 1.
    pub min_confidence: f64,
    /// Weight of the past in smoothed values, 0 to 0.95.
    pub smoothing: f64,
    /// Percent points above which an error counts as large, above small_error.
    pub large_error: f64,
    /// Percent points below which an error counts as small.
    pub small_error: f64,
    /// Factor on all gains for a large error, 1 to 5.
    pub large_gain: f64,
    /// Factor on all gains for a small error, 0.1 to 1.
    pub small_gain: f64,
    /// Percent points that the integral may contribute, 1 to 50.
    pub integral_points: f64,
    /// Jobs that one period may add, 1 to 100; an eighth of the node's limit if that is more.
    pub step_up: u32,
    /// Jobs that one period may take away, 1 to 100, likewise.
    pub step_down: u32,
    /// Games an hour: the least that is ever planned for.
    pub rate_min: f64,
    /// Games an hour: the most; above rate_min.
    pub rate_max: f64,
    /// Games an hour before anybody asked, rate_min to rate_max.
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
