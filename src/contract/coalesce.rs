//! One of many equal messages in an interval, and a count of the rest: what somebody else causes without bound is
//! reported with a bound.
use std::fmt;
use std::time::{Duration, Instant};

/// The usual interval.
pub const SECOND: Duration = Duration::from_secs(1);

/// Lets one message through in each interval. Time is an argument.
#[derive(Debug)]
pub struct Coalesced {
    every: Duration,
    last: Option<Instant>,
    left_out: u64,
}

/// How many messages were left out since the last one that was let through; as text an addition to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuppressedCount(pub u64);

impl fmt::Display for SuppressedCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            n => write!(f, " ({n} more of this kind not shown)"),
        }
    }
}

impl Coalesced {
    /// At most one message in `every`.
    pub const fn new(every: Duration) -> Coalesced {
        Coalesced { every, last: None, left_out: 0 }
    }

    /// Whether a message may be shown now, and if so how many were left out before it.
    pub fn admit(&mut self, now: Instant) -> Option<SuppressedCount> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < self.every) {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(SuppressedCount(std::mem::take(&mut self.left_out)))
    }

    /// How many were left out at the end, if any.
    pub fn rest(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.left_out)).filter(|n| *n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_messages_become_one_a_second_and_a_count() {
        let (begin, mut pace) = (Instant::now(), Coalesced::new(SECOND));
        let shown: Vec<u64> = (0..100_000)
            .filter_map(|n| pace.admit(begin + Duration::from_micros(n * 30)))
            .map(|left_out| left_out.0)
            .collect();
        assert_eq!(shown.len(), 3, "three seconds of messages: {shown:?}");
        assert_eq!(
            shown.iter().sum::<u64>() + shown.len() as u64 + pace.rest().unwrap_or(0),
            100_000,
            "each is shown or counted"
        );
        assert_eq!(pace.rest(), None);
    }

    #[test]
    fn a_message_after_a_pause_is_shown_at_once() {
        let (begin, mut pace) = (Instant::now(), Coalesced::new(SECOND));
        assert_eq!(pace.admit(begin), Some(SuppressedCount(0)));
        assert_eq!(pace.admit(begin + SECOND), Some(SuppressedCount(0)));
        assert_eq!(SuppressedCount(0).to_string(), "");
        assert_eq!(SuppressedCount(7).to_string(), " (7 more of this kind not shown)");
    }
}
