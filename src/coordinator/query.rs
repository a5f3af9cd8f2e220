//! Looking: List, Show, Leases, Limits, Status. Nothing is changed.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, Text};
use super::transition::ACTIVE;
use super::{conditions, decisions, emergency, gates, grant, optimizer};
use crate::contract::coordinator::optimizer::Utilization;
use crate::contract::coordinator::{
    CoordinatorStatus, Counted, LeaseList, LeaseView, LifeState, LimitList, LimitView, Listed, Shown, WorkFilter,
    WorkItem, WorkSelection, WorkStatus,
};
use crate::contract::ids::JobId;
use crate::contract::reason::Reason;
use crate::contract::wire::MAX_FRAME;
use crate::contract::workload::JobType;
use crate::coordination::{gate, limits};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

/// Room for items in one reply, bytes.
const ROOM: usize = MAX_FRAME - 16 * 1024;
/// Items of a List that sets no limit.
const USUAL: u32 = 100;

/// A page of the jobs that fit the filter, newest first.
pub fn list(cx: &mut Change<'_>, filter: &WorkFilter) -> Result<Listed, Refusal> {
    let (mut clauses, mut values) = chosen(&filter.selection());
    if let Some(id) = &filter.before {
        let before = cx.state.number(id).ok_or_else(|| Refusal::bad("before", format!("no job {id}")))?;
        clauses.push("n < ?".into());
        values.push(before.into());
    }
    let limit = filter.limit.unwrap_or(USUAL).max(1);
    let sql =
        format!("SELECT * FROM work WHERE {} ORDER BY n DESC LIMIT {}", clauses.join(" AND "), u64::from(limit) + 1);
    let mut statement = cx.db.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    decisions::ready(cx)?;
    let (mut items, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (n, item) = (row.get("n")?, rows::read_item(cx, row)?);
        let item = complete(cx, n, item)?;
        size += serde_json::to_string(&item)?.len() + 1;
        if items.len() >= limit as usize || (size > ROOM && !items.is_empty()) {
            return Ok(Listed { items, truncated: true });
        }
        items.push(item);
    }
    Ok(Listed { items, truncated: false })
}

/// How many jobs fit.
pub fn count(cx: &Change<'_>, which: &WorkSelection) -> Result<Counted, Refusal> {
    let (clauses, values) = chosen(which);
    let sql = format!("SELECT count(*) FROM work WHERE {}", clauses.join(" AND "));
    let jobs: i64 = cx.db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(Counted { jobs: jobs.unsigned_abs() })
}

/// `WorkSelection::fits` as conditions on a row of `work`, with their values.
fn chosen(which: &WorkSelection) -> (Vec<String>, Vec<Value>) {
    let (mut clauses, mut values) = (vec!["1".to_owned()], Vec::new());
    let types = one_of("kind", which.types.iter().map(|t| t.name()), &mut values);
    let statuses = one_of("status", which.statuses.iter().map(|s| s.name()), &mut values);
    clauses.extend([types, statuses].into_iter().filter(|c| !c.is_empty()));
    if let Some(key) = &which.config_key {
        clauses.push("config_key = ?".into());
        values.push(key.to_string().into());
    }
    (clauses, values)
}

fn one_of<'a>(column: &str, names: impl Iterator<Item = &'a str>, values: &mut Vec<Value>) -> String {
    let before = values.len();
    values.extend(names.map(|n| Value::from(n.to_owned())));
    match values.len() - before {
        0 => String::new(),
        count => format!("{column} IN ({})", vec!["?"; count].join(", ")),
    }
}

/// One item.
pub fn show(cx: &mut Change<'_>, id: &JobId) -> Result<Shown, Refusal> {
    let (n, item) = rows::wanted(cx, id)?;
    Ok(Shown { item: complete(cx, n, item)? })
}

