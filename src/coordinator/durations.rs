//! How long tasks took, and what follows: estimates, ends of running ones, stale ones, free slots, the peak hours.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, Text};
use crate::contract::age::AgePermit;
use crate::contract::coordinator::WorkItem;
use crate::contract::coordinator::durations::{
    DurationOf, DurationView, Durations, FreeView, RecordDuration, RunningView, StartView, TaskOf,
};
use crate::contract::ids::ConfigKey;
use crate::contract::time::{Span, Wall};
use crate::contract::workload::JobType;
use crate::coordination::durations::{self, Basis, Estimate, Run};
use crate::coordination::limits;
use crate::coordination::schedule::Level;
use rusqlite::params;

/// Runs that an estimate reads; the newest.
const READ: u32 = 500;
/// Slots whose time is reported.
const SLOTS: usize = 8;

/// A task ended well.
pub fn finished(cx: &mut Change<'_>, item: &WorkItem, seconds: f64) -> Result<(), Refusal> {
    cx.state.managers.handled("durations");
    store(cx, item.work.work_type, &item.work.config_key, seconds)
}

fn store(cx: &Change<'_>, kind: JobType, key: &ConfigKey, seconds: f64) -> Result<(), Refusal> {
    cx.db
        .prepare_cached("INSERT INTO duration (kind, config_key, finished_us, seconds) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![kind.name(), key.as_str(), cx.now.wall, seconds])?;
    match cx.state.ages.permit {
        Some(permit) => forget(cx, kind, key, permit),
        None => Ok(()),
    }
}

fn forget(cx: &Change<'_>, kind: JobType, key: &ConfigKey, permit: AgePermit) -> Result<(), Refusal> {
    let before = permit.before(Span::DAY * cx.state.config.durations.long_days.into());
    let sql = "DELETE FROM duration WHERE kind = ?1 AND config_key = ?2 AND finished_us < ?3";
    cx.db.prepare_cached(sql)?.execute(params![kind.name(), key.as_str(), before])?;
    Ok(())
}

/// What a program measured itself (`record_duration` of the earlier implementation).
pub fn record(cx: &Change<'_>, call: &RecordDuration) -> Result<DurationView, Refusal> {
    if !(call.seconds.is_finite() && (0.0..=31_536_000.0).contains(&call.seconds)) {
        return Err(Refusal::bad("seconds", format!("{} is out of range; must be from 0 to one year", call.seconds)));
    }
    store(cx, call.task_type, &call.config_key, call.seconds)?;
    Ok(view(call.task_type, &call.config_key, &estimate(cx, call.task_type, &call.config_key)?))
}

/// How long such a task takes.
pub fn estimate(cx: &Change<'_>, kind: JobType, key: &ConfigKey) -> Result<Estimate, Refusal> {
    let sql = "SELECT finished_us, seconds FROM duration WHERE kind = ?1 AND config_key = ?2 ORDER BY finished_us \
        DESC LIMIT ?3";
    let mut statement = cx.db.prepare_cached(sql)?;
    let run = |row: &rusqlite::Row<'_>| Ok(Run { finished: row.get(0)?, seconds: row.get(1)? });
    let runs = statement.query_map(params![kind.name(), key.as_str(), READ], run)?.collect::<Result<Vec<_>, _>>()?;
    Ok(durations::estimate(&cx.state.config.durations, kind, &runs, cx.now.wall))
}

fn view(kind: JobType, key: &ConfigKey, estimate: &Estimate) -> DurationView {
    DurationView {
        task_type: kind,
        config_key: key.clone(),
        seconds: estimate.seconds,
        low_seconds: estimate.low,
        high_seconds: estimate.high,
        runs: u32::try_from(estimate.runs).unwrap_or(u32::MAX),
        basis: estimate.basis.name().into(),
    }
}

/// How long a task is expected to take; `get_expected_duration` of the earlier implementation.
pub fn expected(cx: &Change<'_>, call: &TaskOf) -> Result<DurationOf, Refusal> {
    Ok(DurationOf {
        duration: view(call.task_type, &call.config_key, &estimate(cx, call.task_type, &call.config_key)?),
    })
}

/// Whether a task would end before the peak hours; `can_start_before_peak` of the earlier implementation.
pub fn can_start(cx: &Change<'_>, call: &TaskOf) -> Result<StartView, Refusal> {
    let estimate = estimate(cx, call.task_type, &call.config_key)?;
    let start = durations::can_start_before_peak(&cx.state.config.durations, &estimate, cx.now.wall);
    Ok(StartView { allowed: start.allowed, reason: start.reason, not_before_us: start.not_before })
}

/// Until when a waiting item is held back for the peak hours, and why. CRITICAL work is not, and a guess holds nobody
/// up.
pub fn held(cx: &Change<'_>, kind: JobType, key: &ConfigKey, level: Level) -> Result<Option<(Wall, String)>, Refusal> {
    let settings = &cx.state.config.durations;
    if !settings.avoid_peak || level == Level::Critical {
        return Ok(None);
    }
    let estimate = estimate(cx, kind, key)?;
    if estimate.basis == Basis::Default {
        return Ok(None);
    }
    let start = durations::can_start_before_peak(settings, &estimate, cx.now.wall);
    Ok(start.not_before.map(|at| (at, start.reason)))
}

/// Everything that is known of durations.
pub fn all(cx: &Change<'_>) -> Result<Durations, Refusal> {
    let mut known = Durations::default();
    let mut statement =
        cx.db.prepare_cached("SELECT DISTINCT kind, config_key FROM duration ORDER BY kind, config_key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kind = row.get::<_, Text<JobType>>(0)?.0;
        let Ok(key) = ConfigKey::new(row.get::<_, String>(1)?) else { continue };
        known.estimates.push(view(kind, &key, &estimate(cx, kind, &key)?));
    }
    let usage = rows::usage(cx.db)?;
    let config = &cx.state.config;
    let mut statement = cx.db.prepare_cached("SELECT n FROM work WHERE status = 'running' ORDER BY n")?;
    let numbers = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    let mut etas = Vec::new();
    for n in numbers {
        let Some(item) = rows::item(cx, n)? else { continue };
        let (kind, key) = (item.work.work_type, item.work.config_key);
        let progress = item.progress.as_ref().filter(|p| p.total > 0.0).map(|p| p.done / p.total);
        let started = item.started_us.unwrap_or(cx.now.wall);
        let eta = durations::eta(&config.durations, &estimate(cx, kind, &key)?, started, progress, cx.now.wall);
        etas.push((kind, eta));
        known.running.push(RunningView {
            work_id: item.work_id,
            task_type: kind,
            config_key: key,
            started_us: started,
            eta_us: eta.at,
            low_us: eta.low,
            high_us: eta.high,
            stale: eta.stale,
        });
    }
    let nodes: Vec<_> = cx.state.dispatch.nodes().map(|node| (node, cx.state.cores_of(node))).collect();
    for kind in JobType::ALL {
        let of_kind = etas.iter().filter(|(k, _)| *k == kind).map(|(_, eta)| *eta).collect();
        let room = limits::room(&config.limits, &usage, kind, nodes.iter().copied());
        let mut free_at_us = durations::free_at(room.min(SLOTS as u32), of_kind, cx.now.wall);
        free_at_us.truncate(SLOTS);
        known.free.push(FreeView { task_type: kind, free_at_us });
    }
    known.peak_until_us = match durations::peak(&config.durations, cx.now.wall) {
        durations::Peak::Until(at) => Some(at),
        _ => None,
    };
    Ok(known)
}
