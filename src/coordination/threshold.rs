//! Levels of a resource with hysteresis: a value at the edge does not flutter.
use crate::contract::config::Threshold;

/// How full something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Below the warning.
    #[default]
    Normal,
    /// Reported.
    Warning,
    /// New work is refused.
    Critical,
}

impl Level {
    /// For people and events.
    pub fn name(self) -> &'static str {
        match self {
            Level::Normal => "normal",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
    /// The level with this name.
    pub fn from_name(name: &str) -> Option<Level> {
        [Level::Normal, Level::Warning, Level::Critical].into_iter().find(|l| l.name() == name)
    }
}

/// The new level: it rises at a threshold and falls only `hysteresis` below it. A value that is not a number is
/// critical.
pub fn level(before: Level, percent: f64, threshold: Threshold, hysteresis: f64) -> Level {
    if percent.is_nan() {
        return Level::Critical;
    }
    let rising = if percent >= threshold.critical {
        Level::Critical
    } else if percent >= threshold.warning {
        Level::Warning
    } else {
        Level::Normal
    };
    if rising >= before {
        return rising;
    }
    let holds = |at: f64| percent >= at - hysteresis;
    match before {
        Level::Critical if holds(threshold.critical) => Level::Critical,
        Level::Critical | Level::Warning if holds(threshold.warning) => Level::Warning,
        _ => rising,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DISK: Threshold = Threshold { warning: 65.0, critical: 70.0 };

    #[test]
    fn rises_at_once_and_falls_late() {
        assert_eq!(level(Level::Normal, 65.0, DISK, 2.0), Level::Warning);
        assert_eq!(level(Level::Normal, 70.0, DISK, 2.0), Level::Critical);
        assert_eq!(level(Level::Critical, 68.5, DISK, 2.0), Level::Critical);
        assert_eq!(level(Level::Critical, 67.0, DISK, 2.0), Level::Warning);
        assert_eq!(level(Level::Warning, 64.0, DISK, 2.0), Level::Warning);
        assert_eq!(level(Level::Warning, 62.0, DISK, 2.0), Level::Normal);
        assert_eq!(level(Level::Normal, f64::NAN, DISK, 2.0), Level::Critical);
    }

    proptest! {
        #[test]
        fn at_or_above_critical_is_critical(before in 0..3usize, percent in 70.0f64..100.0) {
            let before = [Level::Normal, Level::Warning, Level::Critical][before];
            prop_assert_eq!(level(before, percent, DISK, 2.0), Level::Critical);
        }
        #[test]
        fn far_below_is_normal(before in 0..3usize, percent in 0.0f64..60.0) {
            let before = [Level::Normal, Level::Warning, Level::Critical][before];
            prop_assert_eq!(level(before, percent, DISK, 2.0), Level::Normal);
        }
    }
}
