//! `org.ringrift.Job` on the jobs' socket, and who may call it.
use super::change::Refusal;
use super::service::answer;
use super::writer::Core;
use super::{finish, take};
use crate::contract::ids::JobId;
use crate::contract::job::{Finish, INTERFACE, Renew, Take};
use crate::contract::wire::{Call, Reply, errors};
use crate::contract::workload::JobType;
use crate::platform::varlink::{Caller, Peer, Replies, Service, parse};
use nix::unistd::{User, geteuid};
use std::io;
use std::sync::Arc;

/// The interface in Varlink's language.
pub const DESCRIPTION: &str = include_str!("../contract/interfaces/org.ringrift.Job.varlink");

/// The users that may call.
#[derive(Debug, Clone)]
pub struct Callers(Vec<u32>);

impl Callers {
    /// Root, the coordinator's own user, and the suite's users that exist here.
    pub fn of_this_system() -> Callers {
        let named = ["ringrift", "ringrift-job"].iter().filter_map(|name| User::from_name(name).ok().flatten()).map(|u| u.uid.as_raw());
        Callers([0, geteuid().as_raw()].into_iter().chain(named).collect())
    }

    /// Whether the peer may speak for the job: its user is one of ours, and if it runs in a job's unit, that is this job's.
    fn check(&self, peer: &Peer, job: &JobId) -> Result<(), Refusal> {
        if !self.0.contains(&peer.uid) {
            return Err(Refusal::denied(format!("user {} may not speak for jobs", peer.uid)));
        }
        match unit_of(peer.pid) {
            Some((_, other)) if other != *job => Err(Refusal::denied(format!("the unit of job {other} may not speak for job {job}"))),
            _ => Ok(()),
        }
    }
}

/// The job whose unit a process runs in, if it runs in one and /proc shows it.
fn unit_of(pid: i32) -> Option<(JobType, JobId)> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups.split(['/', '\n']).find_map(JobType::of_unit)
}

/// The jobs' socket.
pub struct Jobs {
    /// The way to the writer.
    pub core: Core,
    /// Who may call.
    pub callers: Arc<Callers>,
}

impl Jobs {
    fn reply(&self, peer: &Peer, call: &Call, method: &str) -> Result<Reply, Box<Reply>> {
        let allowed = |job: &JobId| self.callers.check(peer, job).map_err(|refusal| Box::new(refusal.reply()));
        Ok(match method {
            "Take" => {
                let call: Take = parse(call)?;
                allowed(&call.job_id)?;
                let uid = peer.uid;
                answer(self.core.change(move |cx| take::take(cx, &call, uid)))
            }
            "Renew" => {
                let call: Renew = parse(call)?;
                allowed(&call.job_id)?;
                answer(self.core.change(move |cx| take::renew(cx, &call)))
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
