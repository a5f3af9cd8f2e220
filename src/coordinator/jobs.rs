//! `org.ringrift.Job` on the jobs' socket, and who may call it.
use super::calls::Answered;
use super::refusal::{Refusal, answer};
use super::speakers::{Connections, Entry, Speaker};
use super::writer::Core;
use super::{finish, take};
use crate::contract::ids::JobId;
use crate::contract::job::{Called, DESCRIPTION, INTERFACE};
use crate::contract::method::Method;
use crate::contract::wire::{Call, Reply, errors};
use crate::platform::userdb::DynamicUsers;
use crate::platform::varlink::{Caller, Peer, Replies, Service, parse};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// One connection of the jobs' socket.
pub struct Jobs {
    core: Core,
    /// Who is at the other end, or why it may not speak.
    speaker: Result<Speaker, Refusal>,
    _entry: Option<Entry>,
}

impl Jobs {
    /// A connection that was just accepted; who is at its other end is found out now and once.
    pub fn new(core: Core, users: &DynamicUsers, open: &Arc<Connections>, stream: &UnixStream) -> io::Result<Jobs> {
        let speaker = Speaker::of(&Peer::of(stream)?, users);
        let entry = match &speaker {
            Ok(Speaker::Job(job)) => Some(open.enter(job, stream)?),
            _ => None,
        };
        Ok(Jobs { core, speaker, _entry: entry })
    }

    /// One method, of a job that the other end may speak for.
    fn run<M: Method>(
        &self,
        _: M,
        peer: &Peer,
        call: &Call,
        job: impl FnOnce(&M::Arguments) -> &JobId,
        answered: impl FnOnce(M::Arguments) -> Result<M::Answer, Refusal>,
    ) -> Answered {
        let arguments = parse(call)?;
        if let Err(refusal) = self.speaker.clone().and_then(|speaker| speaker.check(job(&arguments))) {
            tracing::warn!(%refusal, uid = peer.uid, method = M::NAME, "call rejected on the jobs' socket");
            return Ok(refusal.reply());
        }
        Ok(answer(answered(arguments)))
    }

    fn reply(&self, peer: &Peer, call: &Call, called: Called) -> Answered {
        let (core, theirs) = (&self.core, peer.clone());
        match called {
            Called::Take(m) => self.run(
                m,
                peer,
                call,
                |take| &take.job_id,
                |take| core.change(move |cx| take::take(cx, &take, &theirs)),
            ),
            Called::Renew(m) => self.run(
                m,
                peer,
                call,
                |renew| &renew.job_id,
                |renew| core.change(move |cx| take::renew(cx, &renew, &theirs)),
            ),
            Called::Finish(m) => self.run(
                m,
                peer,
                call,
                |finish| &finish.job_id,
                |finish| core.change(move |cx| finish::finish(cx, finish)),
            ),
        }
    }
}

impl Service for Jobs {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        vec![(INTERFACE, DESCRIPTION)]
    }

    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let reply = match Called::by_name(call.method.rsplit('.').next().unwrap_or_default()) {
            Some(called) => self.reply(&caller.peer, call, called).unwrap_or_else(|reply| *reply),
            None => Reply::error(errors::METHOD_NOT_FOUND, &serde_json::json!({ "method": call.method })),
        };
        if call.oneway { Ok(()) } else { replies.send(&reply) }
    }
}
