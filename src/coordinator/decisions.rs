//! Admission against the database: what is decided in memory is written in the same savepoint, and read anew after a
//! rollback.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::{self, Text};
use super::{emergency, gates};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Purpose, Recorded};
use crate::contract::ids::NodeId;
use crate::contract::messages;
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::Mono;
use crate::contract::workload::JobType;
use crate::coordination::admission::{Ask, Decisions, Reservation};
use crate::coordination::breaker::Breaker;
use rusqlite::params;

const ALL: &str = "all";
const SELFPLAY: &str = "selfplay";
/// The longest reason of a breaker that is kept, bytes.
const REASON: usize = 512;

/// Judges the gates if it is time, and reads what was decided if it must be read.
pub fn ready(cx: &mut Change<'_>) -> Result<(), Refusal> {
    gates::refresh(cx)?;
    if cx.state.admission.kept.get().is_none() {
        let decisions = read(cx)?;
        cx.state.admission.kept.read(decisions);
    }
    Ok(())
}

fn read(cx: &mut Change<'_>) -> Result<Decisions, Refusal> {
    let former = cx.state.admission.kept.former();
    let mut decisions = Decisions::new(&cx.state.decisions().0, cx.now.mono);
    // Starts are not in the database: a rollback leaves one too many, which only delays; a restart begins a new window.
    decisions.starts = former.map(|d| d.starts).unwrap_or_default();
    decisions.usage = rows::usage(cx.db)?;
    let mut statement = cx.db.prepare_cached("SELECT name, level FROM bucket")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let bucket = if row.get_ref(0)?.as_str().is_ok_and(|name| name == ALL) {
            &mut decisions.tokens
        } else {
            &mut decisions.selfplay_tokens
        };
        bucket.level = bucket.level.min(row.get(1)?);
    }
    let mut statement =
        cx.db.prepare_cached("SELECT node, kind, failures, opened, successes, since_us, reason FROM breaker")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let key = (row.get::<_, Text<NodeId>>(0)?.0, row.get::<_, Text<JobType>>(1)?.0);
        let (failures, opened, successes) = (row.get(2)?, row.get(3)?, row.get(4)?);
        decisions
            .breakers
            .insert(key, Breaker { failures, opened, successes, since: Mono::of_us(row.get(5)?), reason: row.get(6)? });
    }
    let mut statement = cx.db.prepare_cached("SELECT node, purpose, until_us, requested_by FROM reservation")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let purpose = row.get_ref(1)?.as_str().ok().and_then(Purpose::from_name).unwrap_or(Purpose::Gauntlet);
        let reservation = Reservation { purpose, until: Mono::of_us(row.get(2)?), by: row.get(3)? };
        decisions.reservations.insert(row.get::<_, Text<NodeId>>(0)?.0, reservation);
    }
    decisions.barred = barred(cx)?;
    Ok(decisions)
}

/// What bars everything.
fn barred(cx: &Change<'_>) -> Result<Vec<Reason>, Refusal> {
    let mut barred = Vec::new();
    if let Some(halt) = emergency::halted(cx)? {
        let text = format!("emergency halt by {}: {}; `ringrift emergency clear` ends it", halt.by, halt.reason);
        barred.push(Reason::new(ReasonCode::Halted, text));
    }
    if let Some(pause) = emergency::paused(cx)? {
        barred.push(Reason::new(ReasonCode::Paused, format!("paused by {}: {}", pause.by, pause.reason)));
    }
    if cx.state.draining {
        barred.push(Reason::new(ReasonCode::Stopping, "the coordinator is stopping"));
    }
    Ok(barred)
}

/// Every reason against one more task of the type on the node.
pub fn reasons(cx: &mut Change<'_>, kind: JobType, node: &NodeId) -> Result<Vec<Reason>, Refusal> {
    ready(cx)?;
    let (cores, now) = (cx.state.cores_of(node), cx.now.mono);
    let (rules, decisions) = cx.state.decisions();
    let unread = || vec![Reason::new(ReasonCode::NotReady, "admission is not ready")];
    Ok(decisions.map_or_else(unread, |decisions| decisions.reasons(&rules, Ask { kind, node, cores }, now)))
}

/// Takes slot and tokens; false: something is against it and nothing was taken. Write with `store_tokens` in the same
/// savepoint.
pub fn take(cx: &mut Change<'_>, kind: JobType, node: &NodeId) -> Result<bool, Refusal> {
    ready(cx)?;
    let (ask, now) = (Ask { kind, node, cores: cx.state.cores_of(node) }, cx.now.mono);
    let (rules, decisions) = cx.state.decisions();
    if !decisions.is_some_and(|d| d.fits(&rules, ask, now)) {
        return Ok(false);
    }
    let (rules, decisions) = cx.state.deciding();
    let taken = decisions.is_some_and(|d| d.take(&rules, ask, now));
    if taken {
        cx.state.managers.handled("admission");
    }
    Ok(taken)
}

