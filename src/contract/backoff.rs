//! The one backoff: each try waits twice as long as the one before, up to a longest wait. Restarts of units are
//! systemd's.
use std::time::Duration;

/// The wait after so many failures in a row, in the unit of `first`.
pub fn after(first: i64, failures: u32, longest: i64) -> i64 {
    let doublings = failures.saturating_sub(1);
    first.saturating_mul(1i64.checked_shl(doublings).filter(|factor| *factor > 0).unwrap_or(i64::MAX)).min(longest)
}

/// Waits between tries at something that is away.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// From the first wait to the longest.
    pub const fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { first, longest, next: first }
    }

    /// The wait before the next try; the one after it is twice as long.
    pub fn wait(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }

    /// It was not away: the next wait is the first again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        let millis: Vec<u128> = (0..5).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(millis, [100, 200, 400, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.wait().as_millis(), 100);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|n| after(10, n, 70)), [10, 10, 20, 40, 70, 70]);
        assert_eq!((after(1, 64, i64::MAX), after(1, 99, i64::MAX), after(i64::MAX, 2, 9)), (i64::MAX, i64::MAX, 9));
    }
}
