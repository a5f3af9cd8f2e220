//! How fast tasks may be admitted, and when a type is barred from a node after failures.
use super::check::Check;
use serde::{Deserialize, Serialize};

/// Rates of admission: token buckets, a pause between starts, and the window of recent starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Jobs admitted per minute, all types together, 1 to 10,000,000. Limits the damage of a mistake that queues
    /// thousands.
    pub per_minute: u32,
    /// Self-play jobs admitted per minute, 1 to 10,000,000, at most per_minute. Self-play is the type that fills all
    /// free slots.
    pub selfplay_per_minute: u32,
    /// Maximum number of unused tokens, and so of jobs that may start at once, 1 to 1,000,000.
    pub burst: u32,
    /// Milliseconds between two starts of one type on one node, 0 to 60,000, so that the load of a start is measured
    /// before the next one.
    pub cooldown_ms: u32,
    /// Length in seconds of the window in which starts on a node are counted, 1 to 3600.
    pub window_seconds: u32,
    /// Starts within the window above which further starts are delayed by full_delay_ms, 1 to 1,000,000. Starts are
    /// delayed, never rejected.
    pub window_starts: u32,
    /// Percentage of window_starts from which starts are delayed by near_delay_ms, 1 to 100.
    pub near_percent: u32,
    /// Milliseconds between two starts of one type on a node when the window is nearly full, 0 to 60,000.
    pub near_delay_ms: u32,
    /// Milliseconds between two starts of one type on a node when the window is full, near_delay_ms to 600,000.
    pub full_delay_ms: u32,
    /// Milliseconds after the end of a job during which no job of a type in `limits.idle_types` starts, 0 to 60,000.
    /// The next stage's job starts at that moment and must not be slowed down; for self-play the delay makes no
    /// difference.
    pub settle_ms: u32,
}

impl Default for Admission {
    fn default() -> Self {
        Admission {
            per_minute: 60,
            selfplay_per_minute: 30,
            burst: 10,
            cooldown_ms: 1000,
            window_seconds: 60,
            window_starts: 30,
            near_percent: 80,
            near_delay_ms: 1000,
            full_delay_ms: 5000,
            settle_ms: 250,
        }
    }
}

impl Admission {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("admission.per_minute", self.per_minute, 1, 10_000_000);
        check.range("admission.selfplay_per_minute", self.selfplay_per_minute, 1, 10_000_000);
        check.at_least(
            "admission.per_minute",
            self.per_minute,
            "admission.selfplay_per_minute",
            self.selfplay_per_minute,
        );
        check.range("admission.burst", self.burst, 1, 1_000_000);
        check.range("admission.cooldown_ms", self.cooldown_ms, 0, 60_000);
        check.range("admission.window_seconds", self.window_seconds, 1, 3600);
        check.range("admission.window_starts", self.window_starts, 1, 1_000_000);
        check.range("admission.near_percent", self.near_percent, 1, 100);
        check.range("admission.near_delay_ms", self.near_delay_ms, 0, 60_000);
        check.range("admission.full_delay_ms", self.full_delay_ms, 0, 600_000);
        check.range("admission.settle_ms", self.settle_ms, 0, 60_000);
        check.at_least("admission.full_delay_ms", self.full_delay_ms, "admission.near_delay_ms", self.near_delay_ms);
    }
}

/// Circuit breakers, one for each node and task type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerRules {
    /// Consecutive failures that open the breaker, 1 to 1000. Out of memory opens it at once.
    pub failures: u32,
    /// Number of trial jobs while half-open, all of which must succeed to close the breaker, 1 to 100.
    pub probes: u32,
    /// Seconds for which the breaker stays open: the first time, the second time in a row and so on, 1 to 86,400 each;
    /// the last value repeats. It grows because repeated failures need a person.
    pub recovery_seconds: Vec<u32>,
}

impl Default for BreakerRules {
    fn default() -> Self {
        BreakerRules { failures: 5, probes: 3, recovery_seconds: vec![300, 300, 900, 3600] }
    }
}

impl BreakerRules {
    pub(super) fn check(&self, check: &mut Check) {
        check.range("safeguards.breaker.failures", self.failures, 1, 1000);
        check.range("safeguards.breaker.probes", self.probes, 1, 100);
        if self.recovery_seconds.is_empty() {
            check.fail(
                "safeguards.breaker.recovery_seconds",
                "must have at least one number, for example [300, 300, 900, 3600]",
            );
        }
        for seconds in &self.recovery_seconds {
            check.range("safeguards.breaker.recovery_seconds", *seconds, 1, 86_400);
        }
        if !self.recovery_seconds.is_sorted() {
            check.fail("safeguards.breaker.recovery_seconds", "must be in ascending order");
        }
    }
}
