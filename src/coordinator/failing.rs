//! Attempts that failed one after the other, by type and configuration.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, Text};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::conditions::Failing;
use crate::contract::coordinator::{WorkItem, WorkStatus};
use crate::contract::time::{Span, Wall};
use crate::contract::workload::JobType;
use rusqlite::params;
use std::collections::BTreeMap;

/// How far back they are looked for, attempted items of each type: many games between two trainings hide none of these.
const LOOK_BACK: u32 = 200;
/// Failures before that say nothing about now: a day.
const OLDEST_FAILURE: Span = Span::DAY;
/// Longest error that is reported, bytes; the whole one is in the work item.
const MAX_ERROR: usize = 512;

/// What is asked of an item to find failures in a row.
struct Attempted {
    n: i64,
    config_key: String,
    status: WorkStatus,
    attempts: u32,
    failed: Option<FailureCause>,
    created: Wall,
}

/// All of them.
pub fn all(cx: &Change<'_>) -> Result<Vec<Failing>, Refusal> {
    let oldest = cx.now.wall - OLDEST_FAILURE;
    let mut found = Vec::new();
    for kind in JobType::ALL {
        let recent = attempted(cx, kind)?.into_iter().filter(|item| item.created > oldest || item.status.is_active());
        for (n, in_a_row) in in_a_row(recent) {
            found.extend(rows::item(cx, n)?.and_then(|item| failing(&item, in_a_row)));
        }
    }
    Ok(found)
}

/// The last items of a type that were attempted, newest first.
fn attempted(cx: &Change<'_>, kind: JobType) -> Result<Vec<Attempted>, Refusal> {
    let sql = "SELECT n, config_key, status, attempts, result, created_us FROM work
               WHERE kind = ?1 AND claimed_us IS NOT NULL ORDER BY claimed_us DESC, n DESC LIMIT ?2";
    let read = |row: &rusqlite::Row<'_>| {
        let status = row.get::<_, Text<WorkStatus>>(2)?.0;
        let result: Option<String> = row.get(4)?;
        let failed = result.filter(|_| status != WorkStatus::Completed).map(|word| FailureCause::from_name(&word));
        Ok(Attempted {
            n: row.get(0)?,
            config_key: row.get(1)?,
            status,
            attempts: row.get(3)?,
            failed,
            created: row.get(5)?,
        })
    };
    let mut statement = cx.db.prepare_cached(sql)?;
    Ok(statement.query_map(params![kind.name(), LOOK_BACK], read)?.collect::<Result<_, _>>()?)
}

/// Failures since the last success of each configuration: its newest failed item and how many attempts of it and of
/// those before it failed.
fn in_a_row(newest_first: impl Iterator<Item = Attempted>) -> Vec<(i64, u32)> {
    let mut found: BTreeMap<String, (bool, Option<(i64, u32)>)> = BTreeMap::new();
    for item in newest_first {
        let (ended, failing) = found.entry(item.config_key).or_default();
        // What runs now is counted among the attempts and has not failed.
        let under_way = u32::from(matches!(item.status, WorkStatus::Claimed | WorkStatus::Running));
        let failed = item.attempts.saturating_sub(under_way);
        let counted = item.failed.is_some_and(|cause| failed > 0 && counts(cause));
        match (*ended, item.status) {
            (true, _) | (_, WorkStatus::Cancelled) => {}
            (_, WorkStatus::Completed) => *ended = true,
            _ if !counted => {}
            _ => failing.get_or_insert((item.n, 0)).1 += failed,
        }
    }
    found.into_values().filter_map(|(_, failing)| failing).collect()
}

/// Whether the attempt itself failed, and was not ended from outside.
fn counts(cause: FailureCause) -> bool {
    let ended = matches!(
        cause,
        FailureCause::Interrupted | FailureCause::Cancelled | FailureCause::Dependency | FailureCause::Stuck
    );
    !ended && !cause.is_harmless()
}

fn failing(item: &WorkItem, in_a_row: u32) -> Option<Failing> {
    let mut error = item.error.clone().unwrap_or_default();
    error.truncate(error.floor_char_boundary(MAX_ERROR));
    Some(Failing {
        work_type: item.work.work_type,
        config_key: item.work.config_key.clone(),
        work_id: item.work_id.clone(),
        in_a_row,
        attempts: item.attempts,
        max_attempts: item.work.max_attempts,
        cause: item.failed?,
        error,
        since_us: item.completed_us.or(item.started_us).unwrap_or(item.created_us).us(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(n: i64, status: WorkStatus, attempts: u32, failed: Option<FailureCause>) -> Attempted {
        Attempted { n, config_key: "square8_2p".into(), status, attempts, failed, created: Wall::of_us(1) }
    }

    #[test]
    fn failures_count_since_the_last_success_and_what_others_ended_does_not() {
        let exit = Some(FailureCause::Exit);
        let of = |items: Vec<Attempted>| in_a_row(items.into_iter()).first().copied();
        assert_eq!(of(vec![item(2, WorkStatus::Pending, 2, exit), item(1, WorkStatus::Failed, 3, exit)]), Some((2, 5)));
        assert_eq!(
            of(vec![item(2, WorkStatus::Running, 2, exit), item(1, WorkStatus::Completed, 3, None)]),
            Some((2, 1))
        );
        assert_eq!(of(vec![item(2, WorkStatus::Completed, 1, None), item(1, WorkStatus::Failed, 3, exit)]), None);
        assert_eq!(of(vec![item(2, WorkStatus::Running, 1, None)]), None);
        assert_eq!(of(vec![item(2, WorkStatus::Pending, 1, Some(FailureCause::Halted))]), None);
        assert_eq!(of(vec![item(2, WorkStatus::Cancelled, 1, exit)]), None);
    }
}
