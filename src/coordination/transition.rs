//! The life of a work item: what may happen to it, from which status and to which. `docs/glossary.md` draws this table.
use crate::contract::coordinator::WorkStatus;
use WorkStatus::{Cancelled, Claimed, Completed, Failed, Pending, Running};

/// What changes the status of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Somebody asked for it.
    Queued,
    /// It got a slot: an attempt begins.
    Granted,
    /// The attempt's unit took it up.
    Taken,
    /// The attempt left a result.
    Succeeded,
    /// The attempt failed and another one is left.
    AttemptFailed,
    /// The attempt was ended by something that is not its fault and does not count: a halt, a preemption, an
    /// interruption.
    PutBack,
    /// The attempt failed and no other one is left.
    Failed,
    /// An item that it needs will never be completed.
    DependencyFailed,
    /// Somebody withdrew it.
    Withdrawn,
}

/// From these statuses to that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Legal before; none where the item does not exist before.
    pub from: &'static [WorkStatus],
    /// After.
    pub to: WorkStatus,
}

/// An attempt is under way.
pub const ATTEMPTED: &[WorkStatus] = &[Claimed, Running];

impl Cause {
    /// All, in the order of an item's life.
    pub const ALL: [Cause; 9] = [
        Cause::Queued,
        Cause::Granted,
        Cause::Taken,
        Cause::Succeeded,
        Cause::AttemptFailed,
        Cause::PutBack,
        Cause::Failed,
        Cause::DependencyFailed,
        Cause::Withdrawn,
    ];

    /// The table.
    pub const fn rule(self) -> Rule {
        match self {
            Cause::Queued => Rule { from: &[], to: Pending },
            Cause::Granted => Rule { from: &[Pending], to: Claimed },
            Cause::Taken => Rule { from: &[Claimed], to: Running },
            // A restored database may not know yet that the unit took the item up.
            Cause::Succeeded => Rule { from: ATTEMPTED, to: Completed },
            Cause::AttemptFailed => Rule { from: ATTEMPTED, to: Pending },
            Cause::PutBack => Rule { from: ATTEMPTED, to: Pending },
            Cause::Failed => Rule { from: ATTEMPTED, to: Failed },
            Cause::DependencyFailed => Rule { from: &[Pending], to: Failed },
            Cause::Withdrawn => Rule { from: &[Pending, Claimed, Running], to: Cancelled },
        }
    }

    /// In a drawing and in an error.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Queued => "queued",
            Cause::Granted => "granted a slot",
            Cause::Taken => "started in its unit",
            Cause::Succeeded => "succeeded",
            Cause::AttemptFailed => "attempt failed, another one is left",
            Cause::PutBack => "put back, the attempt does not count",
            Cause::Failed => "last attempt failed",
            Cause::DependencyFailed => "dependency failed or cancelled",
            Cause::Withdrawn => "cancelled",
        }
    }

    /// What an item becomes by this; nothing where that may not happen to it.
    pub fn apply(self, status: WorkStatus) -> Option<WorkStatus> {
        let rule = self.rule();
        rule.from.contains(&status).then_some(rule.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_status_is_reached_and_what_has_ended_stays_so() {
        for status in WorkStatus::ALL {
            assert!(Cause::ALL.iter().any(|cause| cause.rule().to == status), "nothing leads to {status:?}");
            let next: Vec<Cause> = Cause::ALL.into_iter().filter(|cause| cause.apply(status).is_some()).collect();
            assert_eq!(next.is_empty(), !status.is_active(), "{status:?}: {next:?}");
        }
    }

    #[test]
    fn a_name_is_one_cause() {
        let names: std::collections::BTreeSet<_> = Cause::ALL.map(Cause::name).into_iter().collect();
        assert_eq!(names.len(), Cause::ALL.len());
    }

    proptest! {
        /// Whatever is tried with an item, in whatever order: attempts begin one after the other, an item runs only in
        /// one, ends once, and is completed only out of an attempt.
        #[test]
        fn a_life_is_a_row_of_attempts_with_one_end(tries in prop::collection::vec(0..Cause::ALL.len(), 0..60)) {
            let (mut status, mut begun, mut over) = (Pending, 0, 0);
            for cause in tries.into_iter().map(|at| Cause::ALL[at]) {
                let Some(next) = cause.apply(status) else { continue };
                prop_assert!(status.is_active(), "{:?} after the end", cause);
                let (attempted, attempts) = (ATTEMPTED.contains(&status), ATTEMPTED.contains(&next));
                begun += i32::from(!attempted && attempts);
                over += i32::from(attempted && !attempts);
                prop_assert!(next != Running || status == Claimed, "{:?} made it run", cause);
                prop_assert!(next != Completed || attempted, "{:?} completed it without an attempt", cause);
                status = next;
            }
            prop_assert_eq!(begun - over, i32::from(ATTEMPTED.contains(&status)), "attempts do not overlap");
        }
    }
}
