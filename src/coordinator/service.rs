//! `org.ringrift.Coordinator` on its socket: each method of its table, and what carries it out.
use super::calls::{Answered, Calling, counted};
use super::halt::Halter;
use super::refusal::Refusal;
use super::tokens::Tokens;
use super::writer::Core;
use super::{bandwidth, cancel, durations, emergency, enqueue, guard, optimizer, orders, query, schedule, slots};
use crate::contract::coordinator::durations::DurationOf;
use crate::contract::coordinator::{Called, DESCRIPTION, Dispatch, Emergency, INTERFACE};
use crate::contract::wire::{Call, Reply, errors};
use crate::platform::varlink::{Caller, Replies, Service, parse};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// One connection of the coordinator's socket.
pub struct Coordinator {
    /// The way to the writer.
    pub core: Core,
    /// Carries out the emergency halt.
    pub halter: Arc<Halter>,
    /// The connection itself, to notice that its other end hangs up.
    pub stream: UnixStream,
}

impl Coordinator {
    fn reply(&self, caller: &Caller, call: &Call, called: Called) -> Answered {
        let (it, tokens) = (Calling { core: &self.core, caller, call }, Tokens::for_caller(caller));
        match called {
            Called::Enqueue(m) => it.request(m, |work| &mut work.requested_by, |cx, work| enqueue::enqueue(cx, &work)),
            Called::List(m) => {
                it.change(m, move |cx, filter| query::list(cx, &filter).map(|listed| tokens.of_list(listed)))
            }
            Called::Count(m) => it.change(m, |cx, which| query::count(cx, &which)),
            Called::Show(m) => {
                it.change(m, move |cx, show| query::show(cx, &show.work_id).map(|shown| tokens.of_item(shown)))
            }
            Called::Cancel(m) => it.change(m, |cx, call| cancel::cancel(cx, &call)),
            Called::CanSpawn(m) => it.change(m, |cx, ask| slots::can_spawn(cx, &ask)),
            Called::Acquire(m) => it.request(m, |ask| &mut ask.requested_by, |cx, ask| slots::acquire(cx, &ask)),
            Called::Renew(m) => it.change(m, |cx, holder| slots::renew(cx, &holder)),
            Called::Release(m) => it.change(m, |cx, release| slots::release(cx, &release)),
            Called::Reserve(m) => it.request(m, |ask| &mut ask.requested_by, |cx, ask| guard::reserve(cx, &ask)),
            Called::Unreserve(m) => it.change(m, |cx, ask| guard::unreserve(cx, &ask)),
            Called::RecordFailure(m) => it.change(m, |cx, failure| guard::record_failure(cx, &failure)),
            Called::ResetBreakers(m) => it.change(m, |cx, reset| guard::reset(cx, &reset)),
            Called::Safeguards(m) => it.change(m, |cx, _| guard::view(cx)),
            Called::Pause(m) => it.answer(m, |why| {
                let because = it.signed(why);
                self.core.change(move |cx| emergency::pause(cx, because))
            }),
            Called::Resume(m) => it.change(m, |cx, _| emergency::resume(cx)),
            Called::Halt(m) => {
                it.answer(m, |why| self.halter.halt(it.signed(why)).map(|emergency| Emergency { emergency }))
            }
            Called::Clear(m) => it.answer(m, |why| self.halter.clear(it.signed(why).by)),
            Called::Flags(m) => {
                it.answer(m, |flags| self.halter.flags(&flags).map(|emergency| Emergency { emergency }))
            }
            Called::Leases(m) => it.change(m, move |cx, _| query::leases(cx).map(|leases| tokens.of_leases(leases))),
            Called::Limits(m) => it.change(m, |cx, _| query::limits(cx)),
            Called::Status(m) => it.change(m, |cx, _| query::status(cx)),
            Called::Report(m) => it.change(m, |cx, report| orders::report(cx, &report)),
            Called::Dispatch(_) => Ok(Refusal::bad("more", "Dispatch streams its replies; call it with more").reply()),
            Called::QueueOrder(m) => it.by("scheduler", m, |cx, _| schedule::view(cx)),
            Called::StopWork(m) => it.by("queue", m, |cx, stop| cancel::stop_work(cx, &stop)),
            Called::Durations(m) => it.by("durations", m, |cx, _| durations::all(cx)),
            Called::ExpectedDuration(m) => it.by("durations", m, |cx, task| durations::expected(cx, &task)),
            Called::CanStartBeforePeak(m) => it.by("durations", m, |cx, task| durations::can_start(cx, &task)),
            Called::RecordDuration(m) => {
                it.by("durations", m, |cx, run| durations::record(cx, &run).map(|duration| DurationOf { duration }))
            }
            Called::Bandwidth(m) => it.by("bandwidth", m, |cx, _| bandwidth::all(cx)),
            Called::CanTransfer(m) => it.by("bandwidth", m, |cx, transfer| bandwidth::can(cx, &transfer)),
            Called::StartTransfer(m) => it.by("bandwidth", m, |cx, transfer| bandwidth::start(cx, &transfer)),
            Called::EndTransfer(m) => it.by("bandwidth", m, |cx, end| bandwidth::end(cx, &end)),
            Called::Observe(m) => it.by("optimizer", m, |cx, seen| optimizer::observe(cx, &seen)),
            Called::Utilization(m) => it.by("optimizer", m, |cx, _| optimizer::utilization(cx)),
            Called::ShouldScale(m) => it.by("optimizer", m, |cx, scale| optimizer::should_scale(cx, &scale)),
            Called::MaxSelfplay(m) => it.by("optimizer", m, |cx, machine| optimizer::max_selfplay(cx, &machine)),
            Called::Rates(m) => it.by("optimizer", m, |cx, _| optimizer::rates(cx)),
            Called::NegotiateRate(m) => it.request(
                m,
                |ask| &mut ask.requestor,
                |cx, ask| counted(cx, "optimizer", |cx| optimizer::negotiate(cx, &ask)),
            ),
        }
    }

    /// Orders, until one of both hangs up.
    fn dispatch(&self, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        if !call.more {
            return replies.send(&Refusal::bad("more", "Dispatch streams its replies; call it with more").reply());
        }
        match parse::<Dispatch>(call) {
            Ok(dispatch) => orders::dispatch(&self.core, &self.stream, dispatch, replies),
            Err(reply) => replies.send(&reply),
        }
    }
}

impl Service for Coordinator {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        vec![(INTERFACE, DESCRIPTION)]
    }

    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let reply = match Called::by_name(call.method.rsplit('.').next().unwrap_or_default()) {
            Some(Called::Dispatch(_)) => return self.dispatch(call, replies),
            Some(called) => self.reply(caller, call, called).unwrap_or_else(|reply| *reply),
            None => Reply::error(errors::METHOD_NOT_FOUND, &serde_json::json!({ "method": call.method })),
        };
        if call.oneway { Ok(()) } else { replies.send(&reply) }
    }
}
