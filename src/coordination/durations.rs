//! How long tasks take: a robust estimate from finished ones, when running ones will end, which have been running too long, and
//! whether a long one fits before the peak hours.
use crate::contract::config::Durations;
use crate::contract::workload::JobType;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// A normal distribution's standard deviation in units of the median absolute deviation.
const SIGMA: f64 = 1.4826;
/// Progress below this share says nothing about the end: jobs warm up.
const EARLY: f64 = 0.05;

/// A task that ended well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// When, microseconds since 1970.
    pub finished_us: i64,
    /// How long it took.
    pub seconds: f64,
}

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Runs of the last days (`recent_days`).
    Recent,
    /// Runs of the longer window (`long_days`).
    Long,
    /// The configured default: a guess.
    Default,
}

impl Basis {
    /// As shown.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Recent => "recent runs",
            Basis::Long => "older runs",
            Basis::Default => "default",
        }
    }
}

/// How long a task will take, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The median.
    pub seconds: f64,
    /// Hardly shorter.
    pub low: f64,
    /// Hardly longer.
    pub high: f64,
    /// Runs that it rests on.
    pub runs: usize,
    /// What it rests on.
    pub basis: Basis,
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The median with three robust standard deviations around it, at least a tenth. One run that hung for a day does not move it.
fn robust(mut seconds: Vec<f64>, basis: Basis) -> Estimate {
    seconds.sort_by(f64::total_cmp);
    let middle = median(&seconds);
    let mut off: Vec<f64> = seconds.iter().map(|s| (s - middle).abs()).collect();
    off.sort_by(f64::total_cmp);
    let spread = (3.0 * SIGMA * median(&off)).max(middle / 10.0);
    Estimate { seconds: middle, low: (middle - spread).max(0.0), high: middle + spread, runs: seconds.len(), basis }
}

/// Estimates from the recent runs if there are enough, else from the longer window, else the default.
pub fn estimate(settings: &Durations, kind: JobType, runs: &[Run], now_us: i64) -> Estimate {
    let within = |days: u32| {
        let after = now_us.saturating_sub(i64::from(days) * DAY);
        runs.iter().filter(|r| r.finished_us > after && r.seconds.is_finite() && r.seconds >= 0.0).map(|r| r.seconds).collect::<Vec<_>>()
    };
    for (days, basis) in [(settings.recent_days, Basis::Recent), (settings.long_days, Basis::Long)] {
        let seconds = within(days);
        if seconds.len() >= settings.min_runs as usize {
            return robust(seconds, basis);
        }
    }
    let seconds = f64::from(settings.default_seconds.of(kind));
    Estimate { seconds, low: 0.0, high: 2.0 * seconds, runs: 0, basis: Basis::Default }
}

/// When a running task will end, microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// Most likely.
    pub at_us: i64,
    /// Hardly before.
    pub low_us: i64,
    /// Hardly after.
    pub high_us: i64,
    /// It runs for `stale_factor` times longer than it hardly should: it may hang.
    pub stale: bool,
}

/// When a task that runs since `started_us` will end; `progress` is its done share, 0 to 1, if it tells. The further it is, the more
/// its own pace counts.
pub fn eta(settings: &Durations, estimate: &Estimate, started_us: i64, progress: Option<f64>, now_us: i64) -> Eta {
    let elapsed = (now_us.saturating_sub(started_us).max(0)) as f64 / SECOND as f64;
    let blend = |usual: f64| match progress.filter(|p| (EARLY..=1.0).contains(p)) {
        Some(share) => share * (elapsed / share) + (1.0 - share) * usual.max(elapsed),
        None => usual,
    };
    let at = |seconds: f64| started_us.saturating_add((blend(seconds).max(elapsed) * SECOND as f64) as i64);
    let stale = elapsed > estimate.high * settings.stale_factor && estimate.basis != Basis::Default;
    Eta { at_us: at(estimate.seconds), low_us: at(estimate.low), high_us: at(estimate.high), stale }
}

/// When slots become free: for the n-th slot the time at which one is free, given how many are free now and when the running tasks
/// will end. Empty entries beyond: nobody knows.
pub fn free_at(free_now: u32, mut etas: Vec<Eta>, now_us: i64) -> Vec<i64> {
    etas.sort_by_key(|e| e.at_us);
    let free = std::iter::repeat_n(now_us, free_now.min(1000) as usize);
    free.chain(etas.into_iter().filter(|e| !e.stale).map(|e| e.at_us)).collect()
}

/// The peak hours around a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peak {
    /// There are none.
    Never,
    /// It is peak time until then.
    Until(i64),
    /// They begin then.
    From(i64),
}

/// Where a moment stands to the peak hours (UTC; they may span midnight).
pub fn peak(settings: &Durations, now_us: i64) -> Peak {
    let (start, end) = (i64::from(settings.peak_start_hour) * HOUR, i64::from(settings.peak_end_hour) * HOUR);
    if start == end {
        return Peak::Never;
    }
    let midnight = now_us.div_euclid(DAY) * DAY;
    let length = (end - start).rem_euclid(DAY);
    for day in [-1, 0, 1] {
        let from = midnight + day * DAY + start;
        if now_us < from {
            return Peak::From(from);
        }
        if now_us < from + length {
            return Peak::Until(from + length);
        }
    }
    Peak::Never
}

/// Whether a task should start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// It may.
    pub allowed: bool,
    /// Why, or why not.
    pub reason: String,
    /// When it may, if not now, microseconds since 1970.
    pub not_before_us: Option<i64>,
}

/// Whether a task ends before the peak hours, or is short enough not to matter. In the peak hours no long task may begin.
pub fn can_start_before_peak(settings: &Durations, estimate: &Estimate, now_us: i64) -> Start {
    let minutes = |us: i64| us / (60 * SECOND);
    let allow = |reason: String| Start { allowed: true, reason, not_before_us: None };
    let takes = format!("takes up to {} min ({})", (estimate.high / 60.0).ceil(), estimate.basis.name());
    if estimate.seconds < f64::from(settings.long_seconds) {
        return allow(format!("short: {takes}"));
    }
    let length = (i64::from(settings.peak_end_hour) - i64::from(settings.peak_start_hour)) * HOUR;
    match peak(settings, now_us) {
        Peak::Never => allow("no peak hours configured".into()),
        Peak::Until(end) => Start {
            allowed: false,
            reason: format!("peak hours for another {} min; it {takes}", minutes(end - now_us)),
            not_before_us: Some(end),
        },
        // What is longer than the time between two peaks can never end before one; it begins right after one.
        Peak::From(_) if estimate.high * SECOND as f64 > (DAY - length.rem_euclid(DAY)) as f64 => {
            allow(format!("longer than the hours between two peaks: {takes}"))
        }
        Peak::From(start) if now_us as f64 + estimate.high * SECOND as f64 <= start as f64 => {
            allow(format!("ends before the peak hours: {takes}"))
        }
        Peak::From(start) => Start {
            allowed: false,
            reason: format!("peak hours start in {} min; it {takes}", minutes(start - now_us)),
            not_before_us: Some(start + length.rem_euclid(DAY)),
        },
    }
}

#[cfg(test)]
#[path = "durations/tests.rs"]
mod tests;
