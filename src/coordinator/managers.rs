//! The managers' methods on the coordinator's socket: order of the queue, durations, bandwidth, utilisation; and what they remember
//! beside the database.
use super::change::{Change, Refusal};
use super::service::{answer, speaker};
use super::writer::Core;
use super::{bandwidth, durations, expire, optimizer, rows, schedule};
use crate::contract::bandwidth::{EndTransfer, Transfer};
use crate::contract::coordinator::{Accepted, StopWork};
use crate::contract::durations::{RecordDuration, TaskOf};
use crate::contract::ids::NodeId;
use crate::contract::optimizer::{Advice, MaxSelfplay, NegotiateRate, Observe, ShouldScale};
use crate::contract::wire::{Call, Reply, errors};
use crate::platform::varlink::{Caller, parse};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What the managers remember; all of it can be lost.
#[derive(Debug, Default)]
pub struct Memory {
    /// When reservations of bandwidth end, monotonic.
    pub reservations: HashMap<String, i64>,
    /// The optimizer's last word on each node and when it was said, monotonic.
    pub advice: BTreeMap<NodeId, (i64, Advice)>,
}

/// Answers one of the managers' methods; nothing when it is none.
pub fn reply(core: &Core, caller: &Caller, call: &Call, method: &str) -> Result<Option<Reply>, Box<Reply>> {
    Ok(Some(match method {
        "QueueOrder" => by(core, "scheduler", |cx| schedule::view(cx)),
        "StopWork" => {
            let stop: StopWork = parse(call)?;
            by(core, "queue", move |cx| stop_work(cx, &stop))
        }
        "Durations" => by(core, "durations", |cx| durations::all(cx)),
        "ExpectedDuration" => {
            let task: TaskOf = parse(call)?;
            by(core, "durations", move |cx| durations::expected(cx, &task))
        }
        "CanStartBeforePeak" => {
            let task: TaskOf = parse(call)?;
            by(core, "durations", move |cx| durations::can_start(cx, &task))
        }
        "RecordDuration" => {
            let run: RecordDuration = parse(call)?;
            by(core, "durations", move |cx| durations::record(cx, &run).map(|duration| crate::contract::durations::DurationOf { duration }))
        }
        "Bandwidth" => by(core, "bandwidth", bandwidth::all),
        "CanTransfer" => {
            let transfer: Transfer = parse(call)?;
            by(core, "bandwidth", move |cx| bandwidth::can(cx, &transfer))
        }
        "StartTransfer" => {
            let transfer: Transfer = parse(call)?;
            by(core, "bandwidth", move |cx| bandwidth::start(cx, &transfer))
        }
        "EndTransfer" => {
            let end: EndTransfer = parse(call)?;
            by(core, "bandwidth", move |cx| bandwidth::end(cx, &end))
        }
        "Observe" => {
            let seen: Observe = parse(call)?;
            by(core, "optimizer", move |cx| optimizer::observe(cx, &seen))
        }
        "Utilization" => by(core, "optimizer", |cx| optimizer::utilization(cx)),
        "ShouldScale" => {
            let scale: ShouldScale = parse(call)?;
            by(core, "optimizer", move |cx| optimizer::should_scale(cx, &scale))
        }
        "MaxSelfplay" => {
            let machine: MaxSelfplay = parse(call)?;
            by(core, "optimizer", move |cx| optimizer::max_selfplay(cx, &machine))
        }
        "NegotiateRate" => {
            let mut ask: NegotiateRate = parse(call)?;
            ask.requestor = speaker(caller, ask.requestor);
            by(core, "optimizer", move |cx| optimizer::negotiate(cx, &ask))
        }
        "Rates" => by(core, "optimizer", |cx| optimizer::rates(cx)),
        _ => return Ok(None),
    }))
}

/// Has one manager make a change; counts it, and an error that is not the caller's.
fn by<T, F>(core: &Core, manager: &'static str, change: F) -> Reply
where
    T: Serialize + Send + 'static,
    F: FnOnce(&mut Change<'_>) -> Result<T, Refusal> + Send + 'static,
{
    answer(core.change(move |cx| {
        let done = change(cx);
        match &done {
            Ok(_) => cx.state.managers.handled(manager),
            Err(refusal) if [errors::INTERNAL, errors::OUT_OF_SPACE].contains(&refusal.name) => {
                cx.state.managers.failed(manager, &refusal.to_string());
            }
            Err(_) => {}
        }
        done
    }))
}

/// Stops the attempt with this token: it is fenced off, its unit stopped, and the item goes back into the queue. An attempt that was
/// preempted or shed did nothing wrong: when its unit is gone, the item is put back without counting a try.
fn stop_work(cx: &mut Change<'_>, call: &StopWork) -> Result<Accepted, Refusal> {
    let (n, _) = rows::wanted(cx, &call.work_id)?;
    let lease = rows::lease_of(cx.db, n)?.filter(|l| l.token == call.token && l.fenced.is_none());
    let Some(lease) = lease else { return Ok(Accepted { accepted: false }) };
    tracing::warn!(job = %call.work_id, cause = call.cause.name(), reason = call.reason, "an attempt is stopped; the item is tried again");
    expire::fence(cx, &lease, call.cause.into())?;
    Ok(Accepted { accepted: true })
}

#[cfg(test)]
mod tests;
