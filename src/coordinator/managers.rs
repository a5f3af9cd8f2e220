//! The managers' methods on the coordinator's socket: order of the queue, durations, bandwidth, utilisation; and what they remember
//! beside the database.
use super::change::{Change, Refusal};
use super::service::answer;
use super::writer::Core;
use super::{bandwidth, durations, expire, optimizer, rows, schedule};
use crate::contract::bandwidth::{EndTransfer, Transfer};
use crate::contract::coordinator::{Accepted, StopWork};
use crate::contract::durations::{RecordDuration, TaskOf};
use crate::contract::ids::NodeId;
use crate::contract::optimizer::{Advice, MaxSelfplay, NegotiateRate, Observe, ShouldScale};
use crate::contract::wire::{Call, Reply};
use crate::platform::varlink::parse;
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
pub fn reply(core: &Core, call: &Call, method: &str) -> Result<Option<Reply>, Box<Reply>> {
    Ok(Some(match method {
        "QueueOrder" => answer(core.change(|cx| schedule::view(cx))),
        "StopWork" => {
            let stop: StopWork = parse(call)?;
            answer(core.change(move |cx| stop_work(cx, &stop)))
        }
        "Durations" => answer(core.change(|cx| durations::all(cx))),
        "ExpectedDuration" => {
            let task: TaskOf = parse(call)?;
            answer(core.change(move |cx| durations::expected(cx, &task)))
        }
        "CanStartBeforePeak" => {
            let task: TaskOf = parse(call)?;
            answer(core.change(move |cx| durations::can_start(cx, &task)))
        }
        "RecordDuration" => {
            let run: RecordDuration = parse(call)?;
            answer(core.change(move |cx| durations::record(cx, &run).map(|duration| crate::contract::durations::DurationOf { duration })))
        }
        "Bandwidth" => answer(core.change(bandwidth::all)),
        "CanTransfer" => {
            let transfer: Transfer = parse(call)?;
            answer(core.change(move |cx| bandwidth::can(cx, &transfer)))
        }
        "StartTransfer" => {
            let transfer: Transfer = parse(call)?;
            answer(core.change(move |cx| bandwidth::start(cx, &transfer)))
        }
        "EndTransfer" => {
            let end: EndTransfer = parse(call)?;
            answer(core.change(move |cx| bandwidth::end(cx, &end)))
        }
        "Observe" => {
            let seen: Observe = parse(call)?;
            answer(core.change(move |cx| optimizer::observe(cx, &seen)))
        }
        "Utilization" => answer(core.change(|cx| optimizer::utilization(cx))),
        "ShouldScale" => {
            let scale: ShouldScale = parse(call)?;
            answer(core.change(move |cx| optimizer::should_scale(cx, &scale)))
        }
        "MaxSelfplay" => {
            let machine: MaxSelfplay = parse(call)?;
            answer(core.change(move |cx| optimizer::max_selfplay(cx, &machine)))
        }
        "NegotiateRate" => {
            let ask: NegotiateRate = parse(call)?;
            answer(core.change(move |cx| optimizer::negotiate(cx, &ask)))
        }
        "Rates" => answer(core.change(|cx| optimizer::rates(cx))),
        _ => return Ok(None),
    }))
}

/// Stops the attempt with this token: it is fenced off, its unit stopped, and the item goes back into the queue. An attempt that was
/// preempted or shed did nothing wrong: when its unit is gone, the item is put back without counting a try.
fn stop_work(cx: &mut Change<'_>, call: &StopWork) -> Result<Accepted, Refusal> {
    let (n, _) = rows::wanted(cx, &call.work_id)?;
    let lease = rows::lease_of(cx.db, n)?.filter(|l| l.token == call.token && l.fenced.is_none());
    let Some(lease) = lease else { return Ok(Accepted { accepted: false }) };
    tracing::warn!(job = %call.work_id, cause = call.cause.name(), reason = call.reason, "an attempt is stopped; the item is tried again");
    expire::fence(cx, &lease, call.cause.name())?;
    Ok(Accepted { accepted: true })
}

#[cfg(test)]
mod tests;
