//! When a lease ends, and whose report of an end counts.
//!
//! Terms are measured on the monotonic clock of the coordinator's process: a wall clock that jumps neither frees a slot
//! nor takes one. A restart gives every lease one whole term from then, because nobody could renew while the
//! coordinator was away; so a jump of the wall clock while it was down does nothing either. The wall-clock times in the
//! database are for people.
use crate::contract::ids::FencingToken;
use crate::contract::time::{Mono, Span, Wall};
use std::collections::BTreeMap;

/// When each lease ends.
#[derive(Debug, Clone, Default)]
pub struct Deadlines {
    term: Span,
    ends: BTreeMap<FencingToken, Mono>,
}

impl Deadlines {
    /// No leases; each will last `term` from its last renewal.
    pub fn new(term: Span) -> Self {
        Deadlines { term, ends: BTreeMap::new() }
    }
    /// Granted or renewed now.
    pub fn renew(&mut self, token: FencingToken, now: Mono) {
        self.renew_for(token, self.term, now);
    }
    /// Renewed now for another term than the usual one.
    pub fn renew_for(&mut self, token: FencingToken, term: Span, now: Mono) {
        self.ends.insert(token, now + term);
    }
    /// A lease that is in the database and not yet known here gets a whole term.
    pub fn adopt(&mut self, token: FencingToken, now: Mono) {
        self.ends.entry(token).or_insert(now + self.term);
    }
    /// The lease is over; when it would have ended.
    pub fn forget(&mut self, token: FencingToken) -> Option<Mono> {
        self.ends.remove(&token)
    }
    /// It is not over after all.
    pub fn restore(&mut self, token: FencingToken, end: Mono) {
        self.ends.insert(token, end);
    }
    /// Those that have ended.
    pub fn due(&self, now: Mono) -> Vec<FencingToken> {
        self.ends.iter().filter(|(_, end)| **end <= now).map(|(token, _)| *token).collect()
    }
    /// When the next one ends.
    pub fn next(&self) -> Option<Mono> {
        self.ends.values().min().copied()
    }
}

/// A lease as its end is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Its token.
    pub token: FencingToken,
    /// It was fenced off.
    pub fenced: bool,
    /// Its unit has taken it up.
    pub taken: bool,
    /// When it was granted.
    pub granted: Wall,
}

/// What a report of an attempt's end is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It ends the attempt.
    Counts,
    /// The attempt had been fenced off: its output is not used, but its unit is gone and the slot is free.
    FreesSlot,
    /// An older attempt, or reported before: nothing changes.
    Nothing,
}

/// Judges a report. Without a token (the unit died before it took the job) it counts only against a lease that nobody
/// has taken up and that is not younger than the report: a late report of an earlier attempt must not end a later one.
pub fn judge(holding: Option<Holding>, token: Option<FencingToken>, finished: Wall) -> Verdict {
    let Some(holding) = holding else { return Verdict::Nothing };
    let ours = match token {
        Some(token) => token == holding.token,
        None => !holding.taken && finished >= holding.granted,
    };
    match (ours, holding.fenced) {
        (false, _) => Verdict::Nothing,
        (true, true) => Verdict::FreesSlot,
        (true, false) => Verdict::Counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(holding: Option<Holding>, token: Option<FencingToken>, finished_us: i64) -> Verdict {
        judge(holding, token, Wall::of_us(finished_us))
    }

    const HELD: Holding = Holding { token: FencingToken(7), fenced: false, taken: true, granted: Wall::of_us(100) };

    #[test]
    fn only_the_current_token_counts() {
        assert_eq!(judged(Some(HELD), Some(FencingToken(7)), 0), Verdict::Counts);
        assert_eq!(judged(Some(HELD), Some(FencingToken(6)), 200), Verdict::Nothing);
        assert_eq!(judged(Some(HELD), None, 200), Verdict::Nothing, "the unit had taken it up, so it knows its token");
        assert_eq!(judged(Some(Holding { fenced: true, ..HELD }), Some(FencingToken(7)), 200), Verdict::FreesSlot);
        assert_eq!(judged(None, Some(FencingToken(7)), 200), Verdict::Nothing);
    }

    #[test]
    fn without_a_token_only_a_lease_that_is_not_taken_up_and_not_younger() {
        let claimed = Holding { taken: false, ..HELD };
        assert_eq!(judged(Some(claimed), None, 100), Verdict::Counts);
        assert_eq!(judged(Some(claimed), None, 99), Verdict::Nothing);
    }

    proptest! {
        #[test]
        fn a_lease_is_due_exactly_one_term_after_its_last_renewal(renewals in prop::collection::vec(0i64..1_000, 1..20)) {
            let mut deadlines = Deadlines::new(Span::of_us(120));
            let (after, mut now) = (Span::of_us, Mono::default());
            for step in renewals {
                now += after(step);
                deadlines.renew(FencingToken(1), now);
                prop_assert!(deadlines.due(now + after(119)).is_empty());
                deadlines.adopt(FencingToken(1), now + after(50));
                prop_assert_eq!(deadlines.next(), Some(now + after(120)), "adopting changes nothing that is known");
            }
            prop_assert_eq!(deadlines.due(now + after(120)), vec![FencingToken(1)]);
            deadlines.forget(FencingToken(1));
            prop_assert_eq!(deadlines.next(), None);
        }
    }
}
