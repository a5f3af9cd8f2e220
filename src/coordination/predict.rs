//! Where a resource's use is going: a line through the smoothed samples of a window, and how far it can be trusted.
use crate::contract::config::Optimizer;
use crate::contract::time::{Span, Wall};

/// Weight of a new sample in the smoothing.
const ALPHA: f64 = 0.2;

/// A look ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Percent at the horizon.
    pub percent: f64,
    /// Percent points a second.
    pub slope: f64,
    /// 0 to 1.
    pub confidence: f64,
}

/// Samples are (time, percent), oldest first; drops those that have left the window, and those from the future of a
/// clock that went back.
pub fn trim(settings: &Optimizer, samples: &mut Vec<(Wall, f64)>, now: Wall) {
    let from = now - Span::of_secs(settings.window_seconds.into());
    samples.retain(|(at, _)| (from..=now).contains(at));
}

/// The use at the horizon, from at least `min_samples` samples; nothing when there are fewer, or all are of one moment.
pub fn predict(settings: &Optimizer, samples: &[(Wall, f64)], now: Wall) -> Option<Prediction> {
    if samples.len() < settings.min_samples as usize {
        return None;
    }
    let mut level = samples.first()?.1;
    let points: Vec<(f64, f64)> = samples
        .iter()
        .map(|(at, percent)| {
            level = ALPHA * percent + (1.0 - ALPHA) * level;
            ((*at - now).secs_f64(), level)
        })
        .collect();
    let count = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    if spread <= f64::EPSILON {
        return None;
    }
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
    let percent = (y + slope * (f64::from(settings.horizon_seconds) - x)).clamp(0.0, 100.0);
    // How far the samples themselves lie from a line: jobs that come and go make a trend worthless.
    let raw_mean = samples.iter().map(|s| s.1).sum::<f64>() / count;
    let off = |s: &(Wall, f64)| (s.1 - raw_mean - slope * ((s.0 - now).secs_f64() - x)).powi(2);
    let variance = samples.iter().map(off).sum::<f64>() / count;
    let enough = (count / (2.0 * f64::from(settings.min_samples))).min(1.0);
    Some(Prediction { percent, slope, confidence: enough * (1.0 - variance / 100.0).max(0.1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Wall {
        Wall::default() + Span::SECOND * seconds
    }

    fn line(count: i64, step: i64, from: f64, slope: f64) -> Vec<(Wall, f64)> {
        (0..count).map(|n| (at(n * step), from + slope * (n * step) as f64)).collect()
    }

    #[test]
    fn a_steady_rise_is_seen_and_trusted_and_noise_is_not() {
        let settings = Optimizer::default();
        let samples = line(20, 30, 50.0, 0.05);
        let seen = predict(&settings, &samples, at(570)).expect("enough samples");
        assert!((seen.slope - 0.05).abs() < 0.01 && seen.confidence > 0.9, "{seen:?}");
        assert!((75.0..90.0).contains(&seen.percent), "{seen:?}");
        let noise: Vec<_> =
            samples.iter().enumerate().map(|(n, s)| (s.0, if n % 2 == 0 { 90.0 } else { 30.0 })).collect();
        assert!(predict(&settings, &noise, at(570)).expect("enough").confidence < 0.2);
    }

    #[test]
    fn too_few_and_too_old_samples_say_nothing() {
        let settings = Optimizer::default();
        assert_eq!(predict(&settings, &line(9, 30, 50.0, 0.1), at(0)), None);
        assert_eq!(predict(&settings, &line(20, 0, 50.0, 0.1), at(0)), None, "all of one moment");
        let mut samples = line(100, 30, 50.0, 0.0);
        trim(&settings, &mut samples, at(2970));
        assert_eq!(samples.len(), 21);
        trim(&settings, &mut samples, at(0));
        assert!(samples.is_empty(), "a clock that went back leaves nothing to trust");
    }
}
