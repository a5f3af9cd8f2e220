//! Forgets items of the queue that ended long ago.
use super::change::Change;
use super::refusal::Refusal;
use super::transition::ACTIVE;
use crate::contract::age::{AgePermit, Clocks};
use crate::contract::time::Span;
use crate::platform::age;
use rusqlite::params;

/// Between two looks.
const PAUSE: Span = Span::HOUR;
/// The same while there is more than one turn may take.
const NEXT: Span = Span::SECOND;
/// Items forgotten in one turn; others wait for the writer meanwhile.
const BATCH: i64 = 500;
/// Between two looks at the clocks.
const PURGE_INTERVAL: Span = Span::of_secs(60);

/// Forgets what ended more than `limits.keep_ended_days` ago, if it is time to look. An item stays while its unit still
/// has a slot, or while another that has not ended depends on it.
pub fn turn(cx: &mut Change<'_>) -> Result<(), Refusal> {
    look_at_clocks(cx);
    match cx.state.ages.permit {
        Some(permit) if cx.state.ages.purge_at.is_none_or(|at| cx.now.mono >= at) => forget(cx, permit),
        _ => Ok(()),
    }
}

/// Once a minute whether the wall clock can be believed.
fn look_at_clocks(cx: &mut Change<'_>) {
    if cx.state.ages.permit_at.is_some_and(|at| cx.now.mono < at) {
        return;
    }
    cx.state.ages.permit_at = Some(cx.now.mono + PURGE_INTERVAL);
    let now = Clocks { wall: cx.now.wall, boot: cx.now.boot, synchronised: age::is_synchronised() };
    cx.state.ages.permit = cx.state.ages.guard.as_mut().and_then(|guard| guard.permit(now));
}

fn forget(cx: &mut Change<'_>, permit: AgePermit) -> Result<(), Refusal> {
    let before = permit.before(Span::DAY * cx.state.config.limits.keep_ended_days.into());
    let ended: Vec<i64> = cx
        .db
        .prepare_cached(&format!(
            "SELECT n FROM work WHERE completed_us < ?1 AND status NOT IN {ACTIVE}
               AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.work = work.n)
               AND NOT EXISTS (SELECT 1 FROM dependency d JOIN work w ON w.n = d.work
                               WHERE d.needs = work.n AND w.status IN {ACTIVE})
             ORDER BY completed_us LIMIT ?2"
        ))?
        .query_map(params![before, BATCH], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for n in &ended {
        cx.db.prepare_cached("DELETE FROM dependency WHERE work = ?1 OR needs = ?1")?.execute([n])?;
        cx.db.prepare_cached("DELETE FROM work WHERE n = ?1")?.execute([n])?;
    }
    let full = ended.len() as i64 == BATCH;
    cx.state.ages.purge_at = Some(cx.now.mono + if full { NEXT } else { PAUSE });
    if !ended.is_empty() {
        tracing::info!(items = ended.len(), "deleted old finished jobs from the queue");
    }
    Ok(())
}
