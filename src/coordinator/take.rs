//! A job's unit takes up its job and keeps its lease.
use super::change::Change;
use super::refusal::Refusal;
use super::rows::LeaseRow;
use super::transition::{self, Step};
use super::{outbox, rows, slots, uids};
use crate::contract::coordinator::{Renewed, WorkItem};
use crate::contract::events::{TaskHeartbeat, WorkStarted};
use crate::contract::job::{LONGEST_SILENCE, Offer, Renew, Take};
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::Span;
use crate::contract::workload::Description;
use crate::platform::varlink::Peer;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

/// Between two heartbeats of a job.
const HEARTBEAT: Span = Span::of_secs(5);

/// The unit's main process starts its job. The same invocation may ask again.
pub fn take(cx: &mut Change<'_>, call: &Take, peer: &Peer) -> Result<Offer, Refusal> {
    let (n, item) = rows::wanted(cx, &call.job_id)?;
    let Some(mut lease) = rows::lease_of(cx.db, n)? else {
        let reason = Reason::new(ReasonCode::Taken, format!("it is {}", item.status.name()));
        return Err(Refusal::refused(
            format!("job {} has no slot; only the coordinator starts jobs", call.job_id),
            vec![reason],
        ));
    };
    if let Some(why) = &lease.fenced {
        return Err(Refusal::fenced(format!("job {} was fenced off: {why}", call.job_id)));
    }
    if lease.taken && lease.invocation != call.invocation_id {
        let reason = Reason::new(ReasonCode::Taken, format!("invocation {} runs it", lease.invocation));
        return Err(Refusal::refused(format!("job {} already runs", call.job_id), vec![reason]));
    }
    let description = describe(cx, &item)?;
    let command = cx.state.config.workload.stage(item.work.work_type).command.clone();
    uids::record(cx, n, peer.uid)?;
    if !lease.taken {
        cx.db
            .prepare_cached("UPDATE lease SET taken = 1, ordered = 1, invocation = ?2, runner = ?3 WHERE token = ?1")?
            .execute(params![rows::key(lease.token), call.invocation_id, peer.pid])?;
        lease.runner = peer.pid;
        transition::set(cx, n, &Step::Taken(&description))?;
        let started = WorkStarted {
            work_id: item.work_id.clone(),
            work_type: item.work.work_type.name().into(),
            config_key: Some(item.work.config_key.clone()),
            node_id: lease.node.clone(),
            unit: item.work.work_type.unit(&item.work_id),
            attempt: item.attempts,
            subject: item.work.subject.clone(),
        };
        outbox::emit(cx, &item.work, started)?;
    }
    sign_of_life(cx, &lease, peer)?;
    let limits = &cx.state.config.limits;
    Ok(Offer {
        description,
        current_model: item.work.current_model,
        command,
        token: lease.token,
        term_seconds: LONGEST_SILENCE,
        timeout_seconds: item.work.timeout_seconds,
        nice: limits.job_nice,
        cpus: limits.cpus.get(&item.work.work_type).cloned(),
        gpus: lease.gpus,
        idle: limits.idle_types.contains(&item.work.work_type),
        quota: Some(limits.job_quota()),
    })
}

/// The description: the stage's parameters from the configuration, and over them those of the request.
fn describe(cx: &Change<'_>, item: &WorkItem) -> Result<Description, Refusal> {
    let mut params = cx.state.config.workload.stage(item.work.work_type).params.clone();
    params.extend(item.work.params.clone());
    Ok(Description {
        schema: 1,
        job_id: item.work_id.clone(),
        job_type: item.work.work_type,
        config_key: item.work.config_key.clone(),
        attempt: item.attempts,
        seed: item.work.seed.unwrap_or_else(|| seed_of(item.work_id.as_str())),
        rules_version: cx.state.config.workload.rules_version,
        inputs: item.work.inputs.clone(),
        params,
    })
}

/// A seed from an id: the same for every attempt, and exact as a JSON number in every language (53 bits).
fn seed_of(id: &str) -> u64 {
    let hash = Sha256::digest(id.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first) >> 11
}

/// Another term, if it is the runner that speaks: the job's other processes have its user and its token, and may have
/// stopped it.
fn sign_of_life(cx: &mut Change<'_>, lease: &LeaseRow, peer: &Peer) -> Result<(), Refusal> {
    // 0: taken up under a version that did not ask.
    match [0, peer.pid].contains(&lease.runner) {
        true => slots::prolong(cx, lease, LONGEST_SILENCE),
        false => Ok(()),
    }
}

/// Keeps the lease; progress becomes a heartbeat, at most one in five seconds.
pub fn renew(cx: &mut Change<'_>, call: &Renew, peer: &Peer) -> Result<Renewed, Refusal> {
    let (n, item) = rows::wanted(cx, &call.job_id)?;
    let lease = rows::lease_of(cx.db, n)?.filter(|l| l.token == call.token && l.fenced.is_none() && l.taken);
    let Some(lease) = lease else {
        return Err(Refusal::fenced(format!(
            "job {}: token {} is not the current one; stop, the output will not be used",
            call.job_id, call.token
        )));
    };
    sign_of_life(cx, &lease, peer)?;
    if let Some(progress) = &call.progress {
        cx.state.leases.progress.insert(n, progress.clone());
        let last = cx.state.leases.heartbeats.get(&n);
        if last.is_none_or(|at| cx.now.mono - *at >= HEARTBEAT) {
            cx.state.leases.heartbeats.insert(n, cx.now.mono);
            let text = serde_json::to_string(progress)?;
            cx.db.prepare_cached("UPDATE work SET progress = ?2 WHERE n = ?1")?.execute(params![n, text])?;
            let heartbeat = TaskHeartbeat {
                task_id: item.work_id.clone(),
                task_type: item.work.work_type.name().into(),
                node_id: lease.node,
                config_key: Some(item.work.config_key.clone()),
                done: progress.done,
                total: progress.total,
                unit: progress.unit.clone().into(),
                message: progress.message.clone().into(),
                metrics: progress.metrics.clone(),
            };
            outbox::emit(cx, &item.work, heartbeat)?;
        }
    }
    Ok(Renewed { term_seconds: LONGEST_SILENCE })
}

#[cfg(test)]
mod tests {
    use super::seed_of;

    #[test]
    fn a_seed_belongs_to_its_id_and_fits_a_double() {
        assert_eq!(seed_of("abcd-1"), seed_of("abcd-1"));
        assert_ne!(seed_of("abcd-1"), seed_of("abcd-2"));
        assert!((1..=500).all(|n| seed_of(&format!("abcd-{n}")) < 1 << 53));
    }
}
