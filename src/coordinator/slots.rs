//! Slots for tasks that are not in the queue: CanSpawn, Acquire, Renew, Release.
use super::change::{Change, Refusal};
use super::{gates, rows};
use crate::contract::coordinator::{Accepted, Acquire, Acquired, CanSpawn, Holder, Renewed};
use crate::contract::job::LEASE_TERM;
use crate::coordination::{gate, limits};
use rusqlite::params;

/// Every reason against one more such task.
pub fn can_spawn(cx: &Change<'_>, call: &Acquire) -> Result<CanSpawn, Refusal> {
    let node = call.node.as_ref().unwrap_or(&cx.state.node);
    let usage = rows::usage(cx.db)?;
    let mut reasons = gate::shut(&gates::all(cx));
    reasons.extend(limits::reasons(&cx.state.config.limits, &usage, call.task_type, node, cx.state.cores_of(node)));
    if cx.state.draining {
        reasons.push("the coordinator is stopping".into());
    }
    Ok(CanSpawn { allowed: reasons.is_empty(), reasons })
}

/// Checks, reserves and registers; all in the caller's one transaction.
pub fn acquire(cx: &mut Change<'_>, call: &Acquire) -> Result<Acquired, Refusal> {
    let verdict = can_spawn(cx, call)?;
    if !verdict.allowed {
        return Err(Refusal::refused(format!("no slot for {}", call.task_type), verdict.reasons));
    }
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    let row = rows::insert_lease(cx, call.task_type, &node, None, &call.requested_by)?;
    Ok(Acquired { lease: rows::view(cx, &row), term_seconds: LEASE_TERM })
}

/// The lease that the holder means, if it is still its own.
fn held(cx: &Change<'_>, call: &Holder) -> Result<Option<rows::LeaseRow>, Refusal> {
    if cx.state.lease_id(call.token) != call.lease_id {
        return Err(Refusal::bad("token", format!("not the token of lease {}", call.lease_id)));
    }
    let lease = rows::lease(cx.db, call.token)?;
    if lease.as_ref().is_some_and(|l| l.work.is_some()) {
        return Err(Refusal::denied(format!("lease {} belongs to a work item; its job keeps it", call.lease_id)));
    }
    Ok(lease)
}

/// Another term.
pub fn renew(cx: &mut Change<'_>, call: &Holder) -> Result<Renewed, Refusal> {
    let Some(lease) = held(cx, call)? else {
        return Err(Refusal::fenced(format!("lease {} has ended; acquire a new one", call.lease_id)));
    };
    prolong(cx, &lease)?;
    Ok(Renewed { term_seconds: LEASE_TERM })
}

/// Gives a lease another term; the database's time for people follows at most once in five seconds.
pub fn prolong(cx: &mut Change<'_>, lease: &rows::LeaseRow) -> Result<(), Refusal> {
    cx.state.deadlines.renew(lease.token, cx.now.mono);
    let expires = cx.now.wall + rows::term_us();
    if (expires - lease.expires_us).abs() >= 5_000_000 {
        let sql = "UPDATE lease SET expires_us = ?2 WHERE token = ?1";
        cx.db.prepare_cached(sql)?.execute(params![rows::key(lease.token), expires])?;
    }
    Ok(())
}

/// Gives the slot back; not accepted when it has ended already.
pub fn release(cx: &mut Change<'_>, call: &Holder) -> Result<Accepted, Refusal> {
    let Some(lease) = held(cx, call)? else { return Ok(Accepted { accepted: false }) };
    rows::delete_lease(cx, &lease)?;
    Ok(Accepted { accepted: true })
}
