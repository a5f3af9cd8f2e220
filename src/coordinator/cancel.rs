//! Ends from outside: Cancel withdraws an item, StopWork ends an attempt. A running one is fenced off and its unit
//! stopped.
use super::change::Change;
use super::refusal::Refusal;
use super::transition::{self, Step};
use super::{fence, finish, outbox, rows};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Accepted, Cancel, StopWork};
use crate::contract::events::WorkCancelled;

/// Withdraws the item; not accepted when it has ended already.
pub fn cancel(cx: &mut Change<'_>, call: &Cancel) -> Result<Accepted, Refusal> {
    let (n, item) = rows::wanted(cx, &call.work_id)?;
    if !item.status.is_active() {
        return Ok(Accepted { accepted: false });
    }
    transition::set(cx, n, &Step::Withdrawn(&call.reason))?;
    if let Some(lease) = rows::lease_of(cx.db, n)?
        && lease.fenced.is_none()
    {
        fence::fence(cx, &lease, FailureCause::Cancelled)?;
    }
    let cancelled = WorkCancelled {
        work_id: item.work_id.clone(),
        work_type: item.work.work_type.name().into(),
        config_key: Some(item.work.config_key.clone()),
        reason: call.reason.clone(),
    };
    outbox::emit(cx, &item.work, cancelled)?;
    finish::fail_dependents(cx, n, &format!("dependency {} was cancelled", item.work_id))?;
    Ok(Accepted { accepted: true })
}

/// Stops the attempt with this token: it is fenced off, its unit stopped, and the item goes back into the queue. An
/// attempt that was preempted or shed did nothing wrong: when its unit is gone, the item is put back without counting a
/// try.
pub fn stop_work(cx: &mut Change<'_>, call: &StopWork) -> Result<Accepted, Refusal> {
    let (n, _) = rows::wanted(cx, &call.work_id)?;
    let lease = rows::lease_of(cx.db, n)?.filter(|l| l.token == call.token && l.fenced.is_none());
    let Some(lease) = lease else { return Ok(Accepted { accepted: false }) };
    tracing::warn!(job = %call.work_id, cause = call.cause.name(), reason = call.reason, "attempt stopped; the job is \
        retried");
    fence::fence(cx, &lease, call.cause.into())?;
    Ok(Accepted { accepted: true })
}
