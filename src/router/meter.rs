//! How much goes through the router and how long publishes wait, of the last minute; a few hundred bytes, no history.
use super::hub::Counters;
use crate::contract::router::{Latency, Rates};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Seconds that rates are taken over.
const WINDOW: usize = 60;
/// Buckets of the histogram: four to each doubling from 1 µs on, up to a good minute.
const BUCKETS: usize = 108;

/// The meter.
#[derive(Debug)]
pub struct Meter {
    begun: Instant,
    /// Published, delivered, acked at each beat.
    beats: VecDeque<(Instant, [u64; 3])>,
    now: Histogram,
    before: Histogram,
    turned: Instant,
}

#[derive(Debug, Clone)]
struct Histogram {
    counts: [u32; BUCKETS],
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [0; BUCKETS], max_us: 0 }
    }
}

impl Default for Meter {
    fn default() -> Self {
        let now = Instant::now();
        Meter {
            begun: now,
            beats: VecDeque::new(),
            now: Histogram::default(),
            before: Histogram::default(),
            turned: now,
        }
    }
}

/// The bucket of a time: its highest bit and the two behind it.
fn bucket(us: u64) -> usize {
    let us = us.max(1);
    let power = us.ilog2();
    let quarter = if power >= 2 { (us >> (power - 2)) & 3 } else { (us << (2 - power)) & 3 };
    (power as usize * 4 + quarter as usize).min(BUCKETS - 1)
}

/// The longest time that falls into a bucket.
fn bound(bucket: usize) -> u64 {
    let (power, quarter) = (bucket / 4, bucket as u64 % 4);
    // One less than where the next bucket begins.
    ((5 + quarter) << power) / 4 - u64::from(power >= 2)
}

impl Meter {
    /// So many publishes took so long.
    pub fn took(&mut self, time: Duration, calls: usize) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let count = &mut self.now.counts[bucket(us)];
        *count = count.saturating_add(u32::try_from(calls).unwrap_or(u32::MAX));
        self.now.max_us = self.now.max_us.max(us);
    }

    /// Once a second.
    pub fn beat(&mut self, counters: &Counters) {
        self.beat_at(Instant::now(), [counters.published.get(), counters.delivered.get(), counters.acked.get()]);
    }

    fn beat_at(&mut self, now: Instant, counts: [u64; 3]) {
        self.beats.push_back((now, counts));
        while self.beats.len() > WINDOW + 1 {
            self.beats.pop_front();
        }
        if now.duration_since(self.turned).as_secs() >= WINDOW as u64 {
            self.turned = now;
            self.before = std::mem::take(&mut self.now);
        }
    }

    /// Since start.
    pub fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Over the window, or since start when that is shorter.
    pub fn rates(&self) -> Rates {
        let (Some((from, first)), Some((to, last))) = (self.beats.front(), self.beats.back()) else {
            return Rates::default();
        };
        let seconds = to.duration_since(*from).as_secs_f64();
        if seconds <= 0.0 {
            return Rates::default();
        }
        // A tenth of an event is exact enough, and a figure that stands still when nothing happens keeps the status
        // file unchanged.
        let rate = |at: usize| ((last[at] - first[at]) as f64 / seconds * 10.0).round() / 10.0;
        Rates { published: rate(0), delivered: rate(1), acked: rate(2) }
    }

    /// Of this minute and the one before.
    pub fn latency(&self) -> Latency {
        let counts: Vec<u64> =
            self.now.counts.iter().zip(self.before.counts).map(|(a, b)| u64::from(*a) + u64::from(b)).collect();
        let (calls, max_us) = (counts.iter().sum::<u64>(), self.now.max_us.max(self.before.max_us));
        let part = |of_hundred: u64| {
            let mut left = (calls * of_hundred).div_ceil(100);
            let at = counts.iter().position(|count| {
                left = left.saturating_sub(*count);
                left == 0
            });
            at.map_or(0, |at| bound(at).min(max_us))
        };
        if calls == 0 { Latency::default() } else { Latency { calls, p50_us: part(50), p99_us: part(99), max_us } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_at_most_a_quarter_less_than_its_bound() {
        for us in (1..5000).chain([1 << 20, 59_999_999]) {
            let bound = bound(bucket(us));
            assert!(bound >= us && (bound - us) * 4 <= us, "{us} µs goes by {bound}");
        }
    }

    #[test]
    fn rates_and_parts_are_those_of_the_last_minute() {
        let (mut meter, begun) = (Meter::default(), Instant::now());
        assert_eq!((meter.rates(), meter.latency()), (Rates::default(), Latency::default()));
        for second in 0..200 {
            // Ten a second, then none.
            let published = 10 * second.min(100);
            if second < 100 {
                meter.took(Duration::from_micros(if second % 50 == 0 { 9000 } else { 100 }), 1);
            }
            meter.beat_at(begun + Duration::from_secs(second), [published, 0, 0]);
            if second == 99 {
                assert_eq!(meter.rates().published, 10.0);
                let latency = meter.latency();
                assert!(latency.calls >= 60 && (100..=120).contains(&latency.p50_us), "{latency:?}");
                assert_eq!((latency.p99_us, latency.max_us), (9000, 9000));
            }
        }
        assert_eq!((meter.rates().published, meter.latency().calls), (0.0, 0));
    }
}
