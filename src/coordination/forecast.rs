//! When a file system will be full if it goes on filling as it did within the last hour. Pure.
use std::collections::VecDeque;
use std::time::Duration;

/// Over so long growth is measured: a single job's files say nothing about a day.
const SPAN: Duration = Duration::from_secs(3600);
/// Between two samples.
const STEP: Duration = Duration::from_secs(60);

/// The room that was left, now and within the last hour.
#[derive(Debug, Default)]
pub struct Growth {
    /// How long it had been looked at, and the bytes left.
    samples: VecDeque<(Duration, u64)>,
}

impl Growth {
    /// Takes a look in: how long it has been looked at, and the bytes left. How long until nothing is left; nothing
    /// before an hour has passed, and where room has not shrunk over that hour.
    pub fn see(&mut self, watched: Duration, left: u64) -> Option<Duration> {
        if self.samples.back().is_none_or(|(then, _)| watched >= *then + STEP) {
            self.samples.push_back((watched, left));
        }
        // The oldest one stays the last that is an hour old.
        while self.samples.get(1).is_some_and(|(then, _)| watched >= *then + SPAN) {
            self.samples.pop_front();
        }
        let (then, before) = *self.samples.front()?;
        let span = watched.checked_sub(then).filter(|span| *span >= SPAN)?;
        let used = before.checked_sub(left).filter(|used| *used > 0)?;
        let seconds = u128::from(left) * u128::from(span.as_secs()) / u128::from(used);
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_hour_it_is_told_when_nothing_is_left_and_what_does_not_shrink_lasts() {
        let minutes = |minute: u64| Duration::from_secs(minute * 60);
        let mut growth = Growth::default();
        let told: Vec<Option<Duration>> =
            (0..=120).map(|minute| growth.see(minutes(minute), 10_000_000 - minute * 1000)).collect();
        assert_eq!(told.iter().position(Option::is_some), Some(60), "not before an hour has passed");
        assert_eq!(told[60], Some(minutes(9940)));
        assert!(growth.samples.len() <= 62, "{}", growth.samples.len());
        let mut still = Growth::default();
        assert!((0..=120).all(|minute| still.see(minutes(minute), 5000).is_none()));
        assert_eq!(growth.see(minutes(121), 20_000_000), None, "room was made");
    }
}
