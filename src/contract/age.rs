//! Permission to delete by age: a value that exists only while the wall clock can be believed. Whatever deletes by age
//! takes it.
use super::time::{Boot, Span, Wall};

/// How far the wall clock may move against the one that only runs; NTP slews less, and steps at start.
pub const MAX_STEP: Span = Span::of_secs(60);
/// At start the wall clock may be so far beyond the newest record.
pub const MAX_GAP: Span = Span::DAY;
/// Synchronised time that releases a hold.
pub const RELEASE: Span = Span::HOUR;

/// Whether so long has passed since then by the wall clock. A clock that was set back says yes: the wait would else be
/// as long as its jump.
pub fn has_passed(since: Wall, span: Span, now: Wall) -> bool {
    !(Span::ZERO..span).contains(&(now - since))
}

/// What is deleted by its age is deleted with this value. Only [`ClockWatch::permit`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct AgePermit {
    now: Wall,
}

impl AgePermit {
    /// The time before which a record is older than this age.
    pub fn before(&self, age: Span) -> Wall {
        self.now - age
    }
    /// Now.
    pub fn now(&self) -> Wall {
        self.now
    }
    /// For tests of what takes one.
    #[cfg(test)]
    pub fn of(now: Wall) -> AgePermit {
        AgePermit { now }
    }
}

/// One look at the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The one that is watched.
    pub wall: Wall,
    /// The one that it is compared with: it only runs, also while the machine sleeps.
    pub boot: Boot,
    /// A time service says that the wall clock is right.
    pub synchronised: bool,
}

/// Whether the wall clock can be believed.
#[derive(Debug, Clone)]
pub struct ClockWatch {
    last: Option<Clocks>,
    held: Option<String>,
    synchronised_since: Option<Boot>,
}

impl ClockWatch {
    /// At start: `newest` is the time of the newest record from before, `held` the reason of a hold that was not
    /// released then.
    pub fn new(newest: Option<Wall>, held: Option<String>, now: Clocks) -> ClockWatch {
        let gap = newest.map(|newest| now.wall - newest).filter(|gap| *gap > MAX_GAP);
        let beyond = gap.map(|gap| format!("at start the clock was {gap} ahead of the newest record"));
        ClockWatch { last: Some(now), held: held.or(beyond), synchronised_since: now.synchronised.then_some(now.boot) }
    }

    /// Takes the clocks in. A step of the wall clock begins a hold, an hour of synchronised time without a step ends
    /// it.
    pub fn look(&mut self, now: Clocks) {
        let step = self.last.map_or(Span::ZERO, |last| (now.wall - last.wall) - (now.boot - last.boot));
        self.last = Some(now);
        if step.abs() > MAX_STEP {
            let way = if step > Span::ZERO { "forward" } else { "back" };
            self.held = Some(format!("the clock was set {way} by {}", step.abs()));
            self.synchronised_since = None;
        }
        self.synchronised_since = if now.synchronised { self.synchronised_since.or(Some(now.boot)) } else { None };
        if self.synchronised_since.is_some_and(|since| now.boot - since >= RELEASE) {
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
            (None, Some(last)) => Some(AgePermit { now: last.wall }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after some moment, by both clocks.
    fn at(wall: i64, boot: i64) -> Clocks {
        let (wall, boot) = (wall_at(wall), Boot::default() + Span::SECOND * boot);
        Clocks { wall, boot, synchronised: false }
    }

    fn wall_at(seconds: i64) -> Wall {
        Wall::default() + Span::SECOND * seconds
    }

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn a_clock_that_was_set_back_ends_a_wait() {
        let passed = |now| has_passed(wall_at(100), Span::of_secs(60), wall_at(now));
        assert!(!passed(159) && passed(160));
        assert!(passed(99));
    }

    #[test]
    fn a_clock_that_is_set_withholds_the_permit_until_it_is_confirmed() {
        let mut watch = ClockWatch::new(Some(wall_at(0)), None, at(HOUR, 0));
        watch.look(at(2 * HOUR, HOUR));
        assert_eq!(watch.permit().map(|p| p.before(Span::HOUR)), Some(wall_at(HOUR)));
        // 13 years ahead.
        watch.look(at(2 * HOUR + 13 * 365 * DAY, HOUR));
        assert!(watch.permit().is_none());
        assert!(watch.held().is_some_and(|why| why == "the clock was set forward by 4745 days"), "{watch:?}");
        // Set back again: still nobody knows which one was right.
        watch.look(at(2 * HOUR, HOUR));
        assert!(watch.permit().is_none());
        watch.release();
        watch.look(at(2 * HOUR + 1, HOUR + 1));
        assert!(watch.permit().is_some());
    }

    #[test]
    fn a_start_long_after_the_newest_record_is_held_and_an_hour_of_synchronised_time_releases_it() {
        assert!(ClockWatch::new(None, None, at(HOUR, 0)).permit().is_some(), "nothing to delete");
        assert!(ClockWatch::new(Some(wall_at(0)), None, at(DAY, 0)).permit().is_some());
        let mut watch = ClockWatch::new(Some(wall_at(0)), None, at(DAY + 1, 0));
        assert!(watch.permit().is_none());
        let synchronised = |seconds: i64| Clocks { synchronised: true, ..at(DAY + 1 + seconds, seconds) };
        watch.look(synchronised(HOUR / 2));
        watch.look(synchronised(HOUR));
        assert!(watch.permit().is_none(), "half an hour");
        watch.look(synchronised(2 * HOUR));
        assert!(watch.permit().is_some());
        let held = Some("as before".into());
        assert!(ClockWatch::new(Some(wall_at(0)), held, at(HOUR, 0)).permit().is_none(), "a restart releases nothing");
    }
}
