//! Fencing: makes a lease's token worthless and orders its unit to be stopped. The slot is free when the unit is gone.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, LeaseRow};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Order, OrderKind};
use rusqlite::params;

/// Makes the token worthless and has the unit stopped.
pub fn fence(cx: &mut Change<'_>, lease: &LeaseRow, cause: FailureCause) -> Result<(), Refusal> {
    cx.db
        .prepare_cached("UPDATE lease SET fenced = ?2 WHERE token = ?1")?
        .execute(params![rows::key(lease.token), cause.name()])?;
    cx.state.leases.forget(lease.token);
    let lease = &LeaseRow { fenced: Some(cause), ..lease.clone() };
    if let Some(order) = stop_order(cx, lease) {
        cx.state.dispatch.order(&lease.node, order);
    }
    Ok(())
}

/// An order to stop the unit of a lease that was fenced off; after a halt, to kill it.
pub fn stop_order(cx: &Change<'_>, lease: &LeaseRow) -> Option<Order> {
    let kind = if lease.fenced == Some(FailureCause::Halted) { OrderKind::Kill } else { OrderKind::Stop };
    lease.work.map(|n| Order {
        kind,
        job_id: cx.state.job_id(n),
        job_type: lease.kind,
        token: lease.token,
        runtime_max_seconds: None,
        memory_max: None,
        tasks_max: None,
        cpus: None,
    })
}
