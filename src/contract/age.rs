//! Permission to delete by age: a value that exists only while the wall clock can be believed. Whatever deletes by age takes it.

/// A second in microseconds.
const SECOND: i64 = 1_000_000;
/// How far the wall clock may move against the one that only runs; NTP slews less, and steps at start.
pub const MAX_STEP_US: i64 = 60 * SECOND;
/// At start the wall clock may be so far beyond the newest record.
pub const MAX_GAP_US: i64 = 86_400 * SECOND;
/// Synchronised time that releases a hold.
pub const RELEASE_US: i64 = 3600 * SECOND;

/// Whether so long has passed since then by the wall clock. A clock that was set back says yes: the wait would else be as long as its jump.
pub fn has_passed(since_us: i64, span_us: i64, now_us: i64) -> bool {
    !(0..span_us).contains(&now_us.saturating_sub(since_us))
}

/// What is deleted by its age is deleted with this value. Only [`ClockWatch::permit`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct AgePermit {
    now_us: i64,
}

impl AgePermit {
    /// The time before which a record is older than this age, microseconds since 1970.
    pub fn before(&self, age_us: i64) -> i64 {
        self.now_us.saturating_sub(age_us)
    }
    /// Now, microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        self.now_us
    }
    /// For tests of what takes one.
    #[cfg(test)]
    pub fn of(now_us: i64) -> AgePermit {
        AgePermit { now_us }
    }
}

/// One look at the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock, microseconds since 1970.
    pub wall: i64,
    /// A clock that only runs, also while the machine sleeps; microseconds since any moment.
    pub mono: i64,
    /// A time service says that the wall clock is right.
    pub synchronised: bool,
}

/// Whether the wall clock can be believed.
#[derive(Debug, Clone)]
pub struct ClockWatch {
    last: Option<Clocks>,
    held: Option<String>,
    synchronised_since: Option<i64>,
}

impl ClockWatch {
    /// At start: `newest_us` is the newest record from before, `held` the reason of a hold that was not released then.
    pub fn new(newest_us: Option<i64>, held: Option<String>, now: Clocks) -> ClockWatch {
        let gap = newest_us.map(|newest| now.wall.saturating_sub(newest)).filter(|gap| *gap > MAX_GAP_US);
        let beyond = gap.map(|gap| format!("at start the clock was {} ahead of the newest record", span(gap)));
        ClockWatch { last: Some(now), held: held.or(beyond), synchronised_since: now.synchronised.then_some(now.mono) }
    }

    /// Takes the clocks in. A step of the wall clock begins a hold, an hour of synchronised time without a step ends it.
    pub fn look(&mut self, now: Clocks) {
        let step = self.last.map_or(0, |last| (now.wall - last.wall) - (now.mono - last.mono));
        self.last = Some(now);
        if step.abs() > MAX_STEP_US {
            let way = if step > 0 { "forward" } else { "back" };
            self.held = Some(format!("the clock was set {way} by {}", span(step.abs())));
            self.synchronised_since = None;
        }
        self.synchronised_since = if now.synchronised { self.synchronised_since.or(Some(now.mono)) } else { None };
        if self.synchronised_since.is_some_and(|since| now.mono - since >= RELEASE_US) {
            self.held = None;
        }
    }

    /// Why nothing is deleted by its age, if nothing is.
    pub fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// A person says that the clock is right.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// The permission, unless there is a hold.
    pub fn permit(&self) -> Option<AgePermit> {
        match (&self.held, self.last) {
            (None, Some(last)) => Some(AgePermit { now_us: last.wall }),
            _ => None,
        }
    }
}

/// A time span in its largest unit.
fn span(us: i64) -> String {
    let seconds = us / SECOND;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_ends_a_wait() {
        assert!(!has_passed(100, 60, 159) && has_passed(100, 60, 160));
        assert!(has_passed(100, 60, 99));
    }

    const HOUR: i64 = 3600 * SECOND;

    fn at(wall: i64, mono: i64) -> Clocks {
        Clocks { wall, mono, synchronised: false }
    }

    #[test]
    fn a_clock_that_is_set_withholds_the_permit_until_it_is_confirmed() {
        let mut watch = ClockWatch::new(Some(0), None, at(HOUR, 0));
        watch.look(at(2 * HOUR, HOUR));
        assert_eq!(watch.permit().map(|p| p.before(HOUR)), Some(HOUR));
        // 13 years ahead.
        watch.look(at(2 * HOUR + 13 * 365 * 24 * HOUR, HOUR));
        assert!(watch.permit().is_none());
        assert!(watch.held().is_some_and(|why| why == "the clock was set forward by 4745 days"), "{watch:?}");
        // Set back again: still nobody knows which one was right.
        watch.look(at(2 * HOUR, HOUR));
        assert!(watch.permit().is_none());
        watch.release();
        watch.look(at(2 * HOUR + SECOND, HOUR + SECOND));
        assert!(watch.permit().is_some());
    }

    #[test]
    fn a_start_long_after_the_newest_record_is_held_and_an_hour_of_synchronised_time_releases_it() {
        assert!(ClockWatch::new(None, None, at(HOUR, 0)).permit().is_some(), "nothing to delete");
        assert!(ClockWatch::new(Some(0), None, at(MAX_GAP_US, 0)).permit().is_some());
        let mut watch = ClockWatch::new(Some(0), None, at(MAX_GAP_US + 1, 0));
        assert!(watch.permit().is_none());
        let synchronised = |hours: i64| Clocks { wall: MAX_GAP_US + 1 + hours * HOUR, mono: hours * HOUR, synchronised: true };
        watch.look(Clocks { wall: MAX_GAP_US + 1 + HOUR / 2, mono: HOUR / 2, synchronised: true });
        watch.look(synchronised(1));
        assert!(watch.permit().is_none(), "half an hour");
        watch.look(synchronised(2));
        assert!(watch.permit().is_some());
        assert!(ClockWatch::new(Some(0), Some("as before".into()), at(HOUR, 0)).permit().is_none(), "a restart releases nothing");
    }
}
