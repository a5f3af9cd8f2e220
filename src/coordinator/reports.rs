//! Reports of attempts that could not be handed in: each lies in its job's own folder. It is read when the job's unit
//! is gone, before its lease is fenced off, and at the start. It stays there until the folder goes: once applied, its
//! token is worth nothing any more.
use super::change::Change;
use super::refusal::Refusal;
use super::{finish, rows, uids};
use crate::contract::ids::JobId;
use crate::contract::job::Finish;
use crate::contract::text::clean_json;
use crate::platform::job_files::JobFiles;

/// Applies the reports of all jobs that have a slot; there are no more of them than slots. One that cannot be applied
/// now stays where it is and is read again when its lease ends.
pub fn take_over_all(cx: &mut Change<'_>) -> Result<(), Refusal> {
    for n in rows::leases(cx.db)?.into_iter().filter_map(|lease| lease.work) {
        let id = cx.state.job_id(n);
        if let Err(refusal) = cx.apart(|cx| take_over(cx, &id)) {
            if cx.db.is_autocommit() {
                return Err(refusal);
            }
            tracing::error!(job = %id, %refusal, "applying the report in the job's directory failed; it is retried \
                when the lease ends");
        }
    }
    Ok(())
}

/// Applies the report of a job, if there is one that is of use; whether that ended the attempt.
pub fn take_over(cx: &mut Change<'_>, id: &JobId) -> Result<bool, Refusal> {
    let (n, _) = rows::wanted(cx, id)?;
    let call = match read(cx, n, id) {
        Ok(Some(call)) => call,
        Ok(None) => return Ok(false),
        Err(why) => {
            tracing::warn!(job = %id, why, "invalid report in the job's directory");
            return Ok(false);
        }
    };
    match cx.apart(|cx| finish::finish(cx, call)) {
        Ok(done) if done.accepted => tracing::info!(job = %id, "read a report from the job's directory"),
        Ok(_) => {}
        Err(refusal) if refusal.is_of_the_call() => {
            tracing::warn!(job = %id, %refusal, "the report in the job's directory is refused")
        }
        Err(refusal) => return Err(refusal),
    }
    Ok(rows::lease_of(cx.db, n)?.is_none())
}

/// What a job's report says, or why it is none.
fn read(cx: &Change<'_>, n: i64, id: &JobId) -> Result<Option<Finish>, String> {
    let uids = uids::of(cx, n).map_err(|refusal| refusal.to_string())?;
    let Some(text) = JobFiles::new(&cx.state.jobs).report(id, &uids).map_err(|e| e.to_string())? else {
        return Ok(None);
    };
    let call: Finish =
        serde_json::from_slice(&text).map(clean_json).and_then(serde_json::from_value).map_err(|e| e.to_string())?;
    if call.job_id != *id {
        return Err(format!("it is about job {}", call.job_id));
    }
    // Without one only its time would say which attempt it is about, and the job can write any time.
    if call.token.is_none() {
        return Err("it has no token".into());
    }
    Ok(Some(call))
}
