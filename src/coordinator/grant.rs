//! Grants free slots to waiting items and orders their units to be started.
use super::agenda::Agenda;
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, Text};
use super::transition::{self, Step};
use super::{decisions, fence, folders, optimizer, outbox, schedule};
use crate::contract::coordinator::{Order, OrderKind, WorkItem};
use crate::contract::events::WorkClaimed;
use crate::contract::ids::NodeId;
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::{Span, Wall};
use crate::coordination::queue::Node;
use crate::coordination::{queue, retry};

/// Between two checks at a shut gate.
const RECHECK: Span = Span::of_secs(5);
/// Between two checks at what is held back for the peak hours.
const HELD: Span = Span::of_secs(60);

/// Grants all that can be granted now; says when to look again.
pub fn fill(cx: &mut Change<'_>) -> Result<Agenda, Refusal> {
    let mut agenda = Agenda { retry: next_retry(cx)?, recheck: None };
    decisions::ready(cx)?;
    if cx.state.admission.kept.get().is_none_or(|d| !d.barred.is_empty()) || cx.state.dispatch.is_empty() {
        return Ok(agenda);
    }
    let nodes = nodes(cx);
    let (mut candidates, held) = schedule::candidates(cx, &nodes)?;
    if held {
        agenda.recheck = Some(cx.now.mono + HELD);
    }
    if let Some(settled) = cx.state.admission.settled_at.filter(|at| *at > cx.now.mono) {
        let idle = &cx.state.config.limits.idle_types;
        let before = candidates.len();
        candidates.retain(|candidate| !idle.contains(&candidate.kind));
        if candidates.len() < before {
            agenda.recheck = Some(settled);
        }
    }
    if candidates.is_empty() {
        return Ok(agenda);
    }
    let (waiting, now) = (candidates.len(), cx.now.mono);
    let (rules, decisions) = cx.state.deciding();
    let Some(decisions) = decisions else { return Ok(agenda) };
    let grants = queue::pick(candidates, &nodes, &rules, decisions, now);
    let next = decisions.next_change(&rules, now);
    let granted = grants.len();
    for grant in grants {
        claim(cx, grant.number, &grant.node)?;
        cx.state.managers.handled("admission");
    }
    if granted > 0 {
        decisions::store_tokens(cx)?;
    }
    if granted < waiting {
        // Something that has a slot waits for a token, a pause, a breaker, or a gate.
        let recheck = cx.now.mono + RECHECK;
        agenda.recheck(next.map_or(recheck, |next| next.min(recheck)));
    }
    Ok(agenda)
}

/// Nodes whose master takes orders.
pub fn nodes(cx: &Change<'_>) -> Vec<Node> {
    let node =
        |id: &NodeId| Node { id: id.clone(), cores: cx.state.cores_of(id), most_selfplay: optimizer::cap(cx, id) };
    cx.state.dispatch.nodes().map(node).collect()
}

/// When the next retry becomes due.
fn next_retry(cx: &Change<'_>) -> Result<Option<Wall>, Refusal> {
    let sql = "SELECT min(not_before_us) FROM work WHERE status = 'pending' AND not_before_us > ?1";
    Ok(cx.db.prepare_cached(sql)?.query_row([cx.now.wall], |row| row.get(0))?)
}

/// Claiming an item is taking a slot like any other, and ordering its unit.
fn claim(cx: &mut Change<'_>, n: i64, node: &NodeId) -> Result<(), Refusal> {
    let Some(item) = rows::item(cx, n)? else { return Ok(()) };
    let lease = rows::insert_lease(cx, item.work.work_type, node, Some(n), &item.work.requested_by)?;
    transition::set(cx, n, &Step::Granted(node))?;
    let claimed = WorkClaimed {
        work_id: item.work_id.clone(),
        work_type: item.work.work_type.name().into(),
        config_key: Some(item.work.config_key.clone()),
        node_id: node.clone(),
        lease_id: lease.id.clone(),
        attempt: item.attempts + 1,
    };
    outbox::emit(cx, &item.work, claimed)?;
    let order = start_order(cx, &item, &lease)?;
    cx.state.dispatch.order(node, order);
    Ok(())
}

fn start_order(cx: &Change<'_>, item: &WorkItem, lease: &rows::LeaseRow) -> Result<Order, Refusal> {
    folders::make(&cx.state.jobs, &item.work_id).map_err(|e| {
        Refusal::internal(format!("creating the directory of job {} in {}: {e}", item.work_id, cx.state.jobs.display()))
    })?;
    Ok(Order {
        kind: OrderKind::Start,
        job_id: item.work_id.clone(),
        job_type: item.work.work_type,
        token: lease.token,
        runtime_max_seconds: Some(item.work.timeout_seconds),
        memory_max: Some(cx.state.config.limits.job_memory_max),
        tasks_max: Some(cx.state.config.limits.job_tasks_max),
        cpus: cx.state.config.limits.cpus.get(&item.work.work_type).cloned(),
    })
}

/// What a node's master has not carried out yet, oldest first.
pub fn outstanding(cx: &Change<'_>, node: &NodeId) -> Result<Vec<Order>, Refusal> {
    let mut orders = Vec::new();
    for lease in rows::leases(cx.db)?.into_iter().filter(|l| l.node == *node) {
        let Some(n) = lease.work else { continue };
        if lease.fenced.is_some() {
            orders.extend(fence::stop_order(cx, &lease));
        } else if !lease.ordered
            && !lease.taken
            && let Some(item) = rows::item(cx, n)?
        {
            orders.push(start_order(cx, &item, &lease)?);
        }
    }
    Ok(orders)
}

/// Why a pending item is not granted; nothing: it is about to be.
pub fn waiting_for(cx: &mut Change<'_>, n: i64, item: &WorkItem) -> Result<Vec<Reason>, Refusal> {
    let mut reasons = Vec::new();
    let mut statement = cx.db.prepare_cached(
        "SELECT w.n, w.status FROM dependency d JOIN work w ON w.n = d.needs WHERE d.work = ?1 AND w.status <> \
            'completed' ORDER BY w.n",
    )?;
    let mut needs = statement.query([n])?;
    while let Some(row) = needs.next()? {
        let status = row.get::<_, Text<crate::contract::coordinator::WorkStatus>>(1)?.0;
        let text = format!("dependency {} is {}", cx.state.job_id(row.get(0)?), status.name());
        reasons.push(Reason::new(ReasonCode::Dependency, text));
    }
    if let Some(at) = item.not_before_us.filter(|at| !retry::is_due(Some(*at), cx.now.wall)) {
        reasons.push(Reason::new(ReasonCode::Retry, format!("retry in {} s", (at - cx.now.wall).secs_left())));
    }
    let kind = item.work.work_type;
    let nodes = nodes(cx);
    if nodes.is_empty() {
        reasons.push(Reason::new(ReasonCode::NoMaster, "the master is not connected; start ringrift-master.service"));
        reasons.extend(cx.state.admission.kept.get().into_iter().flat_map(|d| d.barred.clone()));
    }
    let usage = rows::usage(cx.db)?;
    reasons.extend(schedule::against(cx, item, &nodes, &usage)?);
    let mut of_nodes = Vec::new();
    for node in &nodes {
        let against = decisions::reasons(cx, kind, &node.id)?;
        if against.is_empty() {
            return Ok(reasons);
        }
        for reason in against {
            if !of_nodes.contains(&reason) {
                of_nodes.push(reason);
            }
        }
    }
    reasons.extend(of_nodes);
    Ok(reasons)
}
