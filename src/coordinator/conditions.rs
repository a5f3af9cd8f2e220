//! What the coordinator reports beside its figures: halt, pause, gates, breakers, what fails, what waits, what runs.
use super::change::Change;
use super::refusal::Refusal;
use super::{emergency, grant, guard, rows};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::conditions::{Conditions, Failing, Paused, RunningJob, Waiting};
use crate::contract::coordinator::{WorkItem, WorkStatus};
use crate::contract::ids::ConfigKey;
use crate::contract::reason::Reason;
use crate::contract::workload::JobType;
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;

/// How far back failures in a row are looked for, work items.
const LOOK_BACK: u32 = 100;
/// Failures before that say nothing about now, microseconds: a day.
const OLDEST_FAILURE_US: i64 = 86_400_000_000;
/// Longest error that is reported, bytes; the whole one is in the work item.
const MAX_ERROR: usize = 512;
/// Most running jobs and waiting configurations that are reported.
const MAX_REPORTED: u32 = 64;

/// All of them.
pub fn all(cx: &mut Change<'_>) -> Result<Conditions, Refusal> {
    let safeguards = guard::view(cx)?;
    let paused = emergency::paused(cx)?.map(|p| Paused { reason: p.reason, by: p.by, since_us: p.since_us });
    Ok(Conditions {
        halt: safeguards.emergency,
        paused,
        gates: safeguards.gates,
        breakers: safeguards.breakers,
        failing: failing(cx)?,
        waiting: waiting(cx)?,
        machine: (cx.state.admission.look)().ok(),
        running: running(cx)?,
    })
}

/// Items that the condition selects, with their numbers.
fn items(cx: &Change<'_>, condition: &str, limit: u32) -> Result<Vec<(i64, WorkItem)>, Refusal> {
    let mut statement = cx.db.prepare_cached(&format!("SELECT * FROM work {condition} LIMIT {limit}"))?;
    let mut found = statement.query([])?;
    let mut items = Vec::new();
    while let Some(row) = found.next()? {
        items.push((row.get("n")?, rows::read_item(cx, row)?));
    }
    Ok(items)
}

fn failing(cx: &Change<'_>) -> Result<Vec<Failing>, Refusal> {
    let recent = items(cx, "WHERE attempts > 0 ORDER BY n DESC", LOOK_BACK)?;
    let oldest = cx.now.wall - OLDEST_FAILURE_US;
    let recent = recent.into_iter().map(|(_, item)| item).filter(|item| item.created_us > oldest || item.status.is_active());
    Ok(in_a_row(recent))
}

/// Failures since the last success, by type and configuration; the newest item comes first.
fn in_a_row(newest_first: impl Iterator<Item = WorkItem>) -> Vec<Failing> {
    let mut found: BTreeMap<(JobType, ConfigKey), (bool, Option<Failing>)> = BTreeMap::new();
    for item in newest_first {
        let (ended, failing) = found.entry((item.work.work_type, item.work.config_key.clone())).or_default();
        // What runs now is counted among the attempts and has not failed.
        let under_way = u32::from(matches!(item.status, WorkStatus::Claimed | WorkStatus::Running));
        let failed = item.attempts.saturating_sub(under_way);
        let cause = item.failed.filter(|cause| failed > 0 && counts(*cause));
        match (*ended, item.status, cause) {
            (true, ..) | (_, WorkStatus::Cancelled, _) => {}
            (_, WorkStatus::Completed, _) => *ended = true,
            (_, _, None) => {}
            (_, _, Some(cause)) => match failing {
                Some(newer) => newer.in_a_row += failed,
                None => *failing = Some(failure(&item, failed, cause)),
            },
        }
    }
    found.into_values().filter_map(|(_, failing)| failing).collect()
}

/// Whether the attempt itself failed, and was not ended from outside.
fn counts(cause: FailureCause) -> bool {
    let ended = matches!(cause, FailureCause::Interrupted | FailureCause::Cancelled | FailureCause::Dependency | FailureCause::Stuck);
    !ended && !cause.is_harmless()
}

fn failure(item: &WorkItem, failed: u32, cause: FailureCause) -> Failing {
    let mut error = item.error.clone().unwrap_or_default();
    error.truncate(error.floor_char_boundary(MAX_ERROR));
    Failing {
        work_type: item.work.work_type,
        config_key: item.work.config_key.clone(),
        work_id: item.work_id.clone(),
        in_a_row: failed,
        attempts: item.attempts,
        max_attempts: item.work.max_attempts,
        cause,
        error,
        since_us: item.completed_us.or(item.started_us).unwrap_or(item.created_us),
    }
}

