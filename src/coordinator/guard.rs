//! Safeguards as they are shown and set by hand: breakers, reservations, rates, back-pressure.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::Text;
use super::{decisions, emergency, gates};
use crate::contract::coordinator::{
    Accepted, BreakerView, BucketView, RecordFailure, Recorded, ReservationView, Reserve, ResetBreakers, ResetDone,
    SafeguardsView, SignalView, StartsView, Unreserve,
};
use crate::contract::ids::NodeId;
use crate::contract::time::{Mono, Span};
use crate::contract::workload::JobType;
use crate::coordination::admission::{Decisions, Rules};
use rusqlite::params;

/// Longest reservation: a day.
const LONGEST: u32 = 86_400;

/// A failure that the coordinator did not see itself.
pub fn record_failure(cx: &mut Change<'_>, call: &RecordFailure) -> Result<Recorded, Refusal> {
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    let reason = if call.reason.is_empty() { "no reason given" } else { &call.reason };
    decisions::failed(cx, call.task_type, &node, reason, call.cause.unwrap_or_default())
}

/// Closes breakers by hand.
pub fn reset(cx: &mut Change<'_>, call: &ResetBreakers) -> Result<ResetDone, Refusal> {
    Ok(ResetDone { reset: decisions::reset(cx, call.task_type, call.node.as_ref())? })
}

/// Keeps a node free; a second reservation of a node takes the first one's place.
pub fn reserve(cx: &mut Change<'_>, call: &Reserve) -> Result<Accepted, Refusal> {
    if !(1..=LONGEST).contains(&call.seconds) {
        return Err(Refusal::bad("seconds", format!("{} is out of range; must be from 1 to {LONGEST}", call.seconds)));
    }
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    let until = cx.now.mono + Span::of_secs(call.seconds.into());
    let by = if call.requested_by.is_empty() { "an operator" } else { &call.requested_by };
    cx.db.execute(
        "INSERT INTO reservation (node, purpose, requested_by, seconds, until_us) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (node) DO UPDATE SET purpose = ?2, requested_by = ?3, seconds = ?4, until_us = ?5",
        params![node.as_str(), call.purpose.name(), by, call.seconds, until.us()],
    )?;
    cx.state.admission_changed();
    Ok(Accepted { accepted: true })
}

/// Ends a reservation; not accepted when there is none.
pub fn unreserve(cx: &mut Change<'_>, call: &Unreserve) -> Result<Accepted, Refusal> {
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    let removed = cx.db.execute("DELETE FROM reservation WHERE node = ?1", [node.as_str()])?;
    cx.state.admission_changed();
    Ok(Accepted { accepted: removed > 0 })
}

/// Everything at once.
pub fn view(cx: &mut Change<'_>) -> Result<SafeguardsView, Refusal> {
    decisions::ready(cx)?;
    let (emergency, gates, breakers) = (emergency::view(cx)?, gates::all(cx)?, breakers(cx)?);
    let (now, signal) = (cx.now.mono, cx.state.admission.signal);
    let (rules, decisions) = cx.state.decisions();
    let Some(decisions) = decisions else { return Err(Refusal::internal("admission is not ready")) };
    Ok(SafeguardsView {
        emergency,
        gates,
        breakers,
        buckets: buckets(&rules, decisions, now),
        starts: starts(&rules, decisions, now),
        reservations: reservations(decisions, now),
        signal: SignalView { value: signal.value, multiplier: signal.multiplier, level: signal.level.into() },
        barred: decisions.barred.iter().map(|reason| reason.text.clone()).collect(),
    })
}

fn breakers(cx: &mut Change<'_>) -> Result<Vec<BreakerView>, Refusal> {
    let now = cx.now.mono;
    let mut statement = cx.db.prepare_cached("SELECT node, kind, failed_us FROM breaker ORDER BY node, kind")?;
    let mut found = statement.query([])?;
    let (rules, decisions) = cx.state.decisions();
    let mut list = Vec::new();
    while let Some(row) = found.next()? {
        let key = (row.get::<_, Text<NodeId>>(0)?.0, row.get::<_, Text<JobType>>(1)?.0);
        let Some(b) = decisions.and_then(|d| d.breakers.get(&key)) else { continue };
        let rules = &rules.safeguards.breaker;
        list.push(BreakerView {
            state: b.phase(rules, now).name().into(),
            failures: b.failures,
            opened: b.opened,
            successes: b.successes,
            retry_in_seconds: b.ready_at(rules).filter(|at| *at > now).map(|at| (at - now).secs_left()),
            reason: b.reason.clone(),
            failed_us: row.get(2)?,
            node: key.0,
            task_type: key.1,
        });
    }
    Ok(list)
}

fn buckets(rules: &Rules<'_>, decisions: &Decisions, now: Mono) -> Vec<BucketView> {
    let view = |name: &str, bucket: &crate::coordination::bucket::Bucket, rate: crate::coordination::bucket::Rate| {
        BucketView {
            bucket: name.into(),
            per_minute: rate.per_minute,
            burst: rate.burst,
            tokens: bucket.tokens(rate, now),
        }
    };
    vec![
        view("all", &decisions.tokens, rules.rate()),
        view("selfplay", &decisions.selfplay_tokens, rules.selfplay_rate()),
    ]
}

fn starts(rules: &Rules<'_>, decisions: &Decisions, now: Mono) -> Vec<StartsView> {
    let view = |(node, starts): (&NodeId, &crate::coordination::starts::Starts)| StartsView {
        node: node.clone(),
        starts: starts.in_window(rules.admission, now),
        ordinary: rules.admission.window_starts,
        delay_ms: starts.delay_ms(rules.admission, now),
    };
    let mut list: Vec<StartsView> = decisions.starts.iter().map(view).filter(|v| v.starts > 0).collect();
    list.sort_by(|a, b| a.node.cmp(&b.node));
    list
}

fn reservations(decisions: &Decisions, now: Mono) -> Vec<ReservationView> {
    let left = decisions.reservations.iter().filter(|(_, r)| r.until > now);
    left.map(|(node, r)| ReservationView {
        node: node.clone(),
        purpose: r.purpose,
        seconds: (r.until - now).secs_left(),
        by: r.by.clone(),
    })
    .collect()
}
