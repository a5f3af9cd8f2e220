//! Recent starts on one node: the pause between two of a type, and the window that delays a flood of them.
use crate::contract::config::Admission;
use crate::contract::time::{Mono, Span};
use crate::contract::workload::JobType;
use std::collections::{BTreeMap, VecDeque};

/// Starts of the last window, and the last one of each type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Starts {
    recent: VecDeque<Mono>,
    last: BTreeMap<JobType, Mono>,
}

impl Starts {
    /// One more now.
    pub fn record(&mut self, rules: &Admission, kind: JobType, now: Mono) {
        let from = now - window(rules);
        while self.recent.front().is_some_and(|at| *at <= from) {
            self.recent.pop_front();
        }
        // Beyond the ordinary number the delay is the same; more need not be remembered.
        if self.recent.len() > rules.window_starts as usize {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.last.insert(kind, now);
    }
    /// Starts in the window.
    pub fn in_window(&self, rules: &Admission, now: Mono) -> u32 {
        let from = now - window(rules);
        let begin = self.recent.partition_point(|at| *at <= from);
        u32::try_from(self.recent.len() - begin).unwrap_or(u32::MAX)
    }
    /// Milliseconds between two starts of one type that the window asks for: a flood is always of one type, and the
    /// next stage, which starts because another one ended, need not wait for it.
    pub fn delay_ms(&self, rules: &Admission, now: Mono) -> u32 {
        let (count, most) = (u64::from(self.in_window(rules, now)), u64::from(rules.window_starts));
        if count >= most {
            rules.full_delay_ms
        } else if count * 100 >= most * u64::from(rules.near_percent) {
            rules.near_delay_ms
        } else {
            0
        }
    }
    /// Until when another start of the type waits, and why; nothing: it need not wait.
    pub fn wait(&self, rules: &Admission, kind: JobType, now: Mono) -> Option<(Mono, String)> {
        let delay = self.delay_ms(rules, now);
        let until = |at: Option<&Mono>, ms: u32| at.map(|at| *at + Span::of_ms(ms.into())).filter(|until| *until > now);
        let window = until(self.last.get(&kind), delay).map(|at| {
            let (count, ordinary, seconds) = (self.in_window(rules, now), rules.window_starts, rules.window_seconds);
            (at, format!("{count} starts in {seconds} s (limit {ordinary}): {delay} ms between starts of one type"))
        });
        let cooldown = until(self.last.get(&kind), rules.cooldown_ms).map(|at| {
            let ago = i64::from(rules.cooldown_ms) - (at - now).ms();
            (at, format!("{kind} started {ago} ms ago (cooldown {} ms)", rules.cooldown_ms))
        });
        window.into_iter().chain(cooldown).max_by_key(|(at, _)| *at)
    }
    /// Whether another start of the type must wait.
    pub fn waits(&self, rules: &Admission, kind: JobType, now: Mono) -> bool {
        let after = |at: Option<&Mono>, ms: u32| at.is_some_and(|at| *at + Span::of_ms(ms.into()) > now);
        after(self.last.get(&kind), rules.cooldown_ms.max(self.delay_ms(rules, now)))
    }
}

fn window(rules: &Admission) -> Span {
    Span::of_secs(rules.window_seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(us: i64) -> Mono {
        Mono::of_us(us)
    }

    #[test]
    fn the_window_delays_from_eighty_percent_on() {
        let rules = Admission { cooldown_ms: 0, ..Admission::default() };
        let mut starts = Starts::default();
        let delays: Vec<u32> = (0..35)
            .map(|n| {
                let delay = starts.delay_ms(&rules, at(n * 10));
                starts.record(&rules, JobType::ALL[n as usize % 9], at(n * 10));
                delay
            })
            .collect();
        assert!(
            delays[..24].iter().all(|d| *d == 0)
                && delays[24..30].iter().all(|d| *d == 1000)
                && delays[30..].iter().all(|d| *d == 5000),
            "{delays:?}"
        );
        assert_eq!(starts.delay_ms(&rules, at(62_000_000)), 0, "the window has passed");
    }

    #[test]
    fn a_cooldown_is_of_one_type() {
        let rules = Admission::default();
        let mut starts = Starts::default();
        starts.record(&rules, JobType::Selfplay, at(0));
        assert!(
            starts.waits(&rules, JobType::Selfplay, at(999_999))
                && !starts.waits(&rules, JobType::Selfplay, at(1_000_000))
        );
        assert!(!starts.waits(&rules, JobType::Export, at(0)), "a hand-over does not wait for self-play");
        assert!(
            starts
                .wait(&rules, JobType::Selfplay, at(400_000))
                .is_some_and(|(until, why)| until == at(1_000_000) && why.contains("400 ms ago"))
        );
    }

    proptest! {
        #[test]
        fn wait_and_waits_agree(steps in prop::collection::vec((0i64..3_000_000, 0usize..9, any::<bool>()), 1..100)) {
            let rules = Admission { window_starts: 5, ..Admission::default() };
            let (mut starts, mut now) = (Starts::default(), at(0));
            for (step, kind, start) in steps {
                now += Span::of_us(step);
                let kind = JobType::ALL[kind];
                prop_assert_eq!(starts.wait(&rules, kind, now).is_some(), starts.waits(&rules, kind, now));
                if let Some((until, _)) = starts.wait(&rules, kind, now) {
                    prop_assert!(!starts.waits(&rules, kind, until));
                }
                if start { starts.record(&rules, kind, now); }
            }
        }
    }
}
