//! Take: asks the coordinator for the job, and waits for its socket if it is away.
use super::args::Args;
use crate::contract::backoff::Backoff;
use crate::contract::error::{Exit, Failure};
use crate::contract::job::{Offer, Take, method};
use crate::contract::wire::{CallError, errors};
use crate::platform::varlink::Client;
use std::time::{Duration, Instant};

/// How long an absent coordinator is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// One answer.
const RPC_TIMEOUT: Duration = Duration::from_secs(20);

/// The job, or why it is not for this unit.
pub fn take(args: &Args, invocation_id: &str) -> Result<Offer, Failure> {
    let call = Take { job_id: args.job.clone(), invocation_id: invocation_id.into() };
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    let (begin, mut told) = (Instant::now(), false);
    loop {
        let error = match ask(args, &call) {
            Ok(offer) => return Ok(offer),
            Err(error) => error,
        };
        if !error.is_transport() {
            return Err(refused(&error).caused_by(error));
        }
        let pause = backoff.wait();
        if begin.elapsed() + pause >= CONNECT_TIMEOUT {
            let message = format!("the coordinator did not answer within {} s", CONNECT_TIMEOUT.as_secs());
            return Err(Failure::new(Exit::Unavailable, message)
                .caused_by(error)
                .hint("systemctl status ringrift-coordinator.service"));
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(%error, "waiting for the coordinator");
        }
        // Its socket is not there, so there is nothing that could wake us.
        std::thread::sleep(pause);
    }
}

fn ask(args: &Args, call: &Take) -> Result<Offer, CallError> {
    Client::connect(&args.socket, Some(RPC_TIMEOUT))?.ask(method::Take, call)
}

fn refused(error: &CallError) -> Failure {
    if error.is(errors::NOT_FOUND) {
        Failure::new(Exit::BadData, "the coordinator does not know this job")
            .hint("only the coordinator starts jobs; submit one with `ringrift jobs submit`")
    } else if error.is(errors::PERMISSION_DENIED) {
        Failure::new(Exit::NotPermitted, "the coordinator rejected this user")
    } else {
        Failure::new(Exit::TempFail, "the job was not assigned to this unit")
    }
}
