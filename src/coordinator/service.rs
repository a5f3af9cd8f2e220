//! `org.ringrift.Coordinator` on its socket: arguments in, the verb's result out.
use super::change::Refusal;
use super::halt::Halter;
use super::tokens::Tokens;
use super::writer::Core;
use super::{cancel, emergency, enqueue, guard, managers, orders, query, slots};
use crate::contract::coordinator::{
    Acquire, Because, Cancel, Dispatch, EmergencyView, Flags, Holder, INTERFACE, NewWork, RecordFailure, Release, Report, Reserve,
    ResetBreakers, Show, Unreserve, WorkFilter,
};
use crate::contract::wire::{Call, Reply, errors};
use crate::platform::varlink::{Caller, Peer, Replies, Service, parse};
use serde::Serialize;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// The interface in Varlink's language.
pub const DESCRIPTION: &str = include_str!("../contract/interfaces/org.ringrift.Coordinator.varlink");

/// One connection of the coordinator's socket.
pub struct Coordinator {
    /// The way to the writer.
    pub core: Core,
    /// Carries out the emergency halt.
    pub halter: Arc<Halter>,
    /// The connection itself, to notice that its other end hangs up.
    pub stream: UnixStream,
}

/// A result, or why not, as a reply.
pub fn answer<T: Serialize>(result: Result<T, Refusal>) -> Reply {
    match result {
        Ok(value) => Reply::ok(&value),
        Err(refusal) => refusal.reply(),
    }
}

/// Who did it, by the kernel's word and never by the caller's.
fn signed(because: Because, peer: &Peer) -> Because {
    Because { by: peer.name(), ..because }
}

/// Whom a request is of: the suite's own say which of them it is, everybody else is his user.
pub fn speaker(caller: &Caller, says: String) -> String {
    if caller.class.is_own() && !says.trim().is_empty() { says } else { caller.peer.name() }
}

/// Result of Halt and Flags.
#[derive(Serialize)]
struct Emergency {
    emergency: EmergencyView,
}

impl Coordinator {
    fn reply(&self, caller: &Caller, call: &Call, method: &str) -> Result<Reply, Box<Reply>> {
        let (core, tokens) = (&self.core, Tokens::for_caller(caller));
        Ok(match method {
            "Enqueue" => {
                let mut work: NewWork = parse(call)?;
                work.requested_by = speaker(caller, work.requested_by);
                answer(core.change(move |cx| enqueue::enqueue(cx, &work)))
            }
            "List" => {
                let filter: WorkFilter = parse(call)?;
                answer(core.change(move |cx| query::list(cx, &filter)).map(|listed| tokens.of_list(listed)))
            }
            "Show" => {
                let show: Show = parse(call)?;
                answer(core.change(move |cx| query::show(cx, &show.work_id)).map(|shown| tokens.of_item(shown)))
            }
            "Cancel" => {
                let cancel: Cancel = parse(call)?;
                answer(core.change(move |cx| cancel::cancel(cx, &cancel)))
            }
            "CanSpawn" => {
                let acquire: Acquire = parse(call)?;
                answer(core.change(move |cx| slots::can_spawn(cx, &acquire)))
            }
            "Acquire" => {
                let mut acquire: Acquire = parse(call)?;
                acquire.requested_by = speaker(caller, acquire.requested_by);
                answer(core.change(move |cx| slots::acquire(cx, &acquire)))
            }
            "Renew" => {
                let holder: Holder = parse(call)?;
                answer(core.change(move |cx| slots::renew(cx, &holder)))
            }
            "Release" => {
                let release: Release = parse(call)?;
                answer(core.change(move |cx| slots::release(cx, &release)))
            }
            "Reserve" => {
                let mut reserve: Reserve = parse(call)?;
                reserve.requested_by = speaker(caller, reserve.requested_by);
                answer(core.change(move |cx| guard::reserve(cx, &reserve)))
            }
            "Unreserve" => {
                let unreserve: Unreserve = parse(call)?;
                answer(core.change(move |cx| guard::unreserve(cx, &unreserve)))
            }
            "RecordFailure" => {
                let failure: RecordFailure = parse(call)?;
                answer(core.change(move |cx| guard::record_failure(cx, &failure)))
            }
            "ResetBreakers" => {
                let reset: ResetBreakers = parse(call)?;
                answer(core.change(move |cx| guard::reset(cx, &reset)))
            }
            "Safeguards" => answer(core.change(guard::view)),
            "Pause" => {
                let because = signed(parse(call)?, &caller.peer);
                answer(core.change(move |cx| emergency::pause(cx, because)))
            }
            "Halt" => {
                let because = signed(parse(call)?, &caller.peer);
                answer(self.halter.halt(because).map(|emergency| Emergency { emergency }))
            }
            "Clear" => {
                let because = signed(parse(call)?, &caller.peer);
                answer(self.halter.clear(because.by))
            }
            "Flags" => {
                let flags: Flags = parse(call)?;
                answer(self.halter.flags(&flags).map(|emergency| Emergency { emergency }))
            }
            "Resume" => answer(core.change(emergency::resume)),
            "Leases" => answer(core.change(|cx| query::leases(cx)).map(|leases| tokens.of_leases(leases))),
            "Limits" => answer(core.change(query::limits)),
            "Status" => answer(core.change(query::status)),
            "Report" => {
                let report: Report = parse(call)?;
                answer(core.change(move |cx| orders::report(cx, &report)))
            }
            other => managers::reply(core, caller, call, other)?
                .unwrap_or_else(|| Reply::error(errors::METHOD_NOT_FOUND, &serde_json::json!({ "method": call.method }))),
        })
    }
}

impl Service for Coordinator {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        vec![(INTERFACE, DESCRIPTION)]
    }

    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let method = call.method.rsplit('.').next().unwrap_or_default();
        if method == "Dispatch" {
            if !call.more {
                return replies.send(&Refusal::bad("more", "Dispatch streams; call it with more").reply());
            }
            return match parse::<Dispatch>(call) {
                Ok(dispatch) => orders::dispatch(&self.core, &self.stream, dispatch, replies),
                Err(reply) => replies.send(&reply),
            };
        }
        let reply = self.reply(caller, call, method).unwrap_or_else(|reply| *reply);
        if call.oneway { Ok(()) } else { replies.send(&reply) }
    }
}
