//! A token bucket in whole millionths of a token: spent only on success, refilled by the clock, never above its burst.
use crate::contract::time::{Mono, Span};

const TOKEN: i64 = 1_000_000;

/// How fast it fills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens a minute.
    pub per_minute: u32,
    /// Tokens at most.
    pub burst: u32,
    /// Share of the rate that back-pressure leaves, 0 to 1.
    pub factor: f64,
}

impl Rate {
    /// Without back-pressure.
    pub fn new(per_minute: u32, burst: u32) -> Rate {
        Rate { per_minute, burst, factor: 1.0 }
    }
    /// Millionths of a token that come in this time.
    fn refill(&self, elapsed: Span) -> i64 {
        let whole = i128::from(elapsed.us()) * i128::from(self.per_minute) / 60;
        let left = (whole.min(i128::from(i64::MAX / 2)) as f64 * self.factor.clamp(0.0, 1.0)).floor();
        // In range: the number was bounded above and is not negative.
        left as i64
    }
}

/// What was left at a moment of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Millionths of a token.
    pub level: i64,
    /// When.
    pub at: Mono,
}

impl Bucket {
    /// Full.
    pub fn full(rate: Rate, now: Mono) -> Bucket {
        Bucket { level: i64::from(rate.burst) * TOKEN, at: now }
    }
    fn level_at(&self, rate: Rate, now: Mono) -> i64 {
        // A clock that went back fills nothing and takes nothing.
        let elapsed = (now - self.at).max(Span::ZERO);
        self.level.saturating_add(rate.refill(elapsed)).min(i64::from(rate.burst) * TOKEN)
    }
    /// Whole tokens now.
    pub fn tokens(&self, rate: Rate, now: Mono) -> u32 {
        u32::try_from(self.level_at(rate, now) / TOKEN).unwrap_or(0)
    }
    /// Brings the level up to date; needed before the rate changes.
    pub fn settle(&mut self, rate: Rate, now: Mono) {
        *self = Bucket { level: self.level_at(rate, now), at: self.at.max(now) };
    }
    /// Spends one; false, and nothing is spent, when there is none.
    pub fn take(&mut self, rate: Rate, now: Mono) -> bool {
        let level = self.level_at(rate, now);
        if level < TOKEN {
            return false;
        }
        *self = Bucket { level: level - TOKEN, at: self.at.max(now) };
        true
    }
    /// When there is a token again; nothing when there is one now, or none will ever come.
    pub fn next(&self, rate: Rate, now: Mono) -> Option<Mono> {
        let missing = TOKEN - self.level_at(rate, now);
        let per_minute = f64::from(rate.per_minute) * rate.factor;
        if missing <= 0 || per_minute <= 0.0 {
            return None;
        }
        let wait = (missing as f64 * 60.0 / per_minute).ceil();
        Some(now + Span::of_us((wait as i64).saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;

    fn at(us: i64) -> Mono {
        Mono::of_us(us)
    }

    #[test]
    fn a_burst_then_one_a_second() {
        let rate = Rate::new(60, 10);
        let mut bucket = Bucket::full(rate, at(0));
        assert_eq!((0..20).filter(|_| bucket.take(rate, at(0))).count(), 10);
        assert_eq!(bucket.next(rate, at(0)), Some(at(SECOND + 1)));
        assert!(!bucket.take(rate, at(SECOND - 1)) && bucket.take(rate, at(SECOND)) && !bucket.take(rate, at(SECOND)));
        assert_eq!(bucket.tokens(rate, at(3600 * SECOND)), 10, "never above the burst");
        let held = Rate { factor: 0.0, ..rate };
        bucket.settle(rate, at(SECOND));
        assert_eq!(
            (bucket.tokens(held, at(3600 * SECOND)), bucket.next(held, at(SECOND))),
            (0, None),
            "back-pressure stops the refill"
        );
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let rate = Rate::new(60, 10);
        let mut bucket = Bucket { level: 0, at: at(86_400 * SECOND) };
        assert!(!bucket.take(rate, at(0)) && bucket.tokens(rate, at(0)) == 0);
        assert!(bucket.take(rate, at(86_401 * SECOND)));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(steps in prop::collection::vec(-2_000_000i64..2_000_000, 1..200), per_minute in 1u32..600, burst in 1u32..20) {
            let rate = Rate::new(per_minute, burst);
            let mut bucket = Bucket::full(rate, at(0));
            let (mut now, mut latest, mut spent) = (0i64, 0i64, 0i64);
            for step in steps {
                now += step;
                latest = latest.max(now);
                if bucket.take(rate, at(now)) { spent += 1; }
                let earned = i128::from(latest) * i128::from(per_minute) / 60;
                prop_assert!(i128::from(spent * TOKEN) <= i128::from(i64::from(burst) * TOKEN) + earned);
            }
        }
        #[test]
        fn next_is_when_a_token_comes(level in 0i64..1_000_000, per_minute in 1u32..6000) {
            let rate = Rate::new(per_minute, 5);
            let bucket = Bucket { level, at: at(0) };
            let next = bucket.next(rate, at(0)).expect("it fills");
            prop_assert!(bucket.tokens(rate, next) >= 1 && bucket.tokens(rate, next - Span::of_us(120)) == 0 || next < at(240));
        }
    }
}
