//! Tells the coordinator how the attempt ended. A verified result is handed in at once by the runner itself, so that
//! the next stage need not wait until systemd has run the unit's ExecStopPost=. That, `--finish`, reports everything
//! else, or leaves the report in the job's folder; it works also when the main process never took the job, and it is
//! all that is left when that was killed.
use super::args::Args;
use super::attempt::{JobDir, Known, Stopped, Taken, Verified, read_json};
use super::{cgroup, modes};
use crate::contract::cause::FailureCause;
use crate::contract::error::{Exit, Failure};
use crate::contract::job::{Finish, Finished, method};
use crate::contract::time::Wall;
use crate::contract::wire::{CallError, errors};
use crate::platform::clock::now;
use crate::platform::replace::{Outlives, replace};
use crate::platform::varlink::Client;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// A coordinator that says nothing for so long finds the report in the job's directory.
const RPC_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports the end.
pub fn finish(args: &Args) -> Result<(), Failure> {
    let job = args.folder();
    modes::open_up(&job.0);
    let call = compose(args, &job, &|name| std::env::var(name).unwrap_or_default(), cgroup::oom_kills().unwrap_or(0));
    match send(&args.socket, &call) {
        Ok(done) => {
            // Not accepted is usual: the runner has handed the result in already.
            tracing::debug!(
                accepted = done.accepted,
                result = call.service_result,
                "the coordinator accepted the report"
            );
            Ok(())
        }
        // It heard us, and the same words would be refused again.
        Err(error)
            if [errors::NOT_FOUND, errors::INVALID_PARAMETER, errors::PERMISSION_DENIED]
                .iter()
                .any(|e| error.is(e)) =>
        {
            Err(Failure::new(Exit::Failure, "the coordinator rejected the report").caused_by(error))
        }
        Err(error) => {
            tracing::warn!(%error, "the report is left in the job's directory");
            leave(&job.report(), &call)
        }
    }
}

/// Hands in the verified result of an attempt. What cannot be handed in here is left to `--finish`, which reads the
/// same files.
pub fn hand_in(args: &Args, job: &JobDir) {
    let ended_well = |name: &str| match name {
        "SERVICE_RESULT" => "success".to_owned(),
        "EXIT_CODE" => "exited".to_owned(),
        "EXIT_STATUS" => "0".to_owned(),
        name => std::env::var(name).unwrap_or_default(),
    };
    let call = compose(args, job, &ended_well, 0);
    if call.result.is_none() {
        return;
    }
    match send(&args.socket, &call) {
        Ok(done) => tracing::info!(accepted = done.accepted, "the coordinator accepted the result"),
        Err(error) => tracing::warn!(%error, "cannot report the result; retrying when the unit stops"),
    }
}

fn send(socket: &Path, call: &Finish) -> Result<Finished, CallError> {
    Client::connect(socket, Some(RPC_TIMEOUT))?.ask(method::Finish, call)
}

/// What systemd says, with what the files of this run say.
fn compose(args: &Args, job: &JobDir, variable: &dyn Fn(&str) -> String, oom_kills: u64) -> Finish {
    let (invocation_id, exit_code, exit_status) =
        (variable("INVOCATION_ID"), variable("EXIT_CODE"), variable("EXIT_STATUS"));
    // The file of an earlier run would name an earlier token.
    let taken = read_json::<Taken>(&job.taken()).filter(|t| t.invocation_id == invocation_id);
    let mut service_result = variable("SERVICE_RESULT");
    let clean = service_result == "success" && exit_code == "exited" && exit_status == "0";
    let seen = FailureCause::of_systemd(&service_result, &exit_code, &exit_status);
    let killed =
        [FailureCause::NoResult, FailureCause::Exit, FailureCause::Signal, FailureCause::CoreDump].contains(&seen);
    let oom = !clean && (seen == FailureCause::Oom || oom_kills > 0 && killed);
    if oom {
        service_result = FailureCause::Oom.name().into();
    }
    let attempt = taken.as_ref().map(|t| t.attempt);
    let verified = attempt.filter(|_| clean).and_then(|n| read_json::<Verified>(&job.verified(n)));
    let (result, mut description) = match verified {
        Some(verified) => (Some(verified.result), Some(verified.description)),
        None => (None, None),
    };
    if description.is_none() {
        description = attempt.and_then(|n| read_json(&job.description(n)));
    }
    let noted = attempt.filter(|_| result.is_none()).and_then(|n| std::fs::read_to_string(job.error(n)).ok());
    let mut error = noted.unwrap_or_default();
    if oom {
        error = format!("out of memory (the kernel killed a process of the job)\n{error}").trim_end().to_owned();
    } else if error.is_empty() && result.is_none() {
        let before = if taken.is_none() { "before the job started: " } else { "" };
        error = format!("{before}systemd says {service_result} ({exit_code} {exit_status})");
    }
    let stopped = read_json::<Stopped>(&job.stopped()).is_some_and(|s| s.invocation_id == invocation_id);
    let known =
        read_json::<Known>(&job.cause()).filter(|known| known.invocation_id == invocation_id && result.is_none());
    let known = known.map(|known| known.cause);
    let cause = match (&result, known) {
        (Some(_), _) => None,
        (None, _) if oom => Some(FailureCause::Oom),
        (None, known) => Some(known.unwrap_or(seen)),
    };
    let finished_us = attempt.filter(|_| result.is_some()).and_then(|n| written(&job.output(n))).unwrap_or_else(now);
    Finish {
        job_id: args.job.clone(),
        token: taken.map(|t| t.token),
        invocation_id,
        service_result,
        exit_code,
        exit_status,
        interrupted: stopped && result.is_none() && known.is_none(),
        cause,
        result,
        description,
        error,
        finished_us,
    }
}

/// When the command wrote its result, the last thing it does: what the runner and systemd take after that is not the
/// stage's time.
fn written(output: &Path) -> Option<Wall> {
    let modified = std::fs::metadata(output.join("result.json")).and_then(|m| m.modified()).ok()?;
    (modified >= UNIX_EPOCH).then(|| modified.into())
}

fn leave(path: &Path, call: &Finish) -> Result<(), Failure> {
    let text = serde_json::to_vec(call).map_err(|e| Failure::new(Exit::Failure, "writing the report").caused_by(e))?;
    replace(path, &text, 0o640, Outlives::PowerCut).map_err(|e| {
        let hint = "the master reports that the unit exited; the attempt counts as failed";
        Failure::new(Exit::Failure, "leaving the report in the job's directory").caused_by(e).hint(hint)
    })
}
