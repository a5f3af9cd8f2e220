//! Ends leases that were not renewed: fence first, then have the unit stopped; the slot is free when the unit is gone.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, LeaseRow};
use super::{fence, outbox, reports};
use crate::contract::cause::FailureCause;
use crate::contract::events::TaskOrphaned;
use crate::contract::ids::{FencingToken, JobId};
use crate::contract::job::{LEASE_TERM, LONGEST_SILENCE};
use crate::contract::messages;
use crate::contract::time::Span;

/// At start, and after a failed commit: every lease of the database has a term. A restart gives a whole one, see
/// `coordination::lease`.
pub fn adopt(cx: &mut Change<'_>) -> Result<(), Refusal> {
    let leases = rows::leases(cx.db)?;
    cx.state.leases.adopt(leases.iter().filter(|l| l.fenced.is_none()).map(|l| l.token), cx.now.mono);
    Ok(())
}

/// Ends what has ended by now, each apart: one that cannot be ended keeps no other one from it.
pub fn expire(cx: &mut Change<'_>) -> Result<(), Refusal> {
    for token in cx.state.leases.due(cx.now.mono) {
        if let Err(refusal) = cx.apart(|cx| expire_one(cx, token)) {
            // The whole transaction is gone: what follows would be on disk step by step.
            if cx.db.is_autocommit() {
                return Err(refusal);
            }
            tracing::error!(%refusal, %token, "ending a lease failed; it is retried after another term");
            cx.state.leases.renew(token, cx.now.mono);
        }
    }
    Ok(())
}

fn expire_one(cx: &mut Change<'_>, token: FencingToken) -> Result<(), Refusal> {
    match rows::lease(cx.db, token)? {
        None => cx.state.leases.forget(token),
        Some(lease) if lease.fenced.is_some() => cx.state.leases.forget(token),
        // Its order has not reached a master yet, so no unit can have taken it up; it stays granted until one comes.
        Some(lease) if waits_for_master(cx, &lease) => cx.state.leases.renew(token, cx.now.mono),
        Some(lease) => end(cx, &lease)?,
    }
    Ok(())
}

fn waits_for_master(cx: &Change<'_>, lease: &LeaseRow) -> bool {
    lease.work.is_some() && !lease.ordered && !lease.taken && !cx.state.dispatch.reaches(&lease.node)
}

fn end(cx: &mut Change<'_>, lease: &LeaseRow) -> Result<(), Refusal> {
    // It may have ended while we were away, with no master that would say so.
    if let Some(n) = lease.work {
        let id = cx.state.job_id(n);
        if reports::take_over(cx, &id)? {
            return Ok(());
        }
    }
    let seconds = if lease.taken { LONGEST_SILENCE } else { LEASE_TERM };
    let orphaned = TaskOrphaned {
        task_id: match lease.work {
            Some(n) => cx.state.job_id(n),
            None => JobId::new(lease.id.as_str()).map_err(|e| Refusal::internal(e.to_string()))?,
        },
        task_type: lease.kind.name().into(),
        node_id: lease.node.clone(),
        last_heartbeat: (lease.expires - Span::of_secs(seconds)).us(),
        reason: format!("the lease was not renewed for {seconds} s"),
    };
    let (task, node) = (&orphaned.task_id, &lease.node);
    tracing::warn!(MESSAGE_ID = messages::LEASE_LOST, task = %task, node = %node, "the lease of {task} on {node} \
        expired; fenced off");
    match lease.work.map(|n| rows::item(cx, n)).transpose()?.flatten() {
        Some(item) => {
            outbox::emit(cx, &item.work, orphaned)?;
            fence::fence(cx, lease, if lease.taken { FailureCause::Watchdog } else { FailureCause::Expired })
        }
        None => {
            // Nobody watches the unit of such a task, if it has one: the slot is free at once.
            outbox::emit_plain(cx, orphaned)?;
            rows::delete_lease(cx, lease)?;
            Ok(())
        }
    }
}
