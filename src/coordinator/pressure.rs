//! Back-pressure: says once when the queue is full and once when it is short enough again.
use super::change::Change;
use super::refusal::Refusal;
use super::{outbox, transition};
use crate::contract::events::{BackpressureActivated, BackpressureReleased};
use crate::coordination::queue;
use rusqlite::OptionalExtension;

/// The only level there is yet: Enqueue refuses.
const LEVEL: &str = "hard";

/// Compares the queue with its hard limit; a change is stored with its event.
pub fn look(cx: &mut Change<'_>) -> Result<(), Refusal> {
    let active = transition::active(cx)?;
    let was: Option<String> = cx
        .db
        .prepare_cached("SELECT value FROM meta WHERE name = 'pressure'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let (hard, node_id) = (cx.state.config.limits.queue_hard, cx.state.node.clone());
    let full = queue::is_full(active, hard, was.is_some());
    match (was, full) {
        (None, true) => {
            cx.db.execute("INSERT INTO meta (name, value) VALUES ('pressure', ?1)", [LEVEL])?;
            let reason = format!("{active} jobs queued or running (limits.queue_hard is {hard})");
            tracing::warn!(reason, "the queue is full; new jobs are rejected");
            let (level, resource_type) = (LEVEL.to_owned(), "queue".to_owned());
            outbox::emit_plain(
                cx,
                BackpressureActivated { node_id, level, reason, resource_type, queue_depth: active.into() },
            )
        }
        (Some(previous_level), false) => {
            cx.db.execute("DELETE FROM meta WHERE name = 'pressure'", [])?;
            outbox::emit_plain(cx, BackpressureReleased { node_id, previous_level, queue_depth: active.into() })
        }
        _ => Ok(()),
    }
}
