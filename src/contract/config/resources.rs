//! Utilisation targets, the PID's gains, and the thresholds of resources.
use super::BreakerRules;
use super::check::Check;
use serde::{Deserialize, Serialize};

/// Utilisation targets in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceTargets {
    /// Lower end of the CPU target range in percent, above scale_up; RINGRIFT_TARGET_UTIL_MIN. Below 60 a machine is
    /// not worth its price.
    pub cpu_min: f64,
    /// Upper end of the CPU target range in percent, below scale_down; RINGRIFT_TARGET_UTIL_MAX. Above 80 the daemons
    /// themselves would be delayed.
    pub cpu_max: f64,
    /// CPU utilisation that the controller aims for in percent, between cpu_min and cpu_max.
    pub cpu_target: f64,
    /// Lower end of the GPU target range in percent, above scale_up; RINGRIFT_TARGET_UTIL_MIN.
    pub gpu_min: f64,
    /// Upper end of the GPU target range in percent, below scale_down; RINGRIFT_TARGET_UTIL_MAX.
    pub gpu_max: f64,
    /// GPU utilisation that the controller aims for in percent, between gpu_min and gpu_max.
    pub gpu_target: f64,
    /// Utilisation in percent below which jobs are added, 0 to 100.
    pub scale_up: f64,
    /// Utilisation in percent above which jobs are removed, 0 to 100.
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
    /// Use larger gains for large errors and smaller gains for small ones.
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
    /// Used space of the state directory's file system in percent. From warning on it is reported; from critical on no
    /// job starts and no file is written, so that the databases still have room.
    pub disk: Threshold,
    /// Used inodes of that file system in percent, with the same effects. Many small files can fill a file system that
    /// still has space.
    pub inodes: Threshold,
    /// Used memory in percent, without caches. From warning on it is reported; from critical on no job starts.
    pub memory: Threshold,
    /// CPU utilisation in percent. From warning on it is reported; from critical on at most one job per type runs on
    /// the node. One job per type is always admitted, because the kernel shares the processors and a stopped loop would
    /// not free anything. 100: no limit.
    pub cpu: Threshold,
    /// GPU utilisation in percent, with the same effects on types that use a GPU. 100: no limit.
    pub gpu: Threshold,
    /// Load average over one minute per processor above which at most one job per type runs on the node, 0.1 to 1000.
    pub load_per_cpu: f64,
    /// Percentage of the last 10 s in which some task was stalled on memory (PSI). From warning on it is reported; from
    /// critical on no job starts, whatever the memory utilisation.
    pub memory_stall: Threshold,
    /// Queue lengths that count as full in the weighted back-pressure signal. Its weights: queue 0.30, training 0.25,
    /// disk 0.20, sync 0.15, memory 0.10; disk and memory are full at their critical values.
    pub backpressure: Backpressure,
    /// Circuit breakers, one for each node and job type.
    pub breaker: BreakerRules,
    /// Percentage points below a threshold at which its effect ends, 0 to 20. Prevents flapping at the threshold.
    pub hysteresis: f64,
}

/// What counts as full in the weighted back-pressure signal. Its weights are the earlier implementation's: queue .30,
/// training .25, disk .20, sync .15, memory .10; disk and memory are full at their critical thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backpressure {
    /// Number of queued training jobs that counts as full, 1 to 100,000. Each is hours of work.
    pub training_hard: u32,
    /// Number of queued sync jobs that counts as full, 1 to 100,000.
    pub sync_hard: u32,
    /// Signal from which self-play is slowed down, 0 to 1, below stop_at.
    pub slow_from: f64,
    /// Signal from which self-play stops, above slow_from, 0 to 1.
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
        check.ascending(&[
            ("safeguards.backpressure.slow_from", self.slow_from),
            ("safeguards.backpressure.stop_at", self.stop_at),
        ]);
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
