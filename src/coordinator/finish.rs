//! Ends of attempts: completed, tried again, or failed for good.
use super::change::Change;
use super::outbox::{Event, MAX_EVENT};
use super::refusal::Refusal;
use super::rows::{self, LeaseRow};
use super::transition::{self, Ended, Step};
use super::{decisions, durations, interruptions, outbox, uids};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{WorkItem, WorkStatus};
use crate::contract::error::Exit;
use crate::contract::events::{WorkCompleted, WorkFailed, WorkRetry, WorkTimeout};
use crate::contract::job::{Finish, Finished, LONGEST_SILENCE};
use crate::contract::job_file::attempt_name;
use crate::contract::messages;
use crate::contract::paths;
use crate::contract::time::{Span, Wall};
use crate::contract::workload::{Description, InputFile, ResultFile};
use crate::coordination::lease::{Verdict, judge};
use crate::coordination::retry::{self, Next};
use crate::coordination::transition::ATTEMPTED;
use rusqlite::OptionalExtension;
use serde_json::{Value, json};

/// The longest reason that is kept, bytes.
const MAX_ERROR: usize = 16 * 1024;

/// Why an attempt failed.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// The cause's name, or systemd's word where that says more.
    pub result: String,
    /// The exit code, if there was one.
    pub exit_status: Option<i32>,
    /// For people.
    pub error: String,
    /// The job as the workload got it.
    pub description: Option<Description>,
    /// When its unit ended, as far as it said; else it is now.
    pub finished: Option<Wall>,
    /// Why.
    pub cause: FailureCause,
    /// Its unit was asked to stop: the suite goes down, or was told to by an operator.
    pub interrupted: bool,
}

impl Failure {
    /// A failure of this cause; the rest is not known.
    pub fn new(cause: FailureCause, error: impl Into<String>) -> Failure {
        Failure { result: cause.name().into(), cause, error: error.into(), ..Failure::default() }
    }

    fn ended(&self) -> Ended<'_> {
        Ended { result: &self.result, error: &self.error }
    }

    /// The cause is another one than it seemed.
    fn set(&mut self, cause: FailureCause) {
        (self.cause, self.result) = (cause, cause.name().into());
    }
}

/// An attempt's end as its unit reports it.
pub fn finish(cx: &mut Change<'_>, mut call: Finish) -> Result<Finished, Refusal> {
    let (n, item) = rows::wanted(cx, &call.job_id)?;
    let lease = rows::lease_of(cx.db, n)?;
    let verdict = judge(lease.as_ref().map(LeaseRow::holding), call.token, call.finished_us);
    let Some(lease) = lease else { return Ok(Finished { accepted: false }) };
    // A job may write any time; what is learned from it and what is judged by it lies between its begin and now.
    let begun = item.started_us.or(item.claimed_us).unwrap_or(lease.granted);
    call.finished_us = call.finished_us.min(cx.now.wall).max(begun);
    match verdict {
        Verdict::Nothing => return Ok(Finished { accepted: false }),
        Verdict::FreesSlot => unit_gone(cx, n, &item, &lease, failure(call))?,
        Verdict::Counts => match success(&mut call) {
            Some(result) => complete(cx, n, &item, &lease, call, result)?,
            None => fail(cx, n, &item, &lease, failure(call))?,
        },
    }
    Ok(Finished { accepted: verdict == Verdict::Counts })
}

/// A result, if the attempt ended as a success does.
fn success(call: &mut Finish) -> Option<ResultFile> {
    let clean = call.service_result == "success"
        && ["", "exited"].contains(&&*call.exit_code)
        && ["", "0"].contains(&&*call.exit_status);
    call.result.take().filter(|_| clean)
}

fn failure(call: Finish) -> Failure {
    let exit_status = call.exit_status.parse().ok();
    let cause = match FailureCause::of_systemd(&call.service_result, &call.exit_code, &call.exit_status) {
        FailureCause::Oom => FailureCause::Oom,
        seen => call.cause.filter(|cause| cause.is_of_unit()).unwrap_or(seen),
    };
    // A word of systemd's that is no cause of ours says more than "other"; a word of ours is not the unit's to say.
    let word =
        Some(call.service_result).filter(|word| cause == FailureCause::Other && FailureCause::from_name(word) == cause);
    let result = word.unwrap_or_else(|| cause.name().to_owned());
    let mut error = match call.error.is_empty() {
        false => call.error,
        true => format!("{result} ({} {})", call.exit_code, call.exit_status),
    };
    error.truncate(error.floor_char_boundary(MAX_ERROR));
    let interrupted = call.interrupted;
    Failure {
        result,
        exit_status,
        error,
        description: call.description,
        finished: Some(call.finished_us),
        cause,
        interrupted,
    }
}

