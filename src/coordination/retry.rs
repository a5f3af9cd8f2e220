//! Whether a failed attempt is tried again, and when.
use crate::contract::backoff;
use crate::contract::error::Exit;
use crate::contract::time::{Span, Wall};

/// Longest delay before a retry, seconds.
pub const LONGEST: u64 = 3600;

/// Interruptions of one attempt in a row, without progress between them, that count as a failure of the attempt.
const MAX_WITHOUT_PROGRESS: u32 = 100;
/// Interruptions of one attempt in all that count as a failure: what a job says of its progress is its own word.
const MAX_INTERRUPTIONS: u32 = 1000;

/// How often an attempt was asked to stop: by an upgrade, a reboot, a restart of the suite, or so it says itself. None
/// of them is a failure of the job's; very many without progress are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Interruptions {
    /// In all.
    pub all: u32,
    /// The last ones, since the job was further than before.
    pub without_progress: u32,
    /// How far it was at most, in the job's own unit.
    pub furthest: f64,
}

impl Interruptions {
    /// With one more interruption, of a run that was so far.
    pub fn one_more(self, done: f64) -> Interruptions {
        let further = done > self.furthest;
        Interruptions {
            all: self.all.saturating_add(1),
            without_progress: if further { 1 } else { self.without_progress.saturating_add(1) },
            furthest: if further { done } else { self.furthest },
        }
    }

    /// Whether they count as a failed attempt.
    pub fn are_too_many(self) -> bool {
        self.without_progress >= MAX_WITHOUT_PROGRESS || self.all >= MAX_INTERRUPTIONS
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, not before this many seconds from now.
    Retry {
        /// Seconds.
        after: u64,
    },
    /// Failed for good.
    Fail,
}

/// Seconds before the attempt after this one (1 for the first): base, doubled each time, at most an hour.
pub fn backoff(base: u32, attempt: u32) -> u64 {
    backoff::after(base.into(), attempt, LONGEST as i64).unsigned_abs()
}

/// Exit codes after which no retry makes sense: bad data, wrong usage, bad configuration.
pub fn is_final(exit_status: Option<i32>) -> bool {
    [Exit::BadData, Exit::Usage, Exit::Config].iter().any(|exit| exit_status == Some(*exit as i32))
}

/// Decides after failure number `attempt` of `max_attempts`.
pub fn next(base: u32, attempt: u32, max_attempts: u32, exit_status: Option<i32>) -> Next {
    if attempt >= max_attempts || is_final(exit_status) {
        Next::Fail
    } else {
        Next::Retry { after: backoff(base, attempt) }
    }
}

/// Whether an attempt that failed had used up its time: the end of a unit whose runner or master stopped it looks like
/// any other.
pub fn is_overdue(started: Option<Wall>, finished: Wall, timeout_seconds: u64) -> bool {
    started.is_some_and(|started| finished - started >= Span::of_secs(timeout_seconds))
}

/// A retry that is further away than any delay: the wall clock has jumped back, the retry is due.
pub fn is_damaged(not_before: Wall, now: Wall) -> bool {
    not_before - now > Span::of_secs(LONGEST)
}

/// Whether a retry's time has come.
pub fn is_due(not_before: Option<Wall>, now: Wall) -> bool {
    not_before.is_none_or(|at| at <= now || is_damaged(at, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(us: i64) -> Wall {
        Wall::of_us(us)
    }

    #[test]
    fn delays_double_up_to_an_hour() {
        let delays: Vec<u64> = (1..=11).map(|n| backoff(10, n)).collect();
        assert_eq!(delays, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    }

    #[test]
    fn an_attempt_is_overdue_from_its_limit_on() {
        assert!(is_overdue(Some(at(5)), at(10_000_005), 10) && !is_overdue(Some(at(5)), at(10_000_004), 10));
        assert!(!is_overdue(None, at(i64::MAX), 1), "it never started");
    }

    #[test]
    fn interruptions_without_progress_end_an_attempt_and_progress_allows_more() {
        let until_failed = |progress: &dyn Fn(u32) -> f64| {
            let mut interruptions = Interruptions::default();
            (1..).find(|n| {
                interruptions = interruptions.one_more(progress(*n));
                interruptions.are_too_many()
            })
        };
        assert_eq!(until_failed(&|_| 0.0), Some(MAX_WITHOUT_PROGRESS), "it says nothing of progress");
        assert_eq!(until_failed(&|_| 5.0), Some(MAX_WITHOUT_PROGRESS), "the same place again and again");
        assert_eq!(until_failed(&|n| f64::from(n / 50)), Some(MAX_INTERRUPTIONS), "further each fiftieth time");
        assert_eq!(until_failed(&|_| f64::NAN), Some(MAX_WITHOUT_PROGRESS));
    }

    #[test]
    fn bad_data_and_wrong_usage_are_final() {
        for code in [65, 2, 78] {
            assert_eq!(next(10, 1, 3, Some(code)), Next::Fail);
        }
        for code in [Some(1), Some(75), Some(137), None] {
            assert_eq!(next(10, 1, 3, code), Next::Retry { after: 10 });
            assert_eq!(next(10, 3, 3, code), Next::Fail);
        }
    }

    #[test]
    fn a_clock_that_jumped_back_does_not_delay_a_retry_for_ever() {
        let day = at(0) + Span::DAY;
        assert!(is_due(None, at(0)) && is_due(Some(at(10)), at(10)) && !is_due(Some(at(11)), at(10)));
        assert!(is_due(Some(day), at(0)), "no delay is a day long");
    }

    proptest! {
        #[test]
        fn a_delay_is_never_zero_nor_longer_than_an_hour(base in 1u32..=3600, attempt in 0u32..=u32::MAX) {
            let delay = backoff(base, attempt);
            prop_assert!((1..=LONGEST).contains(&delay));
            prop_assert!(backoff(base, attempt.saturating_add(1)) >= delay);
        }
    }
}
