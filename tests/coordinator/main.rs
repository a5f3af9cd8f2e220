//! The coordinator and the job-runner as processes: real sockets, real databases, real kills.
mod harness;
mod limits;
mod outbox;
mod queue;
mod recovery;
mod router;
mod runner;
