//! How long tasks take: a robust estimate from finished ones, when running ones will end, which have been running too
//! long, and whether a long one fits before the peak hours.
use crate::contract::config::Durations;
use crate::contract::time::{Span, Wall};
use crate::contract::workload::JobType;

/// A normal distribution's standard deviation in units of the median absolute deviation.
const SIGMA: f64 = 1.4826;
/// Progress below this share says nothing about the end: jobs warm up.
const EARLY: f64 = 0.05;

/// A task that ended well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// When.
    pub finished: Wall,
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

/// The median with three robust standard deviations around it, at least a tenth. One run that hung for a day does not
/// move it.
fn robust(mut seconds: Vec<f64>, basis: Basis) -> Estimate {
    seconds.sort_by(f64::total_cmp);
    let middle = median(&seconds);
    let mut off: Vec<f64> = seconds.iter().map(|s| (s - middle).abs()).collect();
    off.sort_by(f64::total_cmp);
    let spread = (3.0 * SIGMA * median(&off)).max(middle / 10.0);
    Estimate { seconds: middle, low: (middle - spread).max(0.0), high: middle + spread, runs: seconds.len(), basis }
}

/// Estimates from the recent runs if there are enough, else from the longer window, else the default.
pub fn estimate(settings: &Durations, kind: JobType, runs: &[Run], now: Wall) -> Estimate {
    let within = |days: u32| {
        let after = now - Span::DAY * days.into();
        runs.iter()
            .filter(|r| r.finished > after && r.seconds.is_finite() && r.seconds >= 0.0)
            .map(|r| r.seconds)
            .collect::<Vec<_>>()
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

/// When a running task will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// Most likely.
    pub at: Wall,
    /// Hardly before.
    pub low: Wall,
    /// Hardly after.
    pub high: Wall,
    /// It runs for `stale_factor` times longer than it hardly should: it may hang.
    pub stale: bool,
}

/// When a task that runs since `started` will end; `progress` is its done share, 0 to 1, if it tells. The further it
/// is, the more its own pace counts.
pub fn eta(settings: &Durations, estimate: &Estimate, started: Wall, progress: Option<f64>, now: Wall) -> Eta {
    let elapsed = (now - started).max(Span::ZERO).secs_f64();
    let blend = |usual: f64| match progress.filter(|p| (EARLY..=1.0).contains(p)) {
        Some(share) => share * (elapsed / share) + (1.0 - share) * usual.max(elapsed),
        None => usual,
    };
    let at = |seconds: f64| started + Span::of_secs_f64(blend(seconds).max(elapsed));
    let stale = elapsed > estimate.high * settings.stale_factor && estimate.basis != Basis::Default;
    Eta { at: at(estimate.seconds), low: at(estimate.low), high: at(estimate.high), stale }
}

/// When slots become free: for the n-th slot the time at which one is free, given how many are free now and when the
/// running tasks will end. Empty entries beyond: nobody knows.
pub fn free_at(free_now: u32, mut etas: Vec<Eta>, now: Wall) -> Vec<Wall> {
    etas.sort_by_key(|e| e.at);
    let free = std::iter::repeat_n(now, free_now.min(1000) as usize);
    free.chain(etas.into_iter().filter(|e| !e.stale).map(|e| e.at)).collect()
}

/// The peak hours around a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peak {
    /// There are none.
    Never,
    /// It is peak time until then.
    Until(Wall),
    /// They begin then.
    From(Wall),
}

fn hours(count: u32) -> Span {
    Span::HOUR * count.into()
}

/// What is left of it beyond whole days, never below zero.
fn within_a_day(span: Span) -> Span {
    Span::of_us(span.us().rem_euclid(Span::DAY.us()))
}

/// Where a moment stands to the peak hours (UTC; they may span midnight).
pub fn peak(settings: &Durations, now: Wall) -> Peak {
    let (start, end) = (hours(settings.peak_start_hour), hours(settings.peak_end_hour));
    if start == end {
        return Peak::Never;
    }
    let midnight = now - within_a_day(now - Wall::default());
    let length = within_a_day(end - start);
    for day in [-1, 0, 1] {
        let from = midnight + Span::DAY * day + start;
        if now < from {
            return Peak::From(from);
        }
        if now < from + length {
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
    /// When it may, if not now.
    pub not_before: Option<Wall>,
}

/// Whether a task ends before the peak hours, or is short enough not to matter. In the peak hours no long task may
/// begin.
pub fn can_start_before_peak(settings: &Durations, estimate: &Estimate, now: Wall) -> Start {
    let minutes = |span: Span| span.secs() / 60;
    let allow = |reason: String| Start { allowed: true, reason, not_before: None };
    let takes = format!("takes up to {} min ({})", (estimate.high / 60.0).ceil(), estimate.basis.name());
    if estimate.seconds < f64::from(settings.long_seconds) {
        return allow(format!("short: {takes}"));
    }
    let length = within_a_day(hours(settings.peak_end_hour) - hours(settings.peak_start_hour));
    let takes_at_most = Span::of_secs_f64(estimate.high);
    match peak(settings, now) {
        Peak::Never => allow("no peak hours configured".into()),
        Peak::Until(end) => Start {
            allowed: false,
            reason: format!("peak hours for another {} min; it {takes}", minutes(end - now)),
            not_before: Some(end),
        },
        // What is longer than the time between two peaks can never end before one; it begins right after one.
        Peak::From(_) if takes_at_most > Span::DAY - length => {
            allow(format!("longer than the hours between two peaks: {takes}"))
        }
        Peak::From(start) if takes_at_most <= start - now => allow(format!("ends before the peak hours: {takes}")),
        Peak::From(start) => Start {
            allowed: false,
            reason: format!("peak hours start in {} min; it {takes}", minutes(start - now)),
            not_before: Some(start + length),
        },
    }
}

#[cfg(test)]
#[path = "durations/tests.rs"]
mod tests;
