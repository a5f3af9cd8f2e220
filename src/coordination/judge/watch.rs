//! Steadiness over time: a problem is shown at once and goes only when it has been away for a while. Kept by the face
//! that watches.
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
    /// As what it was told last; a consequence is not told.
    told: Option<Severity>,
}

/// What became of the problems with one look. What is told is told of causes: a consequence has no line of its own, and
/// becomes news when it stays after its cause has gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// What is to be shown, in the order of the judgement; what was kept comes last.
    pub problems: Vec<Problem>,
    /// What was not told before.
    pub appeared: Vec<Problem>,
    /// What was told and is of another severity now, with the former one.
    pub changed: Vec<(Problem, Severity)>,
    /// What was told and is over.
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
            // Of two problems with one key the first, which is the worse one, is told.
            let before = before.remove(&key);
            let told = before.as_ref().and_then(|kept| kept.told);
            let first_us = before.map_or(now_us, |kept| kept.first_us);
            problem.since_us = problem.since_us.or(Some(first_us));
            match told {
                _ if self.shown.contains_key(&key) => {}
                None if problem.is_cause() => change.appeared.push(problem.clone()),
                Some(severity) if problem.is_cause() && severity != problem.severity => {
                    change.changed.push((problem.clone(), severity))
                }
                _ => {}
            }
            let told = if problem.is_cause() { Some(problem.severity) } else { told };
            let kept = Kept { problem: problem.clone(), first_us, last_us: now_us, told };
            self.shown.entry(key).or_insert(kept);
            change.problems.push(problem);
        }
        for (key, kept) in before {
            // A wall clock that jumps back keeps nothing for ever.
            if (0..AWAY_US).contains(&(now_us - kept.last_us)) {
                change.problems.push(kept.problem.clone());
                self.shown.insert(key, kept);
            } else {
                change.cleared.extend(Some(kept.problem).filter(|_| kept.told.is_some()));
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

    /// Each problem is told when it comes, when it gets worse or better, and when it goes, by code and subject; a
    /// consequence never is.
    #[test]
    fn what_is_told_is_told_once_with_each_change_of_its_severity() {
        let of = |name: &str| Problem::new(Code::DaemonDegraded, Subject::new(Kind::Daemon, name), "slow");
        let second = 1_000_000;
        let mut watch = Watch::default();
        let told = |change: Change| {
            let names = |list: &[Problem]| list.iter().map(|p| p.subject.name.clone()).collect::<Vec<_>>().join(" ");
            let changed: Vec<Problem> = change.changed.iter().map(|(p, _)| p.clone()).collect();
            format!("+{} ~{} -{}", names(&change.appeared), names(&changed), names(&change.cleared))
        };
        assert_eq!(told(watch.see(vec![of("A"), of("B")], 0)), "+A B ~ -", "the same code twice, of two subjects");
        assert_eq!(told(watch.see(vec![of("A"), of("B")], second)), "+ ~ -");
        let worse = of("A").severity(Severity::Broken);
        let change = watch.see(vec![worse.clone(), of("B")], 2 * second);
        assert_eq!(change.changed, [(Problem { since_us: Some(0), ..worse.clone() }, Severity::Degraded)]);
        assert_eq!(told(watch.see(vec![worse], 3 * second)), "+ ~ -");
        assert_eq!(told(watch.see(vec![], 9 * second)), "+ ~ -A B");
        // It follows from another one, and is told when that one has gone.
        let cause = crate::contract::problem::Cause {
            code: Code::RouterDown,
            subject: Subject::new(Kind::Daemon, "EVENT_ROUTER"),
        };
        let follows = Problem { caused_by: Some(cause), ..of("A") };
        assert_eq!(told(watch.see(vec![follows.clone()], 20 * second)), "+ ~ -");
        assert_eq!(told(watch.see(vec![of("A")], 21 * second)), "+A ~ -");
        assert_eq!(told(watch.see(vec![follows.clone()], 22 * second)), "+ ~ -", "it was told already");
        assert_eq!(told(watch.see(vec![], 30 * second)), "+ ~ -A");
        assert_eq!(told(watch.see(vec![follows], 40 * second)), "+ ~ -");
        assert_eq!(told(watch.see(vec![], 50 * second)), "+ ~ -", "what was never told does not end");
    }
}
