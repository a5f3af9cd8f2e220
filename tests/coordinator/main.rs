//! The coordinator and the job-runner as processes: real sockets, real databases, real kills.
// Tests kill processes of their own that they have not waited for yet: the pid is still theirs.
#![allow(clippy::disallowed_methods)]
mod bandwidth;
mod bench;
mod harness;
mod limits;
mod outbox;
mod python;
mod queue;
mod race;
mod recovery;
mod router;
mod runner;

#[path = "../until/mod.rs"]
mod until;
