//! The circuit breaker of one task type on one node: after failures nothing is let through, then a few probes.
use crate::contract::config::BreakerRules;
use crate::contract::time::{Mono, Span};

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Everything passes.
    Closed,
    /// Nothing passes.
    Open,
    /// A few pass to see whether it works again.
    HalfOpen,
}

impl Phase {
    /// As users read it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Closed => "CLOSED",
            Phase::Open => "OPEN",
            Phase::HalfOpen => "HALF_OPEN",
        }
    }
}

/// Its memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures in a row while closed.
    pub failures: u32,
    /// Times it opened in a row, without having been closed between; 0 is closed.
    pub opened: u32,
    /// Probes that succeeded since the recovery began.
    pub successes: u32,
    /// When it opened last.
    pub since: Mono,
    /// Why it failed last.
    pub reason: String,
}

impl Breaker {
    /// Seconds that it stays open this time.
    pub fn recovery(&self, rules: &BreakerRules) -> u32 {
        let nth = self.opened.saturating_sub(1) as usize;
        rules.recovery_seconds.get(nth).or(rules.recovery_seconds.last()).copied().unwrap_or(3600)
    }
    /// When it lets probes through; nothing while closed.
    pub fn ready_at(&self, rules: &BreakerRules) -> Option<Mono> {
        (self.opened > 0).then(|| self.since + Span::of_secs(self.recovery(rules).into()))
    }
    /// Where it stands now.
    pub fn phase(&self, rules: &BreakerRules, now: Mono) -> Phase {
        match self.ready_at(rules) {
            None => Phase::Closed,
            Some(at) if now < at => Phase::Open,
            Some(_) => Phase::HalfOpen,
        }
    }
    /// Whether one more may pass where this many of the type run already; probes are counted by what runs, so that a
    /// lost one leaks nothing.
    pub fn lets_through(&self, rules: &BreakerRules, running: u32, now: Mono) -> bool {
        match self.phase(rules, now) {
            Phase::Closed => true,
            Phase::Open => false,
            Phase::HalfOpen => running < rules.probes,
        }
    }
    /// A failure; `at_once` opens it whatever the count. Returns whether it opened.
    pub fn fail(&mut self, rules: &BreakerRules, now: Mono, reason: &str, at_once: bool) -> bool {
        self.reason = reason.to_owned();
        self.failures = self.failures.saturating_add(1);
        let opens = match self.phase(rules, now) {
            // What was under way when it opened may still fail; that says nothing new.
            Phase::Open => false,
            Phase::HalfOpen => true,
            Phase::Closed => at_once || self.failures >= rules.failures,
        };
        if opens {
            (self.opened, self.successes, self.since) = (self.opened.saturating_add(1), 0, now);
        }
        opens
    }
    /// A success. Returns whether it closed.
    pub fn succeed(&mut self, rules: &BreakerRules, now: Mono) -> bool {
        match self.phase(rules, now) {
            Phase::Closed => {
                self.failures = 0;
                false
            }
            // Started before it opened.
            Phase::Open => false,
            Phase::HalfOpen => {
                self.successes += 1;
                let closes = self.successes >= rules.probes;
                if closes {
                    *self = Breaker::default();
                }
                closes
            }
        }
    }
    /// There is nothing to remember.
    pub fn is_blank(&self) -> bool {
        self.failures == 0 && self.opened == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Mono = Mono::of_us(0);

    fn at(seconds: i64) -> Mono {
        START + Span::SECOND * seconds
    }

    #[test]
    fn five_failures_open_it_and_three_probes_close_it() {
        let rules = BreakerRules::default();
        let mut breaker = Breaker::default();
        for n in 1..=5 {
            assert_eq!(breaker.phase(&rules, START), Phase::Closed);
            assert_eq!(breaker.fail(&rules, START, "exit 1", false), n == 5);
        }
        assert!(!breaker.lets_through(&rules, 0, at(299)) && breaker.lets_through(&rules, 2, at(300)));
        assert!(!breaker.lets_through(&rules, 3, at(300)), "three probes at once");
        assert!(
            !breaker.succeed(&rules, at(301)) && !breaker.succeed(&rules, at(301)) && breaker.succeed(&rules, at(301))
        );
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn a_success_between_keeps_it_closed_and_oom_opens_it_at_once() {
        let rules = BreakerRules::default();
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            for _ in 0..4 {
                assert!(!breaker.fail(&rules, START, "x", false));
            }
            breaker.succeed(&rules, START);
        }
        assert!(breaker.fail(&rules, START, "out of memory", true));
    }

    #[test]
    fn each_failed_recovery_is_longer() {
        let rules = BreakerRules::default();
        let (mut breaker, mut now) = (Breaker::default(), START);
        breaker.fail(&rules, now, "x", true);
        for seconds in [300, 300, 900, 3600, 3600] {
            assert_eq!(breaker.recovery(&rules), seconds);
            assert!(!breaker.fail(&rules, now, "late", true), "what was under way does not prolong it");
            now += Span::of_secs(seconds.into());
            assert_eq!(breaker.phase(&rules, now - Span::of_us(1)), Phase::Open);
            assert_eq!(breaker.phase(&rules, now), Phase::HalfOpen);
            assert!(breaker.fail(&rules, now, "x", false), "one failed probe is enough");
        }
    }

    proptest! {
        #[test]
        fn an_open_breaker_lets_nothing_through_before_its_time(ops in prop::collection::vec((0i64..400, any::<bool>()), 1..200)) {
            let rules = BreakerRules::default();
            let (mut breaker, mut now) = (Breaker::default(), START);
            let mut open_until: Option<Mono> = None;
            for (step, ok) in ops {
                now += Span::SECOND * step;
                prop_assert_eq!(breaker.lets_through(&rules, 0, now), open_until.is_none_or(|at| now >= at));
                if ok {
                    if breaker.succeed(&rules, now) { open_until = None; }
                } else if breaker.fail(&rules, now, "x", false) {
                    open_until = Some(now + Span::of_secs(breaker.recovery(&rules).into()));
                }
            }
        }
    }
}