fn waiting(cx: &mut Change<'_>) -> Result<Vec<Waiting>, Refusal> {
    let mut counted: BTreeMap<String, (BTreeMap<String, u32>, i64)> = BTreeMap::new();
    {
        let sql = "SELECT config_key, kind, count(*), min(created_us) FROM work WHERE status = 'pending' GROUP BY config_key, kind";
        let mut statement = cx.db.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let (types, since) = counted.entry(row.get(0)?).or_insert((BTreeMap::new(), i64::MAX));
            types.insert(row.get(1)?, row.get(2)?);
            *since = (*since).min(row.get(3)?);
        }
    }
    let mut list = Vec::new();
    for (key, (by_type, since_us)) in counted.into_iter().take(MAX_REPORTED as usize) {
        let first: Option<i64> = {
            let sql = "SELECT n FROM work WHERE status = 'pending' AND config_key = ?1 ORDER BY priority DESC, n LIMIT 1";
            cx.db.prepare_cached(sql)?.query_row([&key], |row| row.get(0)).optional()?
        };
        let Some(n) = first else { continue };
        let Some(item) = rows::item(cx, n)? else { continue };
        let (reasons, codes) = Reason::split(grant::waiting_for(cx, n, &item)?);
        let (work_id, work_type, config_key) = (item.work_id, item.work.work_type, item.work.config_key);
        list.push(Waiting { started_us: started(cx, &key)?, config_key, by_type, work_id, work_type, since_us, reasons, codes });
    }
    Ok(list)
}

/// When a job of the configuration was last granted; the index by type makes each of these a short search.
fn started(cx: &Change<'_>, key: &str) -> Result<Option<i64>, Refusal> {
    let sql = "SELECT claimed_us FROM work WHERE kind = ?1 AND claimed_us IS NOT NULL AND config_key = ?2 ORDER BY claimed_us DESC LIMIT 1";
    let mut newest = None;
    for kind in JobType::ALL {
        let at: Option<i64> = cx.db.prepare_cached(sql)?.query_row([kind.name(), key], |row| row.get(0)).optional()?;
        newest = newest.max(at);
    }
    Ok(newest)
}

fn running(cx: &Change<'_>) -> Result<Vec<RunningJob>, Refusal> {
    let found = items(cx, "WHERE status IN ('claimed', 'running') ORDER BY n", MAX_REPORTED)?;
    let view = |(_, item): (i64, WorkItem)| RunningJob {
        work_id: item.work_id,
        work_type: item.work.work_type,
        config_key: item.work.config_key,
        since_us: item.started_us.or(item.claimed_us).unwrap_or(item.created_us),
        started: item.status == WorkStatus::Running,
        progress: item.progress,
    };
    Ok(found.into_iter().map(view).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::NewWork;
    use crate::contract::ids::JobId;

    fn item(n: u32, status: WorkStatus, attempts: u32, failed: Option<FailureCause>) -> WorkItem {
        let work = NewWork::new(JobType::Training, ConfigKey::new("square8_2p").expect("a key"));
        WorkItem {
            work_id: JobId::new(format!("a-{n}")).expect("an id"),
            work,
            status,
            attempts,
            created_us: 1,
            claimed_us: None,
            started_us: None,
            completed_us: None,
            not_before_us: None,
            claimed_by: None,
            lease: None,
            progress: None,
            result: None,
            failed,
            error: Some("exit status 1".into()),
            waiting_for: Vec::new(),
            waiting_codes: Vec::new(),
        }
    }

    #[test]
    fn failures_count_since_the_last_success_and_what_others_ended_does_not() {
        let exit = Some(FailureCause::Exit);
        let of = |items: Vec<WorkItem>| in_a_row(items.into_iter()).first().map(|f| (f.work_id.to_string(), f.in_a_row));
        assert_eq!(of(vec![item(2, WorkStatus::Pending, 2, exit), item(1, WorkStatus::Failed, 3, exit)]), Some(("a-2".into(), 5)));
        assert_eq!(of(vec![item(2, WorkStatus::Running, 2, exit), item(1, WorkStatus::Completed, 3, None)]), Some(("a-2".into(), 1)));
        assert_eq!(of(vec![item(2, WorkStatus::Completed, 1, None), item(1, WorkStatus::Failed, 3, exit)]), None);
        assert_eq!(of(vec![item(2, WorkStatus::Running, 1, None)]), None);
        assert_eq!(of(vec![item(2, WorkStatus::Pending, 1, Some(FailureCause::Halted))]), None);
        assert_eq!(of(vec![item(2, WorkStatus::Cancelled, 1, exit)]), None);
    }
}
