//! Slots for tasks that are not in the queue: CanSpawn, Acquire, Renew, Release.
use super::change::Change;
use super::refusal::Refusal;
use super::{decisions, rows};
use crate::contract::coordinator::{Accepted, Acquire, Acquired, CanSpawn, Holder, Release, Renewed};
use crate::contract::job::LEASE_TERM;
use crate::contract::time::Span;
use rusqlite::params;

/// Every reason against one more such task; takes nothing.
pub fn can_spawn(cx: &mut Change<'_>, call: &Acquire) -> Result<CanSpawn, Refusal> {
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    Ok(CanSpawn::new(decisions::reasons(cx, call.task_type, &node)?))
}

/// Checks, reserves and registers; all in the caller's one transaction.
pub fn acquire(cx: &mut Change<'_>, call: &Acquire) -> Result<Acquired, Refusal> {
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    if !decisions::take(cx, call.task_type, &node)? {
        let reasons = decisions::reasons(cx, call.task_type, &node)?;
        return Err(Refusal::refused(format!("no slot for {}", call.task_type), reasons));
    }
    let row = rows::insert_lease(cx, call.task_type, &node, None, &call.requested_by)?;
    decisions::store_tokens(cx)?;
    Ok(Acquired { lease: rows::view(&row), term_seconds: LEASE_TERM })
}

/// The lease that the holder means, if it is still its own.
fn held(cx: &Change<'_>, call: &Holder) -> Result<Option<rows::LeaseRow>, Refusal> {
    let lease = rows::lease(cx.db, call.token)?;
    if lease.as_ref().is_some_and(|l| l.id != call.lease_id) {
        return Err(Refusal::bad("token", format!("not the token of lease {}", call.lease_id)));
    }
    if lease.as_ref().is_some_and(|l| l.work.is_some()) {
        return Err(Refusal::denied(format!(
            "lease {} belongs to a queued job; only that job may use it",
            call.lease_id
        )));
    }
    Ok(lease)
}

/// Another term.
pub fn renew(cx: &mut Change<'_>, call: &Holder) -> Result<Renewed, Refusal> {
    let Some(lease) = held(cx, call)? else {
        return Err(Refusal::fenced(format!("lease {} has ended; acquire a new one", call.lease_id)));
    };
    if let Some(why) = super::emergency::halted(cx)? {
        return Err(Refusal::fenced(format!("emergency halt: {}; stop and release the lease", why.reason)));
    }
    prolong(cx, &lease, LEASE_TERM)?;
    Ok(Renewed { term_seconds: LEASE_TERM })
}

/// What people are shown of a lease's end may be behind by this.
const SHOWN_LAG: Span = Span::of_secs(5);

/// Gives a lease a term of this many seconds; the database's time for people follows at most once in five seconds.
pub fn prolong(cx: &mut Change<'_>, lease: &rows::LeaseRow, seconds: u64) -> Result<(), Refusal> {
    let term = Span::of_secs(seconds);
    cx.state.leases.renew_for(lease.token, term, cx.now.mono);
    let expires = cx.now.wall + term;
    if (expires - lease.expires).abs() >= SHOWN_LAG {
        let sql = "UPDATE lease SET expires_us = ?2 WHERE token = ?1";
        cx.db.prepare_cached(sql)?.execute(params![rows::key(lease.token), expires])?;
    }
    Ok(())
}

/// Gives the slot back; not accepted when it has ended already.
pub fn release(cx: &mut Change<'_>, call: &Release) -> Result<Accepted, Refusal> {
    let holder = Holder { lease_id: call.lease_id.clone(), token: call.token };
    let Some(lease) = held(cx, &holder)? else { return Ok(Accepted { accepted: false }) };
    rows::delete_lease(cx, &lease)?;
    match &call.failed {
        None => decisions::succeeded(cx, lease.kind, &lease.node)?,
        Some(why) => decisions::failed(cx, lease.kind, &lease.node, why, call.cause.unwrap_or_default()).map(drop)?,
    }
    Ok(Accepted { accepted: true })
}
