//! Control files: how the master tells a daemon's runtime to pause. They are written from `master.db` and hold nothing
//! of their own.
use crate::contract::master::{Control, FAILED_FILE, FailedDaemons};
use crate::contract::registry::DaemonType;
use crate::platform::replace::{Outlives, replace};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Writes one file so that a reader sees the old or the new content, never half of it.
pub fn write(dir: &Path, daemon: DaemonType, control: &Control) -> io::Result<()> {
    replace(&dir.join(daemon.kebab()), &serde_json::to_vec(control)?, 0o644, Outlives::Kill)
}

/// Writes which daemons have failed for good.
pub fn write_failed(dir: &Path, failed: &FailedDaemons) -> io::Result<()> {
    replace(&dir.join(FAILED_FILE), &serde_json::to_vec(failed)?, 0o644, Outlives::Kill)
}

/// Removes a daemon's file; one that is not there is fine.
pub fn remove(dir: &Path, daemon: DaemonType) -> io::Result<()> {
    match std::fs::remove_file(dir.join(daemon.kebab())) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Makes the directory say exactly what the database says.
pub fn rewrite(dir: &Path, paused: &BTreeMap<DaemonType, Control>) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let known = name.to_str().and_then(|n| DaemonType::parse(n).ok()).is_some_and(|d| paused.contains_key(&d));
        if !known {
            std::fs::remove_file(entry.path())?;
        }
    }
    paused.iter().try_for_each(|(daemon, control)| write(dir, *daemon, control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock;

    #[test]
    fn the_directory_follows_the_database() {
        let dir = tempfile::tempdir().expect("a directory");
        let control = Control { paused: true, reason: "x".into(), who: "root".into(), when_us: clock::now() };
        write(dir.path(), DaemonType::AutoExport, &control).expect("writes");
        let paused = BTreeMap::from([(DaemonType::Evaluation, control.clone())]);
        rewrite(dir.path(), &paused).expect("rewrites");
        let names: Vec<_> =
            std::fs::read_dir(dir.path()).expect("lists").map(|e| e.expect("an entry").file_name()).collect();
        assert_eq!(names, ["evaluation"]);
        let read: Control =
            serde_json::from_slice(&std::fs::read(dir.path().join("evaluation")).expect("reads")).expect("parses");
        assert_eq!(read, control);
        remove(dir.path(), DaemonType::Evaluation).expect("removes");
        remove(dir.path(), DaemonType::Evaluation).expect("is gone already");
    }
}
