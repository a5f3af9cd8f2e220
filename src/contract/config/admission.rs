//! How fast tasks may be admitted, and when a type is barred from a node after failures.
use super::check::Check;
use serde::{Deserialize, Serialize};

/// Rates of admission: token buckets, a pause between starts, and the window of recent starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Tasks admitted a minute, all types together, 1 to 10,000,000: a mistake that asks for thousands is slowed down in time.
    pub per_minute: u32,
    /// Self-play tasks admitted a minute, 1 to 10,000,000: the one type that fills whatever is free.
    pub selfplay_per_minute: u32,
    /// Tokens that gather while nothing is asked for, 1 to 1,000,000: so many may start at once.
    pub burst: u32,
    /// Milliseconds between two starts of one type on one node, 0 to 60,000: a start shows its load before the next one.
    pub cooldown_ms: u32,
    /// Seconds that the window of recent starts on a node reaches back, 1 to 3600.
    pub window_seconds: u32,
    /// Starts in the window that are ordinary, 1 to 1,000,000; near and at this number starts are delayed, never refused for good.
    pub window_starts: u32,
    /// Percent of window_starts from which starts are delayed by near_delay_ms, 1 to 100.
    pub near_percent: u32,
    /// Milliseconds between two starts of one type on a node when the window is nearly full, 0 to 60,000.
    pub near_delay_ms: u32,
    /// Milliseconds between two starts of one type on a node when it is full, from near_delay_ms to 600,000.
    pub full_delay_ms: u32,
    /// Milliseconds after a job's end in which a type of `limits.idle_types` gets no slot, 0 to 60,000: the next stage's job is about
    /// to be started, and one more start at the same moment would hold it up. Self-play does not feel it.
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
        check.at_least("admission.per_minute", self.per_minute, "admission.selfplay_per_minute", self.selfplay_per_minute);
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
    /// Failures in a row that open it, 1 to 1000; running out of memory opens it at once.
    pub failures: u32,
    /// Tasks at once that try whether it works again, and successes that close it, 1 to 100.
    pub probes: u32,
    /// Seconds that it stays open: the first time, the second time in a row and so on, the last for all further times; 1 to 86,400
    /// each. It grows, because what fails again and again needs a person.
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
            check.fail("safeguards.breaker.recovery_seconds", "at least one number, as in [300, 300, 900, 3600]");
        }
        for seconds in &self.recovery_seconds {
            check.range("safeguards.breaker.recovery_seconds", *seconds, 1, 86_400);
        }
        if !self.recovery_seconds.is_sorted() {
            check.fail("safeguards.breaker.recovery_seconds", "the seconds must not fall from one to the next");
        }
    }
}