/// Adds what the row alone does not tell: the lease, and for a pending item why it waits.
fn complete(cx: &mut Change<'_>, n: i64, item: WorkItem) -> Result<WorkItem, Refusal> {
    let mut item = rows::with_lease(cx, n, item)?;
    if item.status == WorkStatus::Pending {
        (item.waiting_for, item.waiting_codes) = Reason::split(grant::waiting_for(cx, n, &item)?);
    }
    Ok(item)
}

/// All leases.
pub fn leases(cx: &Change<'_>) -> Result<LeaseList, Refusal> {
    let view = |row: &rows::LeaseRow| LeaseView {
        lease: rows::view(row),
        work_id: row.work.map(|n| cx.state.job_id(n)),
        requested_by: row.requested_by.clone(),
    };
    Ok(LeaseList { leases: rows::leases(cx.db)?.iter().map(view).collect() })
}

/// Limits, their use, and the gates.
pub fn limits(cx: &mut Change<'_>) -> Result<LimitList, Refusal> {
    let (usage, gates) = (rows::usage(cx.db)?, gates::all(cx)?);
    let config = &cx.state.config.limits;
    let mut list = Vec::new();
    for kind in JobType::ALL {
        let sql = "SELECT count(*) FROM work WHERE status = 'pending' AND kind = ?1";
        list.push(LimitView {
            task_type: kind,
            class: kind.class(),
            per_node: limits::per_node(config, kind, cx.state.cores_of(&cx.state.node)),
            cluster: config.of(kind).cluster,
            used: usage.in_all(kind),
            nodes: usage.by_node(kind),
            pending: cx.db.prepare_cached(sql)?.query_row([kind.name()], |row| row.get(0))?,
        });
    }
    Ok(LimitList { limits: list, gates })
}

/// Figures about the whole.
pub fn status(cx: &mut Change<'_>) -> Result<CoordinatorStatus, Refusal> {
    decisions::ready(cx)?;
    let mut blocked: Vec<String> =
        cx.state.admission.kept.get().into_iter().flat_map(|d| &d.barred).map(|reason| reason.text.clone()).collect();
    blocked.extend(gate::shut(&cx.state.admission.gates));
    let narrowed = gate::narrowed(&cx.state.admission.gates);
    let life = life(cx)?;
    let count = |sql: &str| cx.db.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0));
    let mut status = CoordinatorStatus {
        node: cx.state.node.to_string(),
        epoch: cx.state.epoch.clone(),
        leases: count("SELECT count(*) FROM lease")?,
        fenced: count("SELECT count(*) FROM lease WHERE fenced IS NOT NULL")?,
        dispatchers: cx.state.dispatch.nodes().cloned().collect(),
        outbox: count("SELECT count(*) FROM outbox")?.into(),
        outbox_refused: count("SELECT count(*) FROM outbox_refused")?.into(),
        state: life,
        emergency: emergency::halted(cx)?.is_some(),
        managers: cx.state.managers.registry.all().to_vec(),
        utilization: Utilization { nodes: Vec::new(), ..optimizer::utilization(cx)? },
        blocked,
        narrowed,
        conditions: conditions::all(cx)?,
        ..Default::default()
    };
    for wanted in [WorkStatus::Pending, WorkStatus::Claimed, WorkStatus::Running] {
        status.queue.insert(wanted.name().into(), 0);
    }
    let sql = format!("SELECT status, count(*) FROM work WHERE status IN {ACTIVE} GROUP BY status");
    let mut statement = cx.db.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        status.queue.insert(row.get::<_, Text<WorkStatus>>(0)?.0.name().into(), row.get(1)?);
    }
    if cx.state.dispatch.is_empty() {
        status.blocked.push("the master is not connected yet".into());
    }
    Ok(status)
}

/// The coordinator's state.
fn life(cx: &Change<'_>) -> Result<LifeState, Refusal> {
    Ok(match (cx.state.draining, emergency::paused(cx)?.is_some()) {
        (true, _) => LifeState::Draining,
        (false, true) => LifeState::Paused,
        (false, false) => LifeState::Running,
    })
}
