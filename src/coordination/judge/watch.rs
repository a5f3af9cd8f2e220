//! Steadiness over time: a problem is shown at once and goes only when it has been away for a while. Kept by the face that watches.
use crate::contract::overview::{Overview, Verdict};
use crate::contract::problem::{Code, Problem, Severity, Subject};
use std::collections::BTreeMap;

/// What was away for less is still shown, microseconds.
const AWAY_US: i64 = 5_000_000;

/// What is shown.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    shown: BTreeMap<(Code, Subject), Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    problem: Problem,
    first_us: i64,
    last_us: i64,
}

/// What became of the problems with one look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// What is to be shown, in the order of the judgement; what was kept comes last.
    pub problems: Vec<Problem>,
    /// What was not there before.
    pub appeared: Vec<Problem>,
    /// What is over.
    pub cleared: Vec<Problem>,
}

impl Watch {
    /// The overview with problems that are steady, and what changed.
    pub fn steady(&mut self, mut overview: Overview) -> (Overview, Change) {
        let change = self.see(std::mem::take(&mut overview.problems), overview.time_us);
        overview.problems = change.problems.clone();
        if overview.verdict == Verdict::Well && overview.problems.iter().any(|p| p.severity != Severity::Notice) {
            overview.verdict = Verdict::Problems;
        }
        (overview, change)
    }

    /// Takes in a judgement.
    pub fn see(&mut self, judged: Vec<Problem>, now_us: i64) -> Change {
        let mut change = Change::default();
        let mut before = std::mem::take(&mut self.shown);
        for mut problem in judged {
            let key = (problem.code, problem.subject.clone());
            let first_us = before.remove(&key).map_or(now_us, |kept| kept.first_us);
            problem.since_us = problem.since_us.or(Some(first_us));
            if first_us == now_us {
                change.appeared.push(problem.clone());
            }
            self.shown.insert(key, Kept { problem: problem.clone(), first_us, last_us: now_us });
            change.problems.push(problem);
        }
        for (key, kept) in before {
            // A wall clock that jumps back keeps nothing for ever.
            if (0..AWAY_US).contains(&(now_us - kept.last_us)) {
                change.problems.push(kept.problem.clone());
                self.shown.insert(key, kept);
            } else {
                change.cleared.push(kept.problem);
            }
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::problem::Kind;

    #[test]
    fn a_problem_comes_at_once_and_goes_after_five_seconds() {
        let problem = Problem::new(Code::DiskFull, Subject::new(Kind::Host, "disk"), "Disk full");
        let mut watch = Watch::default();
        let second = 1_000_000;
        let first = watch.see(vec![problem.clone()], 10 * second);
        assert_eq!((first.appeared.len(), first.problems[0].since_us), (1, Some(10 * second)));
        let gone = watch.see(vec![], 14 * second);
        assert_eq!((gone.problems.len(), gone.cleared.len()), (1, 0), "away for four seconds");
        let back = watch.see(vec![problem], 14 * second + 1);
        assert!(back.appeared.is_empty() && back.problems[0].since_us == Some(10 * second), "it never went");
        assert_eq!(watch.see(vec![], 20 * second).cleared.len(), 1);
        assert_eq!(watch.see(vec![], 21 * second), Change::default());
    }
}
