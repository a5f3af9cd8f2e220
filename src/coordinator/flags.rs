//! The coordinator's own look at the emergency flags, once a second: the path unit is quicker and may be unable to
//! watch.
use super::halt::Halter;
use super::state::FlagReader;
use crate::contract::coordinator::Flags;
use crate::platform::flags;
use crate::platform::threads;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two checks.
const EVERY: Duration = Duration::from_secs(1);
/// An older look says nothing; a halt that is carried out takes a second.
const STALE: Duration = Duration::from_secs(15);

/// When the last look ended, and whether every flag could be looked at.
type Last = Option<(Instant, Result<(), String>)>;

/// Starts the thread that looks; the first look is over when this returns.
pub fn watch(halter: Arc<Halter>, paths: Vec<PathBuf>) -> std::io::Result<FlagReader> {
    let last: Arc<Mutex<Last>> = Arc::default();
    look(&halter, &paths, &last);
    let theirs = Arc::downgrade(&last);
    threads::part("flags", move || {
        while let Some(last) = theirs.upgrade() {
            look(&halter, &paths, &last);
            drop(last);
            std::thread::park_timeout(EVERY);
        }
    })?;
    Ok(Box::new(move || judge(&last.lock().unwrap_or_else(PoisonError::into_inner))))
}

fn judge(last: &Last) -> Result<(), String> {
    match last {
        None => Err("the emergency flags have not been checked yet".into()),
        Some((at, _)) if at.elapsed() > STALE => Err(format!(
            "the emergency flags were last checked {} s ago; their directory hangs",
            at.elapsed().as_secs()
        )),
        Some((_, said)) => said.clone(),
    }
}

fn look(halter: &Halter, paths: &[PathBuf], last: &Mutex<Last>) {
    let looked = flags::look(paths);
    let mut said = match looked.blind.first() {
        None => Ok(()),
        Some((path, why)) => Err(format!("cannot check for flag {path}: {why}")),
    };
    // Where one cannot be seen it is not concluded that it is gone: only what is there is reported.
    if (looked.blind.is_empty() || !looked.flags.is_empty())
        && let Err(refusal) = halter.seen(&Flags { flags: looked.flags }, looked.blind.is_empty())
    {
        said = Err(format!("cannot apply the emergency flags: {refusal}"));
    }
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let (Err(why), true) = (&said, last.as_ref().is_none_or(|(_, before)| before.is_ok())) {
        tracing::error!("{why}; no job starts until this works");
    }
    *last = Some((Instant::now(), said));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_look_an_old_look_and_a_blind_look_are_no() {
        assert!(judge(&None).is_err());
        assert_eq!(judge(&Some((Instant::now(), Ok(())))), Ok(()));
        assert!(judge(&Some((Instant::now(), Err("closed".into())))).is_err());
        let Some(old) = Instant::now().checked_sub(STALE * 2) else { return };
        assert!(judge(&Some((old, Ok(())))).expect_err("too old").contains("s ago"));
    }
}
