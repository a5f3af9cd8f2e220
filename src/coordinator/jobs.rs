//! `org.ringrift.Job` on the jobs' socket, and who may call it.
use super::change::Refusal;
use super::service::answer;
use super::speakers::{Connections, Entry, Speaker};
use super::writer::Core;
use super::{finish, take};
use crate::contract::ids::JobId;
use crate::contract::job::{Finish, INTERFACE, Renew, Take};
use crate::contract::wire::{Call, Reply, errors};
use crate::platform::userdb::DynamicUsers;
use crate::platform::varlink::{Caller, Peer, Replies, Service, parse};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// The interface in Varlink's language.
pub const DESCRIPTION: &str = include_str!("../contract/interfaces/org.ringrift.Job.varlink");

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

    fn reply(&self, peer: &Peer, call: &Call, method: &str) -> Result<Reply, Box<Reply>> {
        let allowed = |job: &JobId| {
            let checked = self.speaker.clone().and_then(|speaker| speaker.check(job));
            checked.map_err(|refusal| {
                tracing::warn!(%refusal, uid = peer.uid, method, "refused on the jobs' socket");
                Box::new(refusal.reply())
            })
        };
        Ok(match method {
            "Take" => {
                let call: Take = parse(call)?;
                allowed(&call.job_id)?;
                let peer = peer.clone();
                answer(self.core.change(move |cx| take::take(cx, &call, &peer)))
            }
            "Renew" => {
                let call: Renew = parse(call)?;
                allowed(&call.job_id)?;
                let peer = peer.clone();
                answer(self.core.change(move |cx| take::renew(cx, &call, &peer)))
            }
            "Finish" => {
                let call: Finish = parse(call)?;
                allowed(&call.job_id)?;
                answer(self.core.change(move |cx| finish::finish(cx, call)))
            }
            _ => Reply::error(errors::METHOD_NOT_FOUND, &serde_json::json!({ "method": call.method })),
        })
    }
}

impl Service for Jobs {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        vec![(INTERFACE, DESCRIPTION)]
    }

    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let method = call.method.rsplit('.').next().unwrap_or_default();
        let reply = self.reply(&caller.peer, call, method).unwrap_or_else(|reply| *reply);
        if call.oneway { Ok(()) } else { replies.send(&reply) }
    }
}
