//! What the coordinator reports beside its figures: halt, pause, gates, breakers, what fails, what waits, what runs.
use super::change::Change;
use super::refusal::Refusal;
use super::{emergency, failing, grant, guard, rows};
use crate::contract::coordinator::conditions::{Conditions, Paused, RunningJob, Thresholds, Waiting};
use crate::contract::coordinator::{WorkItem, WorkStatus};
use crate::contract::reason::Reason;
use crate::contract::time::Wall;
use crate::contract::workload::JobType;
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;

/// Most running jobs and waiting configurations that are reported.
const MAX_REPORTED: u32 = 64;

/// All of them.
pub fn all(cx: &mut Change<'_>) -> Result<Conditions, Refusal> {
    let safeguards = guard::view(cx)?;
    let paused = emergency::paused(cx)?.map(|p| Paused { reason: p.reason, by: p.by, since_us: p.since_us.us() });
    Ok(Conditions {
        halt: safeguards.emergency,
        paused,
        gates: safeguards.gates,
        breakers: safeguards.breakers,
        failing: failing::all(cx)?,
        waiting: waiting(cx)?,
        thresholds: Some(Thresholds::of(&cx.state.config.safeguards)),
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

fn waiting(cx: &mut Change<'_>) -> Result<Vec<Waiting>, Refusal> {
    let mut counted: BTreeMap<String, (BTreeMap<String, u32>, Wall)> = BTreeMap::new();
    {
        let sql = "SELECT config_key, kind, count(*), min(created_us) FROM work WHERE status = 'pending' GROUP BY \
            config_key, kind";
        let mut statement = cx.db.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let (types, since) = counted.entry(row.get(0)?).or_insert((BTreeMap::new(), Wall::of_us(i64::MAX)));
            types.insert(row.get(1)?, row.get(2)?);
            *since = (*since).min(row.get(3)?);
        }
    }
    let mut list = Vec::new();
    for (key, (by_type, since)) in counted.into_iter().take(MAX_REPORTED as usize) {
        let first: Option<i64> = {
            let sql =
                "SELECT n FROM work WHERE status = 'pending' AND config_key = ?1 ORDER BY priority DESC, n LIMIT 1";
            cx.db.prepare_cached(sql)?.query_row([&key], |row| row.get(0)).optional()?
        };
        let Some(n) = first else { continue };
        let Some(item) = rows::item(cx, n)? else { continue };
        let (reasons, codes) = Reason::split(grant::waiting_for(cx, n, &item)?);
        let (work_id, work_type, config_key) = (item.work_id, item.work.work_type, item.work.config_key);
        let started_us = started(cx, &key)?.map(Wall::us);
        list.push(Waiting {
            started_us,
            config_key,
            by_type,
            work_id,
            work_type,
            since_us: since.us(),
            reasons,
            codes,
        });
    }
    Ok(list)
}

/// When a job of the configuration was last granted; the index by type makes each of these a short search.
fn started(cx: &Change<'_>, key: &str) -> Result<Option<Wall>, Refusal> {
    let sql = "SELECT claimed_us FROM work WHERE kind = ?1 AND claimed_us IS NOT NULL AND config_key = ?2 ORDER BY \
        claimed_us DESC LIMIT 1";
    let mut newest = None;
    for kind in JobType::ALL {
        let at: Option<Wall> = cx.db.prepare_cached(sql)?.query_row([kind.name(), key], |row| row.get(0)).optional()?;
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
        since_us: item.started_us.or(item.claimed_us).unwrap_or(item.created_us).us(),
        started: item.status == WorkStatus::Running,
        progress: item.progress,
    };
    Ok(found.into_iter().map(view).collect())
}
