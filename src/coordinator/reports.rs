//! Reports of attempts that could not be handed in: each lies in its job's own folder. It is read when the job's unit is gone, before its
//! lease is fenced off, and at the start. It stays there until the folder goes: once applied, its token is worth nothing any more.
use super::change::Change;
use super::refusal::Refusal;
use super::{finish, rows, uids};
use crate::contract::ids::JobId;
use crate::contract::job::Finish;
use crate::contract::text::clean_json;
use crate::platform::job_files::JobFiles;

/// Applies the reports of all jobs that have a slot; there are no more of them than slots.
pub fn take_over_all(cx: &mut Change<'_>) -> Result<(), Refusal> {
    for n in rows::leases(cx.db)?.into_iter().filter_map(|lease| lease.work) {
        let id = cx.state.job_id(n);
        take_over(cx, &id)?;
    }
    Ok(())
}

/// Applies the report of a job, if there is one that is of use; whether that ended the attempt.
pub fn take_over(cx: &mut Change<'_>, id: &JobId) -> Result<bool, Refusal> {
    let (n, _) = rows::wanted(cx, id)?;
    let text = match JobFiles::new(&cx.state.jobs).report(id, &uids::of(cx, n)?) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(false),
        Err(error) => {
            tracing::warn!(job = %id, %error, "invalid report in the job's directory");
            return Ok(false);
        }
    };
    let call = match serde_json::from_slice(&text).map(clean_json).and_then(serde_json::from_value::<Finish>) {
        Ok(call) if call.job_id == *id => call,
        Ok(call) => {
            tracing::warn!(job = %id, other = %call.job_id, "invalid report in the job's directory: it is about another job");
            return Ok(false);
        }
        Err(error) => {
            tracing::warn!(job = %id, %error, "invalid report in the job's directory");
            return Ok(false);
        }
    };
    let done = finish::finish(cx, call)?;
    if done.accepted {
        tracing::info!(job = %id, "read a report from the job's directory");
    }
    Ok(rows::lease_of(cx.db, n)?.is_none())
}
