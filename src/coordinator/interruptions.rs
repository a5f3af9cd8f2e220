//! How often an attempt was interrupted. An interruption uses no attempt, but not for ever: see `retry::Interruptions`.
use super::change::Change;
use super::refusal::Refusal;
use crate::contract::coordinator::WorkItem;
use crate::coordination::retry::Interruptions;
use rusqlite::params;

/// Counts one more interruption of an item's attempt.
pub fn count(cx: &Change<'_>, n: i64, item: &WorkItem) -> Result<Interruptions, Refusal> {
    let sql = "SELECT interruptions, idle_interruptions, furthest FROM work WHERE n = ?1";
    let before = cx.db.prepare_cached(sql)?.query_row([n], |row| {
        Ok(Interruptions { all: row.get(0)?, without_progress: row.get(1)?, furthest: row.get(2)? })
    })?;
    let now = before.one_more(item.progress.as_ref().map_or(0.0, |progress| progress.done));
    write(cx, n, now)?;
    Ok(now)
}

/// Another attempt begins to count again.
pub fn forget(cx: &Change<'_>, n: i64) -> Result<(), Refusal> {
    write(cx, n, Interruptions::default())
}

fn write(cx: &Change<'_>, n: i64, now: Interruptions) -> Result<(), Refusal> {
    let sql = "UPDATE work SET interruptions = ?2, idle_interruptions = ?3, furthest = ?4 WHERE n = ?1";
    cx.db.prepare_cached(sql)?.execute(params![n, now.all, now.without_progress, now.furthest])?;
    Ok(())
}