fn complete(
    cx: &mut Change<'_>,
    n: i64,
    item: &WorkItem,
    lease: &LeaseRow,
    call: Finish,
    result: ResultFile,
) -> Result<(), Refusal> {
    let begun = item.started_us.or(item.claimed_us).unwrap_or(call.finished_us);
    let seconds = (call.finished_us - begun).max(Span::ZERO).secs_f64();
    let completed = WorkCompleted {
        work_id: item.work_id.clone(),
        work_type: item.work.work_type.name().into(),
        config_key: Some(item.work.config_key.clone()),
        node_id: lease.node.clone(),
        attempt: item.attempts,
        duration_seconds: seconds,
        output: output(cx, item),
        artefacts: result.artefacts,
        metrics: result.metrics,
        description: description(cx, n, item, call.description)?,
        uids: uids::of(cx, n)?,
    };
    // The event is what the others learn of the result: one that cannot be told is none.
    let completed = Event::about(cx, &item.work, completed)?;
    if completed.bytes() > MAX_EVENT {
        return fail(cx, n, item, lease, too_large(completed.bytes(), call.finished_us));
    }
    cx.state.admission.settled_at = Some(cx.now.mono + Span::of_ms(cx.state.config.admission.settle_ms.into()));
    rows::delete_lease(cx, lease)?;
    decisions::succeeded(cx, lease.kind, &lease.node)?;
    transition::set(cx, n, &Step::Succeeded)?;
    durations::finished(cx, item, seconds)?;
    completed.store(cx)
}

fn too_large(bytes: usize, finished: Wall) -> Failure {
    let error = format!(
        "the result's event would have {bytes} bytes, the maximum is {MAX_EVENT}; write fewer artefacts or shorter \
            metrics"
    );
    let exit_status = Some(Exit::BadData as i32);
    Failure { exit_status, finished: Some(finished), ..Failure::new(FailureCause::ResultTooLarge, error) }
}

/// The attempt's directory: it follows from the job, whatever the job says.
fn output(cx: &Change<'_>, item: &WorkItem) -> String {
    cx.state.jobs.join(item.work_id.as_str()).join(attempt_name(item.attempts)).display().to_string()
}

/// The description as it was offered; an empty object if it never was. What the job says it got counts for one thing
/// alone, which the runner looked up: the model that was current. Where that lies is not the job's to say.
fn description(cx: &Change<'_>, n: i64, item: &WorkItem, given: Option<Description>) -> Result<Value, Refusal> {
    let stored: Option<String> =
        cx.db.query_row("SELECT description FROM work WHERE n = ?1", [n], |row| row.get(0)).optional()?.flatten();
    let Some(stored) = stored else { return Ok(json!({})) };
    let mut description: Description = serde_json::from_str(&stored)?;
    if item.work.current_model
        && let Some(model) = given.and_then(|given| given.inputs.model)
    {
        let path = format!("{}/{}", paths::CURRENT_MODELS, description.config_key);
        description.inputs.model = Some(InputFile { sha256: model.sha256, path });
    }
    Ok(serde_json::to_value(description)?)
}

/// The unit of a lease is gone: a fenced lease's slot is free now, any other attempt failed.
pub fn unit_gone(
    cx: &mut Change<'_>,
    n: i64,
    item: &WorkItem,
    lease: &LeaseRow,
    mut failure: Failure,
) -> Result<(), Refusal> {
    if !ATTEMPTED.contains(&item.status) {
        rows::delete_lease(cx, lease)?;
        return Ok(());
    }
    if let Some(cause) = lease.fenced {
        let why = match cause {
            FailureCause::Watchdog => format!(
                "the runner did not renew the lease for {LONGEST_SILENCE} s: it was suspended or hangs, and with it \
                    the checks of time and disk"
            ),
            cause => format!("fenced off: {cause}"),
        };
        failure = Failure { description: failure.description, ..Failure::new(cause, why) };
    }
    fail(cx, n, item, lease, failure)
}

