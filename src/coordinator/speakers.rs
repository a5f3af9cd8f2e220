//! Who speaks on the jobs' socket. A job is known by the user that the kernel names, and that user by its name, which
//! holds the job's id; a process that has ended or handed its descriptor on makes no difference. Who is not known is
//! refused.
use super::refusal::Refusal;
use crate::contract::ids::JobId;
use crate::contract::paths::JOB_USER_PREFIX;
use crate::platform::userdb::DynamicUsers;
use crate::platform::varlink::{Caller, Peer};
use nix::unistd::geteuid;
use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

/// Who is at the other end of a connection; it stays so for as long as that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// Root, or the coordinator's own user: an operator, a test.
    Ours,
    /// The unit of this job.
    Job(JobId),
}

/// Whether a user is root or the coordinator's own.
pub fn is_ours(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}

/// Whom a request is of: the suite's own say which of them it is, everybody else is his user.
pub fn speaker(caller: &Caller, says: String) -> String {
    if caller.class.is_own() && !says.trim().is_empty() { says } else { caller.peer.name() }
}

impl Speaker {
    /// Finds out who the peer is; the reason if it is nobody of ours.
    pub fn of(peer: &Peer, users: &DynamicUsers) -> Result<Speaker, Refusal> {
        if is_ours(peer.uid) {
            return Ok(Speaker::Ours);
        }
        let name =
            users.name_of(peer.uid).map_err(|e| Refusal::denied(format!("cannot resolve user {}: {e}", peer.uid)))?;
        let job =
            name.as_deref().and_then(|name| name.strip_prefix(JOB_USER_PREFIX)).and_then(|id| JobId::new(id).ok());
        job.map(Speaker::Job).ok_or_else(|| Refusal::denied(format!("user {} is not a running job", peer.uid)))
    }

    /// Whether it may speak for the job.
    pub fn check(&self, job: &JobId) -> Result<(), Refusal> {
        match self {
            Speaker::Ours => Ok(()),
            Speaker::Job(own) if own == job => Ok(()),
            Speaker::Job(own) => Err(Refusal::denied(format!("job {own} may not act for job {job}"))),
        }
    }
}

/// The open connections of jobs. One that outlives its attempt is closed: numbers of users are given again.
#[derive(Debug, Default)]
pub struct Connections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    streams: HashMap<JobId, Vec<(u64, UnixStream)>>,
}

/// A connection's entry; it goes with the value.
#[derive(Debug)]
pub struct Entry {
    connections: Arc<Connections>,
    job: JobId,
    number: u64,
}

impl Connections {
    /// Remembers a connection of a job.
    pub fn enter(self: &Arc<Self>, job: &JobId, stream: &UnixStream) -> io::Result<Entry> {
        let stream = stream.try_clone()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.next;
        open.next += 1;
        open.streams.entry(job.clone()).or_default().push((number, stream));
        Ok(Entry { connections: Arc::clone(self), job: job.clone(), number })
    }

    /// The attempt is over: nothing more is read from its connections. A reply that is on its way still gets there.
    pub fn close(&self, job: &JobId) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, stream) in open.streams.get(job).into_iter().flatten() {
            // It may have hung up already.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = open.streams.get_mut(&self.job) {
            streams.retain(|(number, _)| *number != self.number);
            if streams.is_empty() {
                open.streams.remove(&self.job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn job(id: &str) -> JobId {
        JobId::new(id).expect("an id")
    }

    #[test]
    fn a_job_speaks_for_itself_alone_and_an_unknown_user_for_nobody() {
        let (one, other) = (Speaker::Job(job("a-1")), job("a-2"));
        assert!(one.check(&job("a-1")).is_ok() && one.check(&other).is_err() && Speaker::Ours.check(&other).is_ok());
        let stranger = Peer { uid: geteuid().as_raw() + 12_345, gids: vec![0], pid: 0 };
        let refused =
            Speaker::of(&stranger, &DynamicUsers::at("/nonexistent/userdb")).expect_err("nobody can say who that is");
        assert_eq!(refused.name, crate::contract::wire::errors::PERMISSION_DENIED);
    }

    #[test]
    fn connections_of_an_attempt_that_is_over_are_closed_and_others_are_not() {
        let all = Arc::new(Connections::default());
        let ((mut ours, theirs), (mut kept, stays)) =
            (UnixStream::pair().expect("a pair"), UnixStream::pair().expect("a pair"));
        let entries =
            (all.enter(&job("a-1"), &theirs).expect("entered"), all.enter(&job("a-2"), &stays).expect("entered"));
        all.close(&job("a-1"));
        assert_eq!((&theirs).read(&mut [0; 8]).expect("an end"), 0);
        (&theirs).write_all(b"reply").expect("a reply still gets out");
        ours.read_exact(&mut [0; 5]).expect("the reply");
        kept.write_all(b"x").expect("open");
        assert_eq!((&stays).read(&mut [0; 8]).expect("read"), 1);
        drop(entries);
        assert!(all.open.lock().expect("nobody panicked").streams.is_empty());
    }
}
