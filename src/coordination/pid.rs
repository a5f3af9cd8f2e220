//! The controller of one resource of one node: how many percent points to add or take away. Time counts in control
//! periods, so that the gains mean the same at any interval and the integral does not saturate at the first error.
use crate::contract::config::{Optimizer, Pid};
use crate::contract::time::Wall;
use serde::{Deserialize, Serialize};

/// What of a job's effect is still invisible after a period: half of it is seen in each.
const UNSEEN: f64 = 0.5;
/// An error below this is not worth moving for, percent points.
const REST: f64 = 2.5;
/// What the controller remembers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PidState {
    /// Sum of errors, percent points × periods.
    pub integral: f64,
    /// The measurement, smoothed.
    pub smooth: Option<f64>,
    /// What the last step acted on.
    pub seen: Option<f64>,
    /// The output, smoothed, percent points.
    pub output: f64,
    /// The effect of jobs lately started or stopped that the measurement does not show yet, percent points.
    pub under_way: f64,
    /// When the last step was.
    pub at_us: Option<Wall>,
    /// Adding (1), taking away (-1), resting (0).
    pub moving: i8,
    /// The last output could not be followed: a limit stood against it.
    pub held: bool,
}

/// The band, the thresholds and the goal, percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Below this jobs are added.
    pub up: f64,
    /// Lower end.
    pub low: f64,
    /// The goal.
    pub target: f64,
    /// Upper end.
    pub high: f64,
    /// Above this jobs are shed.
    pub down: f64,
}

impl Band {
    /// Whether the use is where it should be.
    pub fn holds(&self, percent: f64) -> bool {
        (self.low..=self.high).contains(&percent)
    }
}

/// One step's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Percent points to add (or take away).
    pub points: f64,
    /// Target less what is seen.
    pub error: f64,
    /// The measurement with what is under way.
    pub seen: f64,
    /// Adding, taking away, resting.
    pub moving: i8,
}

/// Steps the controller with a measurement in percent. Nothing when the last step is less than half a period ago.
/// `expected` is where the trend leads, if it is known well enough: it may start a movement, and then the error is
/// taken there.
pub fn step(
    pid: &Pid,
    settings: &Optimizer,
    band: &Band,
    state: &mut PidState,
    measured: f64,
    expected: Option<f64>,
    now: Wall,
) -> Option<Step> {
    let period = f64::from(settings.period_seconds);
    let periods = match state.at_us {
        // A clock that went back says nothing about how long it was.
        Some(at) if now < at => 1.0,
        Some(at) => (now - at).secs_f64() / period,
        None => 1.0,
    };
    if periods < 0.5 {
        return None;
    }
    let periods = periods.min(3.0);
    state.at_us = Some(now);
    let keep = settings.smoothing;
    let smooth = state.smooth.map_or(measured, |last| keep * last + (1.0 - keep) * measured);
    state.smooth = Some(smooth);
    state.under_way *= UNSEEN.powf(periods);
    let seen = (smooth + state.under_way).clamp(0.0, 100.0);
    let before = state.seen.replace(seen).unwrap_or(seen);
    turn(band, state, seen, expected);
    let error = band.target - if state.moving == 0 { seen } else { foreseen(state.moving, seen, expected) };
    if state.moving == 0 {
        state.integral *= 0.8;
        state.output *= keep;
        return Some(Step { points: 0.0, error, seen, moving: 0 });
    }
    let gain = match error.abs() {
        e if pid.gain_scheduling && e > settings.large_error => settings.large_gain,
        e if pid.gain_scheduling && e < settings.small_error => settings.small_gain,
        _ => 1.0,
    };
    // While a limit stands against the output, more integral would only have to be unwound again.
    if !(state.held && state.integral * error >= 0.0) {
        let most = if pid.ki > 0.0 { settings.integral_points / pid.ki } else { 0.0 };
        state.integral = (state.integral + error * periods).clamp(-most, most);
    }
    // On the measurement, not on the error: a new goal is no reason to jump.
    let slope = (seen - before) / periods;
    let raw = gain * (pid.kp * error + pid.ki * state.integral - pid.kd * slope);
    state.output = keep * state.output + (1.0 - keep) * raw;
    Some(Step { points: state.output, error, seen, moving: state.moving })
}

/// A movement begins when the smoothed use leaves the band, or what is under way is known to leave the thresholds, and
/// ends at the goal: so it does not end at the edge, where every noise would begin another.
fn turn(band: &Band, state: &mut PidState, seen: f64, expected: Option<f64>) {
    let smooth = state.smooth.unwrap_or(seen);
    if state.moving == 0 {
        let low =
            seen < band.up || (smooth < band.low && seen < band.target) || expected.is_some_and(|e| e < band.up - 5.0);
        let high = seen > band.down
            || (smooth > band.high && seen > band.target)
            || expected.is_some_and(|e| e > band.down + 5.0);
        state.moving = i8::from(low && !high) - i8::from(high && !low);
    } else if f64::from(state.moving) * (band.target - foreseen(state.moving, seen, expected)) <= REST {
        state.moving = 0;
    }
}

/// The worse of what is and what comes, in the direction of the movement.
fn foreseen(moving: i8, seen: f64, expected: Option<f64>) -> f64 {
    match expected {
        Some(e) if moving > 0 => seen.min(e.max(0.0)),
        Some(e) if moving < 0 => seen.max(e.min(100.0)),
        _ => seen,
    }
}

/// Tells the controller what became of its output: `points` of effect are under way; `held`: a limit stood against
/// more.
pub fn applied(state: &mut PidState, points: f64, held: bool) {
    state.under_way += points;
    state.held = held;
}
