//! When units were restarted after failures: systemd counts restarts and forgets when they were, and the count, at each
//! start by somebody.
use crate::contract::health::StatusFile;
use crate::contract::host::UnitView;
use crate::contract::master::{MasterView, RestartLog};
use crate::contract::time::{Span, Wall};
use std::collections::BTreeMap;
use std::path::Path;

/// Older restarts are not remembered.
const REMEMBERED: Span = Span::of_secs(600);
/// More restarts of one unit are not remembered.
const MAX_TIMES: usize = 32;

/// By unit.
#[derive(Debug, Default)]
pub struct Restarts {
    /// Nothing: no count is known from before, so the first look at a unit says nothing about when its restarts were.
    known: Option<BTreeMap<String, RestartLog>>,
    seen: BTreeMap<String, RestartLog>,
}

impl Restarts {
    /// Goes on where a former process of the master ended, as its last report says.
    pub fn resume(before: Option<BTreeMap<String, RestartLog>>) -> Restarts {
        Restarts { known: before, seen: BTreeMap::new() }
    }

    /// Likewise, from the report in the directory of status files.
    pub fn of(run: &Path) -> Restarts {
        let text = std::fs::read(run.join("master").join("status.json")).ok();
        let file = text.and_then(|text| serde_json::from_slice::<StatusFile>(&text).ok());
        let view = file.and_then(|file| serde_json::from_value::<MasterView>(file.snapshot).ok());
        Restarts::resume(view.and_then(|view| view.restarts))
    }

    /// A look at a unit. `revived`: the master itself starts it again, after it had failed for good.
    pub fn see(&mut self, old: Option<&UnitView>, new: &UnitView, revived: bool, now: Wall) {
        let count = new.restarts.unwrap_or(0);
        let log = match (self.seen.remove(&new.name), &mut self.known) {
            (Some(log), _) => log,
            (None, Some(known)) => known.remove(&new.name).unwrap_or_default(),
            (None, None) => RestartLog { count, times_us: Vec::new() },
        };
        let run = |unit: &UnitView| unit.invocation_id.clone();
        // systemd's own restarts are counted, so a new run without any was somebody's start, who knows what was before.
        let started = count == 0 && old.is_some_and(|old| run(old) != run(new)) && !revived;
        let mut times = if started { Vec::new() } else { log.times_us };
        // After a reset of the counter all that it has is new.
        let fresh = if count >= log.count { count - log.count } else { count };
        times.extend((0..fresh).map(|_| now));
        times.retain(|at| (Span::ZERO..REMEMBERED).contains(&(now - *at)));
        times.drain(..times.len().saturating_sub(MAX_TIMES));
        self.seen.insert(new.name.clone(), RestartLog { count, times_us: times });
    }

    /// What is to be reported.
    pub fn report(&self) -> BTreeMap<String, RestartLog> {
        self.seen
            .iter()
            .filter(|(_, log)| **log != RestartLog::default())
            .map(|(unit, log)| (unit.clone(), log.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So long after the first look.
    fn at(seconds: i64) -> Wall {
        Wall::default() + seconds * Span::SECOND
    }

    fn unit(run: &str, restarts: u32) -> UnitView {
        UnitView {
            name: "ringrift-x.service".into(),
            invocation_id: Some(run.into()),
            restarts: Some(restarts),
            ..UnitView::default()
        }
    }

    fn times(restarts: &Restarts) -> Vec<Wall> {
        restarts.report().get("ringrift-x.service").map(|log| log.times_us.clone()).unwrap_or_default()
    }

    #[test]
    fn each_restart_has_its_time_also_when_several_came_between_two_looks_or_the_counter_was_reset() {
        let mut restarts = Restarts::default();
        let (mut old, mut passed) = (unit("a", 7), 0);
        let mut look = |restarts: &mut Restarts, run: &str, count: u32, revived: bool| {
            passed += 1;
            let new = unit(run, count);
            restarts.see(Some(&old), &new, revived, at(passed));
            old = new;
        };
        restarts.see(None, &unit("a", 7), false, at(0));
        assert!(times(&restarts).is_empty(), "nobody knows when those were");
        look(&mut restarts, "b", 8, false);
        look(&mut restarts, "c", 10, false);
        assert_eq!(times(&restarts), [at(1), at(2), at(2)]);
        // The master forgets the counter of what runs well, and starts again what had failed: both say nothing about
        // what was.
        look(&mut restarts, "c", 0, false);
        look(&mut restarts, "d", 0, true);
        look(&mut restarts, "e", 1, true);
        assert_eq!(times(&restarts), [at(1), at(2), at(2), at(5)]);
        look(&mut restarts, "f", 0, false);
        assert!(times(&restarts).is_empty(), "somebody started it");
    }

    #[test]
    fn old_restarts_go_and_a_new_master_knows_what_the_one_before_saw() {
        let mut restarts = Restarts::default();
        restarts.see(None, &unit("a", 0), false, at(0));
        restarts.see(Some(&unit("a", 0)), &unit("b", 1), false, at(1));
        let mut next = Restarts::resume(Some(restarts.report()));
        next.see(None, &unit("d", 3), false, at(2));
        assert_eq!(times(&next), [at(1), at(2), at(2)]);
        next.see(Some(&unit("d", 3)), &unit("d", 3), false, at(1) + REMEMBERED);
        assert_eq!(times(&next), [at(2), at(2)]);
        let mut unknown = Restarts::resume(None);
        unknown.see(None, &unit("d", 3), false, at(2));
        assert!(times(&unknown).is_empty());
    }
}
