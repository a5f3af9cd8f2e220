//! The life of a daemon's process as one value, and which step may follow which. docs/glossary.md draws it; a test
//! compares the two.
use crate::contract::error::Exit;
use std::time::Instant;

/// Where the process stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Life {
    /// The router does not know its subscription yet; an operator may have paused it already.
    Registering {
        /// Paused from the beginning.
        paused: bool,
    },
    /// It was told to start and is not done with that.
    Beginning {
        /// It will be paused when it is ready.
        paused: bool,
    },
    /// READY, and takes ticks and events.
    Running {
        /// Since when it is READY.
        ready: Instant,
    },
    /// READY, and answers calls only.
    Paused {
        /// Since when it is READY.
        ready: Instant,
    },
    /// SIGTERM came: what was begun is ended.
    Draining {
        /// Since when.
        since: Instant,
        /// Since when it was READY, if it was.
        ready: Option<Instant>,
    },
    /// It was told that it is the end.
    Stopping {
        /// Since when it drains.
        since: Instant,
        /// Since when it was READY, if it was.
        ready: Option<Instant>,
    },
    /// The process ends.
    Ended {
        /// With this exit code.
        exit: Exit,
    },
}

/// The legal steps: from, by which method, to.
#[cfg(test)]
const STEPS: &[(&str, &str, &str)] = &[
    ("Registering", "begin", "Beginning"),
    ("Beginning", "ready", "Running"),
    ("Beginning", "ready", "Paused"),
    ("Running", "pause", "Paused"),
    ("Paused", "resume", "Running"),
    ("Registering", "drain", "Draining"),
    ("Beginning", "drain", "Draining"),
    ("Running", "drain", "Draining"),
    ("Paused", "drain", "Draining"),
    ("Draining", "stop", "Stopping"),
    ("Stopping", "end", "Ended"),
    ("Registering", "end", "Ended"),
    ("Beginning", "end", "Ended"),
    ("Running", "end", "Ended"),
    ("Paused", "end", "Ended"),
    ("Draining", "end", "Ended"),
];

// Each step returns whether it was taken; one that is not legal from here changes nothing.
impl Life {
    /// The router knows the subscription, or there is none.
    pub fn begin(&mut self) -> bool {
        let Life::Registering { paused } = *self else { return false };
        *self = Life::Beginning { paused };
        true
    }

    /// The start was handled to its end.
    pub fn ready(&mut self, ready: Instant) -> bool {
        let Life::Beginning { paused } = *self else { return false };
        *self = if paused { Life::Paused { ready } } else { Life::Running { ready } };
        true
    }

    /// An operator pauses it; before it is READY that is remembered.
    pub fn pause(&mut self) -> bool {
        match self {
            Life::Registering { paused } | Life::Beginning { paused } => !std::mem::replace(paused, true),
            Life::Running { ready } => {
                *self = Life::Paused { ready: *ready };
                true
            }
            Life::Paused { .. } | Life::Draining { .. } | Life::Stopping { .. } | Life::Ended { .. } => false,
        }
    }

    /// It goes on.
    pub fn resume(&mut self) -> bool {
        match self {
            Life::Registering { paused } | Life::Beginning { paused } => std::mem::replace(paused, false),
            Life::Paused { ready } => {
                *self = Life::Running { ready: *ready };
                true
            }
            Life::Running { .. } | Life::Draining { .. } | Life::Stopping { .. } | Life::Ended { .. } => false,
        }
    }

    /// SIGTERM.
    pub fn drain(&mut self, since: Instant) -> bool {
        if matches!(self, Life::Draining { .. } | Life::Stopping { .. } | Life::Ended { .. }) {
            return false;
        }
        *self = Life::Draining { since, ready: self.ready_since() };
        true
    }

    /// Nothing is under way any more, or it is not waited for any longer.
    pub fn stop(&mut self) -> bool {
        let Life::Draining { since, ready } = *self else { return false };
        *self = Life::Stopping { since, ready };
        true
    }

