//! The one writer of items' status. Each change is made by a statement that touches only an item whose status allows
//! it.
use super::change::Change;
use super::refusal::Refusal;
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::NewWork;
use crate::contract::ids::NodeId;
use crate::contract::time::Wall;
use crate::contract::workload::Description;
use crate::coordination::transition::{ATTEMPTED, Cause};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params, params_from_iter};

/// The statuses of an item that has not ended, as SQL.
pub const ACTIVE: &str = "('pending', 'claimed', 'running')";

/// How an attempt ended without a result.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The cause's name, or systemd's word.
    pub result: &'a str,
    /// For people.
    pub error: &'a str,
}

/// A change of an item's status, with what is written beside it.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// To this node.
    Granted(&'a NodeId),
    /// As the workload is told.
    Taken(&'a Description),
    /// With a result, which goes into the event.
    Succeeded,
    /// The next attempt not before this time.
    AttemptFailed(Ended<'a>, Wall),
    /// The next attempt not before this time, if it is not at once.
    PutBack(Ended<'a>, Option<Wall>),
    /// For good.
    Failed(Ended<'a>),
    /// For good, without an attempt.
    DependencyFailed(Ended<'a>),
    /// With the reason that was given.
    Withdrawn(&'a str),
}

impl Step<'_> {
    fn cause(&self) -> Cause {
        match self {
            Step::Granted(_) => Cause::Granted,
            Step::Taken(_) => Cause::Taken,
            Step::Succeeded => Cause::Succeeded,
            Step::AttemptFailed(..) => Cause::AttemptFailed,
            Step::PutBack(..) => Cause::PutBack,
            Step::Failed(_) => Cause::Failed,
            Step::DependencyFailed(_) => Cause::DependencyFailed,
            Step::Withdrawn(_) => Cause::Withdrawn,
        }
    }

    /// What is written beside the status: columns from ?3 on, and their values.
    fn columns(&self, now: Wall) -> Result<(&'static str, Vec<Value>), Refusal> {
        let text = |text: &str| Value::from(text.to_owned());
        let ended = |at: Value, ended: &Ended<'_>| vec![at, text(ended.result), text(ended.error)];
        Ok(match self {
            Step::Granted(node) => (
                "attempts = attempts + 1, claimed_us = ?3, node = ?4, started_us = NULL, not_before_us = NULL, \
                    progress = NULL",
                vec![now.into(), text(node.as_str())],
            ),
            Step::Taken(description) => {
                ("started_us = ?3, description = ?4", vec![now.into(), serde_json::to_string(description)?.into()])
            }
            Step::Succeeded => ("completed_us = ?3, result = 'success', error = NULL", vec![now.into()]),
            Step::AttemptFailed(how, at) => ("not_before_us = ?3, result = ?4, error = ?5", ended((*at).into(), how)),
            Step::PutBack(how, at) => (
                "attempts = max(attempts - 1, 0), not_before_us = ?3, result = ?4, error = ?5",
                ended((*at).into(), how),
            ),
            Step::Failed(how) | Step::DependencyFailed(how) => {
                ("completed_us = ?3, not_before_us = NULL, result = ?4, error = ?5", ended(now.into(), how))
            }
            Step::Withdrawn(reason) => {
                let how = Ended { result: FailureCause::Cancelled.name(), error: reason };
                ("completed_us = ?3, not_before_us = NULL, result = ?4, error = ?5", ended(now.into(), &how))
            }
        })
    }
}

/// A new item; returns its number. `body` is the request as it is stored.
pub fn queue(cx: &mut Change<'_>, work: &NewWork, body: &str) -> Result<i64, Refusal> {
    cx.db
        .prepare_cached(
            "INSERT INTO work (kind, config_key, priority, status, body, idempotency_key, singleton, created_us,
              deadline_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            work.work_type.name(),
            work.config_key.as_str(),
            work.priority,
            Cause::Queued.rule().to.name(),
            body,
            work.idempotency_key,
            work.singleton,
            cx.now.wall,
            work.deadline_us
        ])?;
    cx.state.look_again();
    Ok(cx.db.last_insert_rowid())
}

/// Changes the status of item number n. One whose status does not allow it stays as it is, and the call is refused.
pub fn set(cx: &mut Change<'_>, n: i64, step: &Step<'_>) -> Result<(), Refusal> {
    let (cause, (columns, values)) = (step.cause(), step.columns(cx.now.wall)?);
    let from: Vec<&str> = cause.rule().from.iter().map(|status| status.name()).collect();
    let sql = format!("UPDATE work SET status = ?2, {columns} WHERE n = ?1 AND status IN ('{}')", from.join("', '"));
    let given = [Value::from(n), Value::from(cause.rule().to.name().to_owned())].into_iter().chain(values);
    match cx.db.prepare_cached(&sql)?.execute(params_from_iter(given))? {
        0 => Err(illegal(cx, n, cause)?),
        _ => {
            // What it freed, or what waited for it, may be granted now.
            if !ATTEMPTED.contains(&cause.rule().to) {
                cx.state.look_again();
            }
            Ok(())
        }
    }
}

fn illegal(cx: &Change<'_>, n: i64, cause: Cause) -> Result<Refusal, Refusal> {
    let status: Option<String> =
        cx.db.prepare_cached("SELECT status FROM work WHERE n = ?1")?.query_row([n], |row| row.get(0)).optional()?;
    let (id, what, is) = (cx.state.job_id(n), cause.name(), status.as_deref().unwrap_or("gone"));
    Ok(Refusal::internal(format!("job {id} is {is}; \"{what}\" cannot happen to it, nothing was changed")))
}

/// How many items have not ended.
pub fn active(cx: &Change<'_>) -> Result<u32, Refusal> {
    Ok(cx
        .db
        .prepare_cached(&format!("SELECT count(*) FROM work WHERE status IN {ACTIVE}"))?
        .query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::WorkStatus;

    #[test]
    fn the_list_in_sql_is_the_contracts() {
        let active: Vec<&str> =
            WorkStatus::ALL.into_iter().filter(|status| status.is_active()).map(WorkStatus::name).collect();
        assert_eq!(ACTIVE, format!("('{}')", active.join("', '")));
    }
}
