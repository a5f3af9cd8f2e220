//! Cancel: withdraws an item; a running one is fenced off and its unit stopped.
use super::change::{Change, Refusal};
use super::{expire, finish, outbox, rows};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Accepted, Cancel, WorkStatus};
use crate::contract::events::WorkCancelled;
use rusqlite::params;

/// Withdraws the item; not accepted when it has ended already.
pub fn cancel(cx: &mut Change<'_>, call: &Cancel) -> Result<Accepted, Refusal> {
    let (n, item) = rows::wanted(cx, &call.work_id)?;
    if !item.status.is_active() {
        return Ok(Accepted { accepted: false });
    }
    cx.db
        .prepare_cached(
            "UPDATE work SET status = ?2, completed_us = ?3, not_before_us = NULL, result = 'cancelled', error = ?4 WHERE n = ?1",
        )?
        .execute(params![n, WorkStatus::Cancelled.name(), cx.now.wall, call.reason])?;
    if let Some(lease) = rows::lease_of(cx.db, n)?
        && lease.fenced.is_none()
    {
        expire::fence(cx, &lease, FailureCause::Cancelled)?;
    }
    let cancelled = WorkCancelled {
        work_id: item.work_id.clone(),
        work_type: item.work.work_type.name().into(),
        config_key: Some(item.work.config_key.clone()),
        reason: call.reason.clone(),
    };
    outbox::emit(cx, &item.work, cancelled)?;
    finish::fail_dependents(cx, n, &format!("dependency {} was cancelled", item.work_id))?;
    cx.state.dirty = true;
    Ok(Accepted { accepted: true })
}
