//! Back-pressure as one number: how much is already waiting, how full the machine is, and what that leaves of the
//! self-play rate.
use crate::contract::config::{Limits, Safeguards};

/// What goes into the signal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// Items that wait or run.
    pub queue: u32,
    /// Training items that wait.
    pub training: u32,
    /// Sync items that wait.
    pub sync: u32,
    /// Percent; none: not known, which counts as full.
    pub disk: Option<f64>,
    /// Percent; none: not known, which counts as full.
    pub memory: Option<f64>,
}

/// The levels by growing signal, and the share of the self-play rate that each name stands for.
pub const LEVELS: [(&str, f64); 8] = [
    ("NONE", 1.0),
    ("LOW", 0.75),
    ("SOFT", 0.5),
    ("MEDIUM", 0.25),
    ("HARD", 0.1),
    ("HIGH", 0.05),
    ("CRITICAL", 0.01),
    ("STOP", 0.0),
];

/// The signal and what follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// 0, nothing waits, to 1, all is full.
    pub value: f64,
    /// What is left of the self-play rate, 0 to 1; under a tenth it is 0.
    pub multiplier: f64,
    /// The nearest of `LEVELS` that is not above the multiplier.
    pub level: &'static str,
}

/// Weighs: queue .30, training .25, disk .20, sync .15, memory .10. The multiplier falls in a line between the two
/// configured ends.
pub fn signal(load: Load, limits: &Limits, rules: &Safeguards) -> Signal {
    let share = |part: u32, whole: u32| (f64::from(part) / f64::from(whole.max(1))).min(1.0);
    let full = |percent: Option<f64>, critical: f64| {
        percent.filter(|p| p.is_finite()).map_or(1.0, |p| (p / critical.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0))
    };
    let b = &rules.backpressure;
    let value = 0.30 * share(load.queue, limits.queue_hard)
        + 0.25 * share(load.training, b.training_hard)
        + 0.20 * full(load.disk, rules.disk.critical)
        + 0.15 * share(load.sync, b.sync_hard)
        + 0.10 * full(load.memory, rules.memory.critical);
    let line = ((b.stop_at - value) / (b.stop_at - b.slow_from)).clamp(0.0, 1.0);
    let multiplier = if line < 0.1 { 0.0 } else { line };
    let level = LEVELS.iter().find(|(_, factor)| *factor <= multiplier).map_or("STOP", |(name, _)| name);
    Signal { value, multiplier, level }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(load: Load) -> Signal {
        signal(load, &Limits::default(), &Safeguards::default())
    }

    #[test]
    fn empty_is_none_and_full_is_stop() {
        let empty = Load { disk: Some(0.0), memory: Some(0.0), ..Load::default() };
        assert_eq!(of(empty), Signal { value: 0.0, multiplier: 1.0, level: "NONE" });
        let full = Load { queue: 2000, training: 99, sync: 9999, disk: None, memory: Some(99.0) };
        let signal = of(full);
        assert!((signal.value - 1.0).abs() < 1e-9 && signal.multiplier == 0.0 && signal.level == "STOP", "{signal:?}");
        let half = Load { queue: 1000, training: 20, disk: Some(0.0), memory: Some(0.0), ..Load::default() };
        let signal = of(half);
        assert!(
            (signal.value - 0.55).abs() < 1e-9 && (signal.multiplier - 0.5833).abs() < 1e-3 && signal.level == "SOFT",
            "{signal:?}"
        );
    }

    #[test]
    fn a_machine_just_below_its_thresholds_alone_slows_nothing() {
        let busy = Load { disk: Some(69.0), memory: Some(79.0), ..Load::default() };
        assert_eq!(of(busy).multiplier, 1.0);
    }

    proptest! {
        #[test]
        fn more_waiting_never_speeds_up(a in 0u32..3000, b in 0u32..3000, training in 0u32..50, disk in 0.0f64..100.0) {
            let load = |queue| Load { queue, training, sync: 0, disk: Some(disk), memory: Some(50.0) };
            let (low, high) = (of(load(a.min(b))), of(load(a.max(b))));
            prop_assert!(high.multiplier <= low.multiplier && high.value >= low.value);
            prop_assert!((0.0..=1.0).contains(&high.value) && (high.multiplier == 0.0 || high.multiplier >= 0.1));
        }
    }
}
