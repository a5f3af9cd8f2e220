//! Estimates, bounds, and the peak hours.
use super::*;
use proptest::prelude::*;

const SECOND: Span = Span::SECOND;
const DAY: Span = Span::DAY;
const NOON: Wall = Wall::of_us(20_000 * DAY.us() + 12 * Span::HOUR.us());

/// An hour of the same day.
fn at_hour(hour: i64) -> Wall {
    Wall::default() + 20_000 * DAY + hour * Span::HOUR
}

fn runs(seconds: &[f64], days_ago: i64) -> Vec<Run> {
    seconds.iter().map(|s| Run { finished: NOON - days_ago * DAY, seconds: *s }).collect()
}

fn of(runs: &[Run]) -> Estimate {
    estimate(&Durations::default(), JobType::Training, runs, NOON)
}

#[test]
fn seven_days_then_thirty_then_the_default() {
    let guess = of(&runs(&[10.0, 20.0], 1));
    assert_eq!((guess.seconds, guess.high, guess.basis), (14_400.0, 28_800.0, Basis::Default));
    let old = of(&[runs(&[10.0, 20.0], 1), runs(&[30.0], 20)].concat());
    assert_eq!((old.seconds, old.runs, old.basis), (20.0, 3, Basis::Long));
    let recent = of(&[runs(&[10.0, 20.0, 60.0], 6), runs(&[3000.0; 9], 8)].concat());
    assert_eq!((recent.seconds, recent.basis), (20.0, Basis::Recent));
    assert_eq!(of(&runs(&[5.0; 50], 31)).basis, Basis::Default);
    let defaults = Durations::default().default_seconds;
    assert_eq!(
        [JobType::Selfplay, JobType::Training, JobType::Cmaes, JobType::Pipeline].map(|k| defaults.of(k) / 3600),
        [1, 4, 8, 6]
    );
}

#[test]
fn one_run_that_hung_moves_nothing() {
    let mut usual = vec![100.0, 101.0, 99.0, 100.0, 102.0];
    let calm = of(&runs(&usual, 1));
    usual.push(86_400.0);
    let with_outlier = of(&runs(&usual, 1));
    assert!((with_outlier.seconds - calm.seconds).abs() < 1.0 && with_outlier.high < 120.0, "{with_outlier:?}");
}

#[test]
fn progress_counts_the_more_the_further_it_is() {
    let settings = Durations::default();
    let usual = of(&runs(&[100.0; 5], 1));
    let begun = NOON - 50 * SECOND;
    let without = eta(&settings, &usual, begun, None, NOON);
    assert_eq!((without.at, without.stale), (begun + 100 * SECOND, false));
    let slow = eta(&settings, &usual, begun, Some(0.25), NOON);
    assert!(slow.at > without.at && slow.at <= begun + 200 * SECOND, "{slow:?}");
    let nearly = eta(&settings, &usual, begun, Some(1.0), NOON);
    assert_eq!(nearly.at, NOON, "done means now");
    let late = eta(&settings, &usual, NOON - 3600 * SECOND, None, NOON);
    assert!(late.stale && late.at == NOON, "{late:?}");
    let guess = of(&[]);
    assert!(!eta(&settings, &guess, NOON - 50 * DAY, None, NOON).stale, "a guess makes nothing stale");
}

#[test]
fn free_slots_are_now_or_when_something_ends() {
    let settings = Durations::default();
    let usual = of(&runs(&[100.0; 5], 1));
    let at = |ago: i64| eta(&settings, &usual, NOON - ago * SECOND, None, NOON);
    assert_eq!(free_at(1, vec![at(10), at(60)], NOON), [NOON, NOON + 40 * SECOND, NOON + 90 * SECOND]);
    assert_eq!(free_at(0, vec![at(5000)], NOON), Vec::<Wall>::new(), "what may hang promises nothing");
}

#[test]
fn a_long_task_must_end_before_the_peak() {
    let settings = Durations::default();
    let start = |hour: i64, hours: f64| {
        let length =
            Estimate { seconds: hours * 3600.0, low: 0.0, high: hours * 3600.0, runs: 9, basis: Basis::Recent };
        can_start_before_peak(&settings, &length, at_hour(hour))
    };
    assert!(start(15, 1.0).allowed, "short tasks may always");
    assert!(start(10, 4.0).allowed && start(22, 4.0).allowed && start(22, 16.0).allowed);
    let late = start(11, 4.0);
    assert_eq!((late.allowed, late.not_before), (false, Some(at_hour(22))), "{}", late.reason);
    let peak = start(14, 4.0);
    assert_eq!((peak.allowed, peak.not_before), (false, Some(at_hour(22))));
    assert!(start(22, 17.0).allowed && !start(20, 17.0).allowed, "too long for any gap: after the peak, not in it");
}

#[test]
fn peak_hours_may_span_midnight_or_not_exist() {
    let night = Durations { peak_start_hour: 20, peak_end_hour: 4, ..Durations::default() };
    let at = |hour: i64| peak(&night, at_hour(hour));
    assert_eq!(at(2), Peak::Until(at_hour(4)));
    assert_eq!(at(21), Peak::Until(at_hour(28)));
    assert_eq!(at(5), Peak::From(at_hour(20)));
    assert_eq!(peak(&Durations { peak_start_hour: 5, peak_end_hour: 5, ..Durations::default() }, NOON), Peak::Never);
}

proptest! {
    #[test]
    fn bounds_hold_the_median_and_a_refusal_names_a_time_at_which_it_may(
        seconds in prop::collection::vec(0.0f64..400_000.0, 0..40), now in -5i64..2_000_000, start_hour in 0u32..24, end_hour in 0u32..24,
    ) {
        let now = Wall::default() + now * 60 * SECOND;
        let settings = Durations { peak_start_hour: start_hour, peak_end_hour: end_hour, ..Durations::default() };
        let runs: Vec<Run> = seconds.iter().map(|s| Run { finished: now, seconds: *s }).collect();
        let usual = estimate(&settings, JobType::Training, &runs, now);
        prop_assert!(0.0 <= usual.low && usual.low <= usual.seconds && usual.seconds <= usual.high);
        let verdict = can_start_before_peak(&settings, &usual, now);
        prop_assert_eq!(verdict.allowed, verdict.not_before.is_none());
        if let Some(at) = verdict.not_before {
            prop_assert!(at > now && can_start_before_peak(&settings, &usual, at).allowed, "{} at {:?}", verdict.reason, at);
        }
    }
}
