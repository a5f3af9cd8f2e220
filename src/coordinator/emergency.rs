//! Pause, and the emergency halt: what is on disk first, so that nothing more is granted; stopping the units follows.
use super::change::Change;
use super::refusal::Refusal;
use super::{fence, rows};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Accepted, Because, EmergencyView};
use crate::contract::messages;
use crate::contract::time::Wall;
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

const HALT: &str = "halt";
const PAUSE: &str = "pause";
/// A halt or a pause as the database keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub since_us: Wall,
    /// The boot in which it began.
    #[serde(default)]
    pub boot: String,
    /// The boot in which the flag file was written, if it was: a flag that is gone in the same boot was removed by
    /// hand.
    #[serde(default)]
    pub flagged_in: Option<String>,
}

fn read(cx: &Change<'_>, name: &str) -> Result<Option<Stored>, Refusal> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let text: Option<String> = cx.db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
    // A row that cannot be read still halts: unknown is no.
    let unreadable = |e: serde_json::Error| Stored {
        reason: format!("cannot read the stored reason: {e}"),
        by: "?".into(),
        since_us: Wall::default(),
        boot: String::new(),
        flagged_in: None,
    };
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_else(unreadable)))
}

fn write(cx: &mut Change<'_>, name: &str, stored: &Stored) -> Result<(), Refusal> {
    let text = serde_json::to_string(stored)?;
    cx.db.execute(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        [name, &text],
    )?;
    cx.state.admission_changed();
    Ok(())
}

fn remove(cx: &mut Change<'_>, name: &str) -> Result<bool, Refusal> {
    let removed = cx.db.execute("DELETE FROM meta WHERE name = ?1", [name])? > 0;
    cx.state.admission_changed();
    Ok(removed)
}

/// The halt in force.
pub fn halted(cx: &Change<'_>) -> Result<Option<Stored>, Refusal> {
    read(cx, HALT)
}

/// The pause in force.
pub fn paused(cx: &Change<'_>) -> Result<Option<Stored>, Refusal> {
    read(cx, PAUSE)
}

fn stored(cx: &Change<'_>, because: Because) -> Stored {
    let or = |text: String, other: &str| if text.trim().is_empty() { other.to_owned() } else { text };
    Stored {
        reason: or(because.reason, "no reason given"),
        by: or(because.by, "an operator"),
        since_us: cx.now.wall,
        boot: String::new(),
        flagged_in: None,
    }
}

/// Nothing is granted until Resume; what runs continues. Not accepted when it is paused already.
pub fn pause(cx: &mut Change<'_>, because: Because) -> Result<Accepted, Refusal> {
    if paused(cx)?.is_some() {
        return Ok(Accepted { accepted: false });
    }
    let pause = stored(cx, because);
    tracing::info!(by = pause.by, reason = pause.reason, "paused: no job starts");
    write(cx, PAUSE, &pause)?;
    Ok(Accepted { accepted: true })
}

/// Ends a pause; not accepted when there is none.
pub fn resume(cx: &mut Change<'_>) -> Result<Accepted, Refusal> {
    Ok(Accepted { accepted: remove(cx, PAUSE)? })
}

/// Halts: nothing is granted any more, every job is fenced off and ordered to be killed. False: it was halted already;
/// the orders are given again all the same.
pub fn halt(cx: &mut Change<'_>, because: Because, boot: &str) -> Result<bool, Refusal> {
    let first = halted(cx)?.is_none();
    if first {
        let halt = Stored { boot: boot.to_owned(), ..stored(cx, because) };
        tracing::error!(
            MESSAGE_ID = messages::EMERGENCY_HALT,
            by = halt.by,
            reason = halt.reason,
            "emergency halt by {}: {}",
            halt.by,
            halt.reason
        );
        write(cx, HALT, &halt)?;
        cx.state.managers.halt_steps.clear();
        cx.state.managers.handled("emergency");
    }
    for lease in rows::leases(cx.db)?.into_iter().filter(|l| l.work.is_some()) {
        fence::fence(cx, &lease, FailureCause::Halted)?;
    }
    Ok(first)
}

/// Ends a halt; not accepted when there is none.
pub fn clear(cx: &mut Change<'_>, by: &str) -> Result<Accepted, Refusal> {
    let accepted = remove(cx, HALT)?;
    if accepted {
        tracing::warn!(by, "the emergency halt was cleared by {by}");
        cx.state.managers.halt_steps.clear();
    }
    Ok(Accepted { accepted })
}

/// Notes in which boot the flag file was written.
pub fn flagged(cx: &mut Change<'_>, boot: &str) -> Result<(), Refusal> {
    if let Some(mut halt) = halted(cx)? {
        halt.flagged_in = Some(boot.to_owned());
        write(cx, HALT, &halt)?;
    }
    Ok(())
}

/// As it is shown.
pub fn view(cx: &Change<'_>) -> Result<EmergencyView, Refusal> {
    Ok(match halted(cx)? {
        None => EmergencyView::default(),
        Some(h) => EmergencyView {
            halted: true,
            reason: h.reason,
            by: h.by,
            since_us: h.since_us.us(),
            done: cx.state.managers.halt_steps.clone(),
        },
    })
}
