//! Utilisation targets, the PID's gains, and the thresholds of resources.
use super::BreakerRules;
use super::check::Check;
use serde::{Deserialize, Serialize};

/// Utilisation targets in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceTargets {
    /// Percent: lower end of the band for CPU, above scale_up; RINGRIFT_TARGET_UTIL_MIN. Below 60 a machine is not worth its price.
    pub cpu_min: f64,
    /// Percent: upper end, below scale_down; RINGRIFT_TARGET_UTIL_MAX. Above 80 the daemons themselves would be late.
    pub cpu_max: f64,
    /// Percent: where it should be, between cpu_min and cpu_max.
    pub cpu_target: f64,
    /// Percent: lower end of the band for GPU, above scale_up; RINGRIFT_TARGET_UTIL_MIN.
    pub gpu_min: f64,
    /// Percent: upper end, below scale_down; RINGRIFT_TARGET_UTIL_MAX.
    pub gpu_max: f64,
    /// Percent: where it should be, between gpu_min and gpu_max.
    pub gpu_target: f64,
    /// Percent below which jobs are added, 0 to 100.
    pub scale_up: f64,
    /// Percent above which jobs are shed, 0 to 100.
    pub scale_down: f64,
    /// The PID controller that follows the targets.
    pub pid: Pid,
}

/// The PID's gains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pid {
    /// Proportional gain, 0 to 10; RINGRIFT_PID_KP.
    pub kp: f64,
    /// Integral gain, 0 to 10; RINGRIFT_PID_KI.
    pub ki: f64,
    /// Derivative gain, 0 to 10; RINGRIFT_PID_KD.
    pub kd: f64,
    /// Larger gains for large errors, smaller for small ones.
    pub gain_scheduling: bool,
}

impl Default for Pid {
    fn default() -> Self {
        Pid { kp: 0.3, ki: 0.05, kd: 0.1, gain_scheduling: true }
    }
}

impl Default for ResourceTargets {
    fn default() -> Self {
        ResourceTargets {
            cpu_min: 60.0,
            cpu_max: 80.0,
            cpu_target: 70.0,
            gpu_min: 60.0,
            gpu_max: 80.0,
            gpu_target: 70.0,
            scale_up: 55.0,
            scale_down: 85.0,
            pid: Pid::default(),
        }
    }
}

impl ResourceTargets {
    pub(super) fn check(&self, check: &mut Check) {
        for (kind, low, target, high) in
            [("cpu", self.cpu_min, self.cpu_target, self.cpu_max), ("gpu", self.gpu_min, self.gpu_target, self.gpu_max)]
        {
            check.ascending(&[
                ("resource_targets.scale_up", self.scale_up),
                (&format!("resource_targets.{kind}_min"), low),
                (&format!("resource_targets.{kind}_target"), target),
                (&format!("resource_targets.{kind}_max"), high),
                ("resource_targets.scale_down", self.scale_down),
            ]);
        }
        check.range("resource_targets.scale_up", self.scale_up, 0.0, 100.0);
        check.range("resource_targets.scale_down", self.scale_down, 0.0, 100.0);
        check.range("resource_targets.pid.kp", self.pid.kp, 0.0, 10.0);
        check.range("resource_targets.pid.ki", self.pid.ki, 0.0, 10.0);
        check.range("resource_targets.pid.kd", self.pid.kd, 0.0, 10.0);
    }
}

/// A pair of thresholds in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Reported from here on.
    pub warning: f64,
    /// No new work from here on.
    pub critical: f64,
}

