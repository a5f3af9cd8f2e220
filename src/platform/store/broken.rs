//! A database that breaks while its owner runs: the owner ends at once, so that nothing is acknowledged after the
//! break, and leaves word beside the database, so that its next start does not trust a check that finds nothing for
//! ever.
use super::class::{Class, class, is_damaged};
use super::files::with_tail;
use crate::contract::error::Exit;
use crate::platform::replace::{Outlives, replace};
use rusqlite::Error;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A break so soon after a start that found word of an earlier one comes from what that start took for sound.
const REPEATED_WITHIN: Duration = Duration::from_secs(60);
/// So many breaks are too many, however far apart, before the word is too old.
const MAX_FAILURES: u32 = 3;
/// Word that is older says nothing about now.
const MAX_RECORD_AGE: Duration = Duration::from_secs(24 * 3600);
/// The most characters of a reason that are kept.
const MAX_REASON_CHARS: usize = 1000;

/// The database that this process lives by.
#[derive(Debug)]
struct OwnedDatabase {
    path: PathBuf,
    since: Instant,
    earlier: Option<FailureRecord>,
}

static OWNED: OnceLock<OwnedDatabase> = OnceLock::new();

/// What an owner that ended left beside its database, in `NAME.db.broken`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// What SQLite said, and of what.
    pub reason: String,
    /// How often it broke since it was last replaced.
    pub breaks: u32,
    /// It broke again although a check had found nothing: it is replaced unchecked.
    pub untrusted: bool,
}

/// Says that this process lives by the database at this path: from now on it ends when the database breaks. Before it
/// is opened, so that also what breaks while it is opened leaves word. A process has one such database; a second one
/// changes nothing.
pub fn own(path: &Path) {
    let _ = OWNED.set(OwnedDatabase { path: path.to_owned(), since: Instant::now(), earlier: word(path) });
}

/// Whether this process lives by it.
pub fn is_owned(path: &Path) -> bool {
    OWNED.get().is_some_and(|owned| owned.path == path)
}

/// Sorts an error of SQLite that came from this process's own database. If the database is of no use, an owner does not
/// return.
pub fn sort(operation: &str, error: &Error) -> Class {
    let class = class(error);
    if class == Class::Database
        && let Some(owned) = OWNED.get()
    {
        end(owned, &format!("{operation}: {error}"), is_damaged(error));
    }
    class
}

/// A check of a database that is in use found this.
pub fn found(path: &Path, why: &str) {
    match OWNED.get().filter(|owned| owned.path == path) {
        Some(owned) => end(owned, &format!("checking the file: {why}"), true),
        None => tracing::error!("{} is damaged: {why}", path.display()),
    }
}

/// Opening failed: the process ends by itself.
pub fn not_opened(path: &Path, operation: &str, error: &Error) {
    if let Some(owned) = OWNED.get().filter(|owned| owned.path == path && is_damaged(error)) {
        leave(owned, &format!("{operation}: {error}"));
    }
}

fn end(owned: &OwnedDatabase, why: &str, damaged: bool) -> ! {
    if damaged {
        leave(owned, why);
    }
    tracing::error!(
        "{} is unusable ({why}); exiting at once without further acknowledgements. The next start checks the database",
        owned.path.display()
    );
    // No orderly end: that would write to the database.
    std::process::exit(i32::from(Exit::Failure as u8));
}

fn leave(owned: &OwnedDatabase, why: &str) {
    write(&owned.path, &next(owned.earlier.as_ref(), why, owned.since.elapsed()));
}

/// What to leave after a break, so long after the start that found the earlier word.
fn next(earlier: Option<&FailureRecord>, why: &str, after: Duration) -> FailureRecord {
    let breaks = earlier.map_or(0, |w| w.breaks).saturating_add(1);
    let untrusted =
        earlier.is_some_and(|w| w.untrusted) || breaks >= MAX_FAILURES || (breaks > 1 && after < REPEATED_WITHIN);
    FailureRecord { reason: why.chars().take(MAX_REASON_CHARS).collect(), breaks, untrusted }
}

fn file(path: &Path) -> PathBuf {
    with_tail(path, ".broken")
}

fn write(path: &Path, word: &FailureRecord) {
    let bytes = serde_json::to_vec(word).unwrap_or_default();
    if let Err(error) = replace(&file(path), &bytes, 0o600, Outlives::PowerCut) {
        tracing::warn!(%error, "cannot record that the database failed; the next start checks it anyway");
    }
}

/// What an owner that ended left here.
pub fn word(path: &Path) -> Option<FailureRecord> {
    let file = file(path);
    let about = fs::symlink_metadata(&file).ok().filter(fs::Metadata::is_file)?;
    if about.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > MAX_RECORD_AGE) {
        forget(path);
        return None;
    }
    let unread = |_| FailureRecord { reason: "the recorded reason is unreadable".into(), breaks: 1, untrusted: false };
    Some(
        fs::read(&file)
            .ok()
            .map_or_else(|| unread(()), |bytes| serde_json::from_slice(&bytes).unwrap_or_else(|_| unread(()))),
    )
}

/// The database is another one now.
pub fn forget(path: &Path) {
    match fs::remove_file(file(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, file = %file(path).display(), "cannot remove the record that the database failed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_break_soon_after_a_check_found_nothing_and_a_third_at_any_time_end_the_trust() {
        let (soon, late) = (Duration::from_secs(5), Duration::from_secs(3600));
        let first = next(None, "reading: malformed", soon);
        assert_eq!(first, FailureRecord { reason: "reading: malformed".into(), breaks: 1, untrusted: false });
        assert!(next(Some(&first), "again", soon).untrusted);
        let second = next(Some(&first), "again", late);
        assert_eq!((second.breaks, second.untrusted), (2, false), "a day's second one is checked again");
        assert!(next(Some(&second), "again", late).untrusted);
    }

    #[test]
    fn word_is_kept_beside_the_database_for_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        assert_eq!(word(&path), None);
        let left = next(None, &"x".repeat(5000), REPEATED_WITHIN);
        write(&path, &left);
        assert_eq!((word(&path), left.reason.len()), (Some(left.clone()), MAX_REASON_CHARS));
        fs::write(file(&path), "{").expect("cut off");
        assert_eq!(word(&path).map(|w| (w.breaks, w.untrusted)), Some((1, false)), "a break all the same");
        let age = |age: Duration| {
            let about = fs::File::options().write(true).open(file(&path)).expect("opened");
            about.set_modified(std::time::SystemTime::now() - age).expect("aged");
        };
        age(MAX_RECORD_AGE - REPEATED_WITHIN);
        assert!(word(&path).is_some());
        age(MAX_RECORD_AGE + REPEATED_WITHIN);
        assert_eq!(word(&path), None);
        assert!(!file(&path).exists());
    }
}
