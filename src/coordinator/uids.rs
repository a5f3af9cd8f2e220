//! The users that a job ran as, by the kernel's word: whose files are its files, and who may speak for it.
use super::change::Change;
use super::refusal::Refusal;
use rusqlite::params;

/// Remembers who took an item up.
pub fn record(cx: &Change<'_>, n: i64, uid: u32) -> Result<(), Refusal> {
    cx.db.prepare_cached("INSERT OR IGNORE INTO job_uid (work, uid) VALUES (?1, ?2)")?.execute(params![n, uid])?;
    Ok(())
}

/// All users that took an item up.
pub fn of(cx: &Change<'_>, n: i64) -> Result<Vec<u32>, Refusal> {
    Ok(cx
        .db
        .prepare_cached("SELECT uid FROM job_uid WHERE work = ?1 ORDER BY uid")?
        .query_map([n], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}
