//! A token bucket in whole millionths of a token: spent only on success, refilled by the clock, never above its burst.
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
    /// Millionths of a token that come in this many microseconds.
    fn refill(&self, elapsed_us: i64) -> i64 {
        let whole = i128::from(elapsed_us) * i128::from(self.per_minute) / 60;
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
    /// When, microseconds.
    pub at_us: i64,
}

impl Bucket {
    /// Full.
    pub fn full(rate: Rate, now_us: i64) -> Bucket {
        Bucket { level: i64::from(rate.burst) * TOKEN, at_us: now_us }
    }
    fn level_at(&self, rate: Rate, now_us: i64) -> i64 {
        // A clock that went back fills nothing and takes nothing.
        let elapsed = now_us.saturating_sub(self.at_us).max(0);
        self.level.saturating_add(rate.refill(elapsed)).min(i64::from(rate.burst) * TOKEN)
    }
    /// Whole tokens now.
    pub fn tokens(&self, rate: Rate, now_us: i64) -> u32 {
        u32::try_from(self.level_at(rate, now_us) / TOKEN).unwrap_or(0)
    }
    /// Brings the level up to date; needed before the rate changes.
    pub fn settle(&mut self, rate: Rate, now_us: i64) {
        *self = Bucket { level: self.level_at(rate, now_us), at_us: self.at_us.max(now_us) };
    }
    /// Spends one; false, and nothing is spent, when there is none.
    pub fn take(&mut self, rate: Rate, now_us: i64) -> bool {
        let level = self.level_at(rate, now_us);
        if level < TOKEN {
            return false;
        }
        *self = Bucket { level: level - TOKEN, at_us: self.at_us.max(now_us) };
        true
    }
    /// When there is a token again; nothing when there is one now, or none will ever come.
    pub fn next(&self, rate: Rate, now_us: i64) -> Option<i64> {
        let missing = TOKEN - self.level_at(rate, now_us);
        let per_minute = f64::from(rate.per_minute) * rate.factor;
        if missing <= 0 || per_minute <= 0.0 {
            return None;
        }
        let wait = (missing as f64 * 60.0 / per_minute).ceil();
        Some(now_us.saturating_add(wait as i64).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_burst_then_one_a_second() {
        let rate = Rate::new(60, 10);
        let mut bucket = Bucket::full(rate, 0);
        assert_eq!((0..20).filter(|_| bucket.take(rate, 0)).count(), 10);
        assert_eq!(bucket.next(rate, 0), Some(SECOND + 1));
        assert!(!bucket.take(rate, SECOND - 1) && bucket.take(rate, SECOND) && !bucket.take(rate, SECOND));
        assert_eq!(bucket.tokens(rate, 3600 * SECOND), 10, "never above the burst");
        let held = Rate { factor: 0.0, ..rate };
        bucket.settle(rate, SECOND);
        assert_eq!((bucket.tokens(held, 3600 * SECOND), bucket.next(held, SECOND)), (0, None), "back-pressure stops the refill");
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let rate = Rate::new(60, 10);
        let mut bucket = Bucket { level: 0, at_us: 86_400 * SECOND };
        assert!(!bucket.take(rate, 0) && bucket.tokens(rate, 0) == 0);
        assert!(bucket.take(rate, 86_401 * SECOND));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(steps in prop::collection::vec(-2_000_000i64..2_000_000, 1..200), per_minute in 1u32..600, burst in 1u32..20) {
            let rate = Rate::new(per_minute, burst);
            let mut bucket = Bucket::full(rate, 0);
            let (mut now, mut latest, mut spent) = (0i64, 0i64, 0i64);
            for step in steps {
                now += step;
                latest = latest.max(now);
                if bucket.take(rate, now) { spent += 1; }
                let earned = i128::from(latest) * i128::from(per_minute) / 60;
                prop_assert!(i128::from(spent * TOKEN) <= i128::from(i64::from(burst) * TOKEN) + earned);
            }
        }
        #[test]
        fn next_is_when_a_token_comes(level in 0i64..1_000_000, per_minute in 1u32..6000) {
            let rate = Rate::new(per_minute, 5);
            let bucket = Bucket { level, at_us: 0 };
            let at = bucket.next(rate, 0).expect("it fills");
            prop_assert!(bucket.tokens(rate, at) >= 1 && bucket.tokens(rate, at - 120) == 0 || at < 240);
        }
    }
}
