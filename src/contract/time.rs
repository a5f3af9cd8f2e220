//! Times that cannot be mistaken for one another: one type for each clock, and one for lengths. All count whole
//! microseconds in 64 bits and stop at the ends of their range.
//!
//! Two times of one clock give a length, and a time and a length give a time. A time of one clock and a time of another
//! give nothing: a term that began by a clock which stands while the machine sleeps cannot end by one that jumps.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time of the wall clock, microseconds since 1970. The clock may jump: for people, and for records that must survive
/// a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(i64);

/// A time of the clock that runs only while the machine is awake, microseconds since its boot. It never jumps: for
/// terms and waits. It means nothing to another process or after a restart, so it is not sent, and the coordinator
/// starts what it stored of it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(i64);

/// A time of the clock that runs on while the machine sleeps, microseconds since its boot. It never jumps: the wall
/// clock is compared with it to find out whether that one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Boot(i64);

/// A length of time, microseconds; below zero if its end is before its begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

/// What every clock's times can do.
macro_rules! clock {
    ($Time:ident) => {
        impl $Time {
            /// From microseconds, where they come in as a number.
            pub const fn of_us(us: i64) -> Self {
                $Time(us)
            }
            /// As microseconds, where they go out as a number.
            pub const fn us(self) -> i64 {
                self.0
            }
        }
        impl Sub for $Time {
            type Output = Span;
            fn sub(self, earlier: Self) -> Span {
                Span(self.0.saturating_sub(earlier.0))
            }
        }
        impl Add<Span> for $Time {
            type Output = Self;
            fn add(self, span: Span) -> Self {
                $Time(self.0.saturating_add(span.0))
            }
        }
        impl AddAssign<Span> for $Time {
            fn add_assign(&mut self, span: Span) {
                *self = *self + span;
            }
        }
        impl Sub<Span> for $Time {
            type Output = Self;
            fn sub(self, span: Span) -> Self {
                $Time(self.0.saturating_sub(span.0))
            }
        }
    };
}

clock!(Wall);
clock!(Mono);
clock!(Boot);

impl From<SystemTime> for Wall {
    /// 1970 for what is before it.
    fn from(time: SystemTime) -> Wall {
        Wall::default() + time.duration_since(UNIX_EPOCH).unwrap_or_default().into()
    }
}

impl Span {
    /// No time.
    pub const ZERO: Span = Span(0);
    /// A second.
    pub const SECOND: Span = Span(1_000_000);
    /// An hour.
    pub const HOUR: Span = Span::of_secs(3600);
    /// A day of 24 hours.
    pub const DAY: Span = Span::of_secs(86_400);
    /// The longest one: never, in effect.
    pub const MAX: Span = Span(i64::MAX);

    /// From microseconds.
    pub const fn of_us(us: i64) -> Span {
        Span(us)
    }
    /// From milliseconds.
    pub const fn of_ms(ms: u64) -> Span {
        Span::of(ms, 1_000)
    }
    /// From seconds.
    pub const fn of_secs(secs: u64) -> Span {
        Span::of(secs, 1_000_000)
    }
    const fn of(count: u64, us: u64) -> Span {
        let us = count.saturating_mul(us);
        Span(if us > i64::MAX as u64 { i64::MAX } else { us as i64 })
    }
    /// From seconds and their fractions; what is not a number is zero.
    pub fn of_secs_f64(secs: f64) -> Span {
        // Such a cast stops at the ends of the range.
        Span((secs * 1e6) as i64)
    }
    /// As microseconds.
    pub const fn us(self) -> i64 {
        self.0
    }
    /// As whole milliseconds, the rest cut off.
    pub const fn ms(self) -> i64 {
        self.0 / 1_000
    }
    /// As whole seconds, the rest cut off.
    pub const fn secs(self) -> i64 {
        self.0 / 1_000_000
    }
    /// As whole seconds, begun ones included: how long somebody still has to wait; nothing if that is over.
    pub fn secs_left(self) -> u64 {
        self.0.max(0).unsigned_abs().div_ceil(1_000_000)
    }
    /// As seconds with their fractions.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// Without the sign.
    pub const fn abs(self) -> Span {
        Span(self.0.saturating_abs())
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }
}

impl From<Span> for Duration {
    /// Nothing for what is below zero.
    fn from(span: Span) -> Duration {
        Duration::from_micros(span.0.max(0).unsigned_abs())
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Mul<i64> for Span {
    type Output = Span;
    fn mul(self, times: i64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

impl Mul<Span> for i64 {
    type Output = Span;
    fn mul(self, span: Span) -> Span {
        span * self
    }
}

impl Neg for Span {
    type Output = Span;
    fn neg(self) -> Span {
        Span(self.0.saturating_neg())
    }
}

impl Div for Span {
    type Output = i64;
    /// How often the other one, which must not be zero, is in it.
    fn div(self, other: Span) -> i64 {
        self.0.saturating_div(other.0)
    }
}

impl fmt::Display for Span {
    /// In its largest unit, the rest cut off.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.secs();
        match seconds.unsigned_abs() {
            0..=119 => write!(f, "{seconds} s"),
            120..=7199 => write!(f, "{} min", seconds / 60),
            7200..=172_799 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_times_are_a_span_and_a_span_later_is_a_time() {
        let (begin, end) = (Mono::of_us(100), Mono::of_us(160));
        assert_eq!((end - begin, begin - end), (Span::of_us(60), Span::of_us(-60)));
        assert_eq!((begin + Span::of_us(60), end - Span::of_us(60)), (end, begin));
        assert_eq!(Span::SECOND * 90 + Span::HOUR - Span::of_ms(500), Span::of_us(3_689_500_000));
        assert_eq!(-3 * Span::SECOND, -Span::of_secs(3));
        assert_eq!((Span::DAY / Span::HOUR, Span::HOUR / Span::DAY), (24, 0));
    }

    #[test]
    fn nothing_leaves_the_range() {
        let (first, last) = (Wall::of_us(i64::MIN), Wall::of_us(i64::MAX));
        assert_eq!((last + Span::SECOND, first - Span::SECOND, last - first), (last, first, Span::MAX));
        assert_eq!(
            (Span::of_secs(u64::MAX), Span::from(Duration::MAX), Span::DAY * i64::MAX),
            (Span::MAX, Span::MAX, Span::MAX)
        );
        assert_eq!((Span::of_secs_f64(f64::INFINITY), Span::of_secs_f64(f64::NAN)), (Span::MAX, Span::ZERO));
        assert_eq!((Span::of_us(i64::MIN).abs(), Duration::from(Span::of_us(-5))), (Span::MAX, Duration::ZERO));
        assert_eq!(Wall::from(UNIX_EPOCH - Duration::from_secs(1)), Wall::default());
    }

    #[test]
    fn people_read_the_largest_unit_and_wait_for_begun_seconds() {
        let shown = [119, 120, 7199, 7200, 172_799, 172_800].map(|secs| Span::of_secs(secs).to_string());
        assert_eq!(shown, ["119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]);
        assert_eq!([-1, 0, 1, 1_000_000, 1_000_001].map(|us| Span::of_us(us).secs_left()), [0, 0, 1, 1, 2]);
    }

    #[test]
    fn on_the_wire_a_time_is_a_number() {
        let wire =
            serde_json::to_string(&(Wall::of_us(1_700_000_000_000_000), Some(Span::SECOND))).expect("serialises");
        assert_eq!(wire, "[1700000000000000,1000000]");
        assert_eq!(serde_json::from_str::<Wall>("12").expect("a time"), Wall::of_us(12));
    }
}