/// Thresholds of resources in percent, warning below critical.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Safeguards {
    /// Percent used of the state directory's file system: warning is reported, at critical no new work and no new files, so that
    /// the databases still have room.
    pub disk: Threshold,
    /// Percent used of the inodes there, likewise: many small files fill a file system that has room.
    pub inodes: Threshold,
    /// Percent of memory used without caches: warning is reported, at critical no new jobs.
    pub memory: Threshold,
    /// Percent of CPU used: warning is informational, at critical a type that runs on the node already gets no further job there. One
    /// of each type always may run: the scheduler shares processors, and a loop that stands still frees nothing. 100: no gate.
    pub cpu: Threshold,
    /// Percent of GPU used, likewise, for types that use one; 100: no gate.
    pub gpu: Threshold,
    /// Load average over a minute per processor above which no further job is granted, as with CPU, 0.1 to 1000.
    pub load_per_cpu: f64,
    /// Percent of time in which some task waits for memory (PSI, over 10 s): at critical no new jobs, whatever the use says.
    pub memory_stall: Threshold,
    /// Samples, transfers and items that wait, above which the weighted back-pressure signal counts them as full.
    pub backpressure: Backpressure,
    /// Circuit breakers.
    pub breaker: BreakerRules,
    /// Percent below a threshold that ends its effect, 0 to 20: without it a value at the edge would flutter.
    pub hysteresis: f64,
}

/// What counts as full in the weighted back-pressure signal. Its weights are the original's: queue .30, training .25, disk .20, sync .15,
/// memory .10; disk and memory are full at their critical thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backpressure {
    /// Training items that wait and count as full, 1 to 100,000: each is hours of work.
    pub training_hard: u32,
    /// Sync items that wait and count as full, 1 to 100,000.
    pub sync_hard: u32,
    /// The signal from which self-play is slowed, 0 to 1.
    pub slow_from: f64,
    /// The signal from which self-play stops, above slow_from, 0 to 1.
    pub stop_at: f64,
}

impl Default for Backpressure {
    fn default() -> Self {
        Backpressure { training_hard: 20, sync_hard: 500, slow_from: 0.3, stop_at: 0.9 }
    }
}

impl Backpressure {
    fn check(&self, check: &mut Check) {
        check.range("safeguards.backpressure.training_hard", self.training_hard, 1, 100_000);
        check.range("safeguards.backpressure.sync_hard", self.sync_hard, 1, 100_000);
        check.range("safeguards.backpressure.slow_from", self.slow_from, 0.0, 1.0);
        check.range("safeguards.backpressure.stop_at", self.stop_at, 0.0, 1.0);
        check.ascending(&[("safeguards.backpressure.slow_from", self.slow_from), ("safeguards.backpressure.stop_at", self.stop_at)]);
    }
}

impl Default for Safeguards {
    fn default() -> Self {
        let pair = |warning, critical| Threshold { warning, critical };
        Safeguards {
            disk: pair(65.0, 70.0),
            inodes: pair(80.0, 90.0),
            memory: pair(70.0, 80.0),
            cpu: pair(70.0, 80.0),
            gpu: pair(70.0, 80.0),
            load_per_cpu: 1.5,
            memory_stall: pair(10.0, 20.0),
            backpressure: Backpressure::default(),
            breaker: BreakerRules::default(),
            hysteresis: 2.0,
        }
    }
}

impl Safeguards {
    pub(super) fn check(&self, check: &mut Check) {
        for (name, t) in [
            ("disk", self.disk),
            ("inodes", self.inodes),
            ("memory", self.memory),
            ("cpu", self.cpu),
            ("gpu", self.gpu),
            ("memory_stall", self.memory_stall),
        ] {
            let (warning, critical) = (format!("safeguards.{name}.warning"), format!("safeguards.{name}.critical"));
            check.range(&warning, t.warning, 0.0, 100.0);
            check.range(&critical, t.critical, 0.0, 100.0);
            check.ascending(&[(&warning, t.warning), (&critical, t.critical)]);
        }
        check.range("safeguards.load_per_cpu", self.load_per_cpu, 0.1, 1000.0);
        self.backpressure.check(check);
        self.breaker.check(check);
        check.range("safeguards.hysteresis", self.hysteresis, 0.0, 20.0);
    }
}
