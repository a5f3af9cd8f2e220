//! Enqueue: one request, one item, however often it is asked for.
use super::change::Change;
use super::refusal::Refusal;
use super::transition::ACTIVE;
use super::{outbox, transition};
use crate::contract::coordinator::{Enqueued, NewWork, TooLarge};
use crate::contract::events::WorkQueued;
use crate::contract::ids::JobId;
use crate::contract::job::LONGEST_TIMEOUT;
use crate::contract::reason::{Reason, ReasonCode};
use rusqlite::OptionalExtension;

/// Most dependencies of one item.
const MOST_DEPENDENCIES: usize = 64;

/// Queues the item, or returns the one that its idempotency key or its singleton names.
pub fn enqueue(cx: &mut Change<'_>, work: &NewWork) -> Result<Enqueued, Refusal> {
    let body = check(cx, work)?;
    if let Some(n) = existing(cx, work)? {
        return Ok(Enqueued { work_id: cx.state.job_id(n), created: false });
    }
    let needs = dependencies(cx, work)?;
    admit(cx, work)?;
    let n = transition::queue(cx, work, &body)?;
    for need in needs {
        cx.db.prepare_cached("INSERT OR IGNORE INTO dependency (work, needs) VALUES (?1, ?2)")?.execute([n, need])?;
    }
    let work_id = cx.state.job_id(n);
    let queued = WorkQueued {
        work_id: work_id.clone(),
        work_type: work.work_type.name().into(),
        config_key: Some(work.config_key.clone()),
        priority: work.priority,
        requested_by: work.requested_by.clone(),
    };
    outbox::emit(cx, work, queued)?;
    cx.state.managers.handled("queue");
    Ok(Enqueued { work_id, created: true })
}

/// Checks the ranges; returns the item as it is stored.
fn check(cx: &Change<'_>, work: &NewWork) -> Result<String, Refusal> {
    let range = |parameter, value: u64, low: u64, high: u64| {
        if (low..=high).contains(&value) {
            return Ok(());
        }
        Err(Refusal::bad(parameter, format!("{value} is out of range; must be from {low} to {high}")))
    };
    range("priority", work.priority.into(), 0, 100)?;
    range("max_attempts", work.max_attempts.into(), 1, 10)?;
    range("timeout_seconds", work.timeout_seconds, 1, LONGEST_TIMEOUT)?;
    if work.depends_on.len() > MOST_DEPENDENCIES {
        return Err(Refusal::bad(
            "depends_on",
            format!("{} dependencies; the maximum is {MOST_DEPENDENCIES}", work.depends_on.len()),
        ));
    }
    for (parameter, key) in [("idempotency_key", &work.idempotency_key), ("singleton", &work.singleton)] {
        if key.as_ref().is_some_and(|k| k.is_empty() || k.len() > 256) {
            return Err(Refusal::bad(parameter, "must have 1 to 256 characters"));
        }
    }
    if let Some(at) = work.deadline_us.filter(|at| *at <= cx.now.wall) {
        let (at, now) = (at.us(), cx.now.wall.us());
        return Err(Refusal::bad(
            "deadline_us",
            format!("{at} is in the past; must be in microseconds since 1970 (now: {now})"),
        ));
    }
    let kind = work.work_type;
    if cx.state.config.workload.stage(kind).command.is_empty() {
        return Err(Refusal::bad(
            "work_type",
            format!("no command for {kind} jobs; set workload.{kind}.command and reload"),
        ));
    }
    let body = serde_json::to_string(work)?;
    TooLarge::check(body.len()).map_err(|why| Refusal::bad("inputs", why.to_string()))?;
    Ok(body)
}

fn existing(cx: &Change<'_>, work: &NewWork) -> Result<Option<i64>, Refusal> {
    if let Some(key) = &work.idempotency_key {
        let sql = "SELECT n FROM work WHERE idempotency_key = ?1";
        if let Some(n) = cx.db.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()? {
            return Ok(Some(n));
        }
    }
    let Some(singleton) = &work.singleton else { return Ok(None) };
    let sql = format!("SELECT n FROM work WHERE singleton = ?1 AND status IN {ACTIVE}");
    Ok(cx.db.prepare_cached(&sql)?.query_row([singleton], |row| row.get(0)).optional()?)
}

/// The numbers of what it depends on; refused when one does not exist, or ended in a way that can never be completed.
fn dependencies(cx: &Change<'_>, work: &NewWork) -> Result<Vec<i64>, Refusal> {
    let unknown = |id: &JobId| Refusal::bad("depends_on", format!("no job {id}"));
    let mut needs = Vec::new();
    for id in &work.depends_on {
        let n = cx.state.number(id).ok_or_else(|| unknown(id))?;
        let sql = "SELECT status FROM work WHERE n = ?1";
        let status: Option<String> = cx.db.prepare_cached(sql)?.query_row([n], |row| row.get(0)).optional()?;
        match status.as_deref() {
            None => return Err(unknown(id)),
            Some("failed" | "cancelled") => {
                let reason =
                    Reason::new(ReasonCode::Dependency, format!("dependency {id} is {}", status.unwrap_or_default()));
                return Err(Refusal::refused("the job could never start", vec![reason]));
            }
            Some(_) => needs.push(n),
        }
    }
    Ok(needs)
}

/// The queue's hard limit.
fn admit(cx: &Change<'_>, work: &NewWork) -> Result<(), Refusal> {
    let (active, limit) = (transition::active(cx)?, cx.state.config.limits.queue_hard);
    if active >= limit {
        let reason = Reason::new(
            ReasonCode::QueueFull,
            format!("{active} jobs queued or running (limits.queue_hard is {limit})"),
        );
        return Err(Refusal::refused(format!("the queue is full: {} job rejected", work.work_type), vec![reason]));
    }
    if cx.state.draining {
        return Err(Refusal::refused(
            "the coordinator is stopping",
            vec![Reason::new(ReasonCode::Stopping, "retry when it runs again")],
        ));
    }
    Ok(())
}