/// A failed attempt: frees the slot, then another try or none.
fn fail(cx: &mut Change<'_>, n: i64, item: &WorkItem, lease: &LeaseRow, mut failure: Failure) -> Result<(), Refusal> {
    rows::delete_lease(cx, lease)?;
    if failure.cause.is_harmless() {
        return put_back(cx, n, item, failure, None);
    }
    // Not when it is reported: a crash that was kept while we were away is no timeout.
    let ended = failure.finished.unwrap_or(cx.now.wall);
    if failure.cause.may_be_timeout() && retry::is_overdue(item.started_us, ended, item.work.timeout_seconds) {
        failure.set(FailureCause::Timeout);
    } else if failure.interrupted && failure.cause != FailureCause::Oom {
        let interruptions = interruptions::count(cx, n, item)?;
        if !interruptions.are_too_many() {
            failure.set(FailureCause::Interrupted);
            // Not at once: a job that has itself stopped again and again must not take a processor for it.
            let after = Span::of_secs(cx.state.config.limits.retry_base_seconds.into());
            return put_back(cx, n, item, failure, Some(cx.now.wall + after));
        }
        let (all, idle) = (interruptions.all, interruptions.without_progress);
        failure.set(FailureCause::Interruptions);
        failure.error = format!("interrupted {all} times, the last {idle} without progress; {}", failure.error);
    }
    if failure.cause == FailureCause::Oom {
        let unit = item.work.work_type.unit(&item.work_id);
        tracing::warn!(MESSAGE_ID = messages::JOB_OUT_OF_MEMORY, job = %item.work_id, unit, "{unit} ran out of memory");
    }
    if failure.cause == FailureCause::Timeout {
        let timeout = WorkTimeout {
            work_id: item.work_id.clone(),
            work_type: item.work.work_type.name().into(),
            config_key: Some(item.work.config_key.clone()),
            timeout_seconds: item.work.timeout_seconds,
            attempt: item.attempts,
        };
        outbox::emit(cx, &item.work, timeout)?;
    }
    // Bad data, files without bound and stops are no fault of the node's.
    let ends_it = failure.cause.is_final();
    if failure.cause.counts_against_node() && failure.exit_status != Some(Exit::BadData as i32) {
        let reason = format!("job {}: {}: {}", item.work_id, failure.result, failure.error);
        decisions::failed(cx, lease.kind, &lease.node, &reason, failure.cause)?;
    }
    let base = cx.state.config.limits.retry_base_seconds;
    let most = if ends_it { item.attempts } else { item.work.max_attempts };
    match retry::next(base, item.attempts, most, failure.exit_status) {
        Next::Fail => fail_for_good(cx, n, item, failure),
        Next::Retry { after } => {
            interruptions::forget(cx, n)?;
            let retry_at = cx.now.wall + Span::of_secs(after);
            transition::set(cx, n, &Step::AttemptFailed(failure.ended(), retry_at))?;
            tracing::info!(job = %item.work_id, result = failure.result, error = failure.error, after, "attempt failed; the job is retried");
            let again = WorkRetry {
                work_id: item.work_id.clone(),
                work_type: item.work.work_type.name().into(),
                config_key: Some(item.work.config_key.clone()),
                attempt: item.attempts,
                result: failure.result,
                error: failure.error,
                retry_at: retry_at.us(),
            };
            outbox::emit(cx, &item.work, again)
        }
    }
}

/// Something else than the job ended the attempt: it waits again, and the attempt does not count, in the breaker
/// neither.
fn put_back(
    cx: &mut Change<'_>,
    n: i64,
    item: &WorkItem,
    failure: Failure,
    not_before: Option<Wall>,
) -> Result<(), Refusal> {
    transition::set(cx, n, &Step::PutBack(failure.ended(), not_before))?;
    let again = WorkRetry {
        work_id: item.work_id.clone(),
        work_type: item.work.work_type.name().into(),
        config_key: Some(item.work.config_key.clone()),
        attempt: item.attempts,
        result: failure.result,
        error: failure.error,
        retry_at: not_before.unwrap_or(cx.now.wall).us(),
    };
    outbox::emit(cx, &item.work, again)
}

fn fail_for_good(cx: &mut Change<'_>, n: i64, item: &WorkItem, failure: Failure) -> Result<(), Refusal> {
    let step = match failure.cause {
        FailureCause::Dependency => Step::DependencyFailed(failure.ended()),
        _ => Step::Failed(failure.ended()),
    };
    transition::set(cx, n, &step)?;
    tracing::warn!(job = %item.work_id, result = failure.result, error = failure.error, "job failed after its last \
        attempt");
    let failed = WorkFailed {
        work_id: item.work_id.clone(),
        work_type: item.work.work_type.name().into(),
        config_key: Some(item.work.config_key.clone()),
        node_id: item.claimed_by.clone(),
        attempts: item.attempts,
        result: failure.result,
        exit_status: failure.exit_status,
        error: failure.error,
        description: description(cx, n, item, failure.description)?,
    };
    outbox::emit(cx, &item.work, failed)?;
    fail_dependents(cx, n, &format!("dependency {} failed", item.work_id))?;
    Ok(())
}

/// What depends on an item that will never be completed fails too, as systemd does it.
pub fn fail_dependents(cx: &mut Change<'_>, n: i64, why: &str) -> Result<(), Refusal> {
    let sql = "SELECT w.n FROM dependency d JOIN work w ON w.n = d.work WHERE d.needs = ?1 AND w.status = 'pending' \
        ORDER BY w.n";
    let dependents: Vec<i64> =
        cx.db.prepare_cached(sql)?.query_map([n], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for dependent in dependents {
        if let Some(item) = rows::item(cx, dependent)?.filter(|i| i.status == WorkStatus::Pending) {
            fail_for_good(cx, dependent, &item, Failure::new(FailureCause::Dependency, why))?;
        }
    }
    Ok(())
}