    /// The process is to end. The first reason stays.
    pub fn end(&mut self, exit: Exit) -> bool {
        if self.exit().is_some() {
            return false;
        }
        *self = Life::Ended { exit };
        true
    }

    /// Since when it is, or was, READY.
    pub fn ready_since(&self) -> Option<Instant> {
        match *self {
            Life::Running { ready } | Life::Paused { ready } => Some(ready),
            Life::Draining { ready, .. } | Life::Stopping { ready, .. } => ready,
            Life::Registering { .. } | Life::Beginning { .. } | Life::Ended { .. } => None,
        }
    }

    /// Since when it drains.
    pub fn draining_since(&self) -> Option<Instant> {
        match *self {
            Life::Draining { since, .. } | Life::Stopping { since, .. } => Some(since),
            _ => None,
        }
    }

    /// An operator has paused it.
    pub fn is_paused(&self) -> bool {
        matches!(self, Life::Paused { .. } | Life::Registering { paused: true } | Life::Beginning { paused: true })
    }

    /// The exit code, when it is to end.
    pub fn exit(&self) -> Option<Exit> {
        match *self {
            Life::Ended { exit } => Some(exit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn name(life: &Life) -> String {
        format!("{life:?}").split(' ').next().unwrap_or_default().to_owned()
    }

    type Act = fn(&mut Life) -> bool;

    const ACTS: &[(&str, Act)] = &[
        ("begin", Life::begin),
        ("ready", |life| life.ready(Instant::now())),
        ("pause", Life::pause),
        ("resume", Life::resume),
        ("drain", |life| life.drain(Instant::now())),
        ("stop", Life::stop),
        ("end", |life| life.end(Exit::Ok)),
    ];

    fn all() -> Vec<Life> {
        let now = Instant::now();
        let paused = [true, false].into_iter();
        let early = paused.flat_map(|paused| [Life::Registering { paused }, Life::Beginning { paused }]);
        let ready = Some(now);
        early
            .chain([Life::Running { ready: now }, Life::Paused { ready: now }])
            .chain([
                Life::Draining { since: now, ready },
                Life::Stopping { since: now, ready },
                Life::Ended { exit: Exit::Failure },
            ])
            .collect()
    }

    #[test]
    fn the_methods_take_the_steps_of_the_table_and_no_others() {
        let mut taken = BTreeSet::new();
        for from in all() {
            for (by, act) in ACTS {
                let mut life = from;
                let done = act(&mut life);
                assert!(done || life == from, "{by} from {from:?} was refused and changed it to {life:?}");
                if name(&life) != name(&from) {
                    taken.insert((name(&from), *by, name(&life)));
                }
            }
        }
        let table: BTreeSet<_> =
            STEPS.iter().map(|(from, by, to)| ((*from).to_owned(), *by, (*to).to_owned())).collect();
        assert_eq!(taken, table);
    }

    #[test]
    fn the_glossary_has_each_step_once() {
        let glossary = include_str!("../../docs/glossary.md");
        let part = glossary.split("## Life of a daemon's process").nth(1).expect("the section");
        let part = part.split("\n## ").next().unwrap_or_default();
        let rows = part.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| from"));
        let mut drawn: Vec<String> = rows.map(str::to_owned).collect();
        let mut steps: Vec<String> = STEPS.iter().map(|(from, by, to)| format!("| {from} | {by} | {to} |")).collect();
        drawn.sort();
        steps.sort();
        assert_eq!(drawn, steps);
    }

    #[test]
    fn a_pause_before_ready_is_remembered_and_the_first_end_stays() {
        let mut life = Life::Registering { paused: false };
        assert!(life.pause() && !life.pause() && life.begin() && life.is_paused() && life.ready(Instant::now()));
        assert!(matches!(life, Life::Paused { .. }) && life.ready_since().is_some());
        assert!(life.drain(Instant::now()) && life.ready_since().is_some() && !life.resume());
        assert!(life.stop() && life.end(Exit::Failure) && !life.end(Exit::Ok));
        assert_eq!(life.exit(), Some(Exit::Failure));
    }
}