/// Writes the buckets' levels.
pub fn store_tokens(cx: &mut Change<'_>) -> Result<(), Refusal> {
    let Some(decisions) = cx.state.admission.kept.get() else { return Ok(()) };
    let mut statement = cx.db.prepare_cached(
        "INSERT INTO bucket (name, level) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET level = ?2",
    )?;
    for (name, bucket) in [(ALL, decisions.tokens), (SELFPLAY, decisions.selfplay_tokens)] {
        statement.execute(params![name, bucket.level])?;
    }
    Ok(())
}

/// A task of the type ended well on the node.
pub fn succeeded(cx: &mut Change<'_>, kind: JobType, node: &NodeId) -> Result<(), Refusal> {
    ready(cx)?;
    let now = cx.now.mono;
    let key = (node.clone(), kind);
    if cx.state.decisions().1.is_none_or(|decisions| !decisions.breakers.contains_key(&key)) {
        return Ok(());
    }
    let (rules, decisions) = cx.state.deciding();
    let Some(breaker) = decisions.and_then(|d| d.breakers.get_mut(&key)) else { return Ok(()) };
    if breaker.succeed(&rules.safeguards.breaker, now) {
        tracing::info!(%node, %kind, "circuit breaker for {kind} on {node} closed");
    }
    store_breaker(cx, &key)
}

/// A task of the type failed on the node; a lack of memory opens the breaker whatever the count.
pub fn failed(
    cx: &mut Change<'_>,
    kind: JobType,
    node: &NodeId,
    reason: &str,
    cause: FailureCause,
) -> Result<Recorded, Refusal> {
    ready(cx)?;
    let now = cx.now.mono;
    let reason = &reason[..reason.floor_char_boundary(REASON)];
    let (rules, decisions) = cx.state.deciding();
    let key = (node.clone(), kind);
    let Some(decisions) = decisions else { return Err(Refusal::internal("admission is not ready")) };
    let breaker = decisions.breakers.entry(key.clone()).or_default();
    let opened = breaker.fail(&rules.safeguards.breaker, now, reason, cause == FailureCause::Oom);
    let state = breaker.phase(&rules.safeguards.breaker, now).name().to_owned();
    if opened {
        let seconds = breaker.recovery(&rules.safeguards.breaker);
        tracing::warn!(
            MESSAGE_ID = messages::BREAKER_OPEN, node = %node, kind = %kind, reason,
            "circuit breaker for {kind} on {node} open for {seconds} s: {reason}"
        );
    }
    cx.state.managers.handled("safeguards");
    store_breaker(cx, &key)?;
    cx.state.look_again();
    Ok(Recorded { state, opened })
}

fn store_breaker(cx: &mut Change<'_>, key: &(NodeId, JobType)) -> Result<(), Refusal> {
    let Some(decisions) = cx.state.admission.kept.edit() else { return Ok(()) };
    let (node, kind) = (key.0.as_str(), key.1.name());
    match decisions.breakers.get(key) {
        Some(b) if !b.is_blank() => {
            cx.db
                .prepare_cached(
                    "INSERT INTO breaker (node, kind, failures, opened, successes, since_us, reason, failed_us)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (node, kind) DO UPDATE SET failures = ?3,
                     opened = ?4,
                        successes = ?5, since_us = ?6, failed_us = CASE WHEN reason = ?7 AND failures >= ?3 THEN failed_us ELSE ?8 END,
                        reason = ?7",
                )?
                .execute(params![node, kind, b.failures, b.opened, b.successes, b.since.us(), b.reason, cx.now.wall])?;
        }
        _ => {
            decisions.breakers.remove(key);
            cx.db.prepare_cached("DELETE FROM breaker WHERE node = ?1 AND kind = ?2")?.execute([node, kind])?;
        }
    }
    Ok(())
}

/// Closes breakers by hand; returns how many.
pub fn reset(cx: &mut Change<'_>, kind: Option<JobType>, node: Option<&NodeId>) -> Result<u32, Refusal> {
    ready(cx)?;
    let Some(decisions) = cx.state.admission.kept.edit() else { return Ok(0) };
    let wanted = |key: &&(NodeId, JobType)| kind.is_none_or(|k| k == key.1) && node.is_none_or(|n| *n == key.0);
    let keys: Vec<_> = decisions.breakers.keys().filter(wanted).cloned().collect();
    for key in &keys {
        decisions.breakers.remove(key);
    }
    cx.state.look_again();
    for key in &keys {
        store_breaker(cx, key)?;
    }
    Ok(u32::try_from(keys.len()).unwrap_or(u32::MAX))
}
