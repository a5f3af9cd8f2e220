//! `master.db`: what the master must remember over its own death and over reboots. This process is its only reader and writer.
use crate::contract::master::Control;
use crate::contract::registry::{DaemonType, Profile};
use crate::platform::store::{self, Database, DatabaseError, Keep, Spec};
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;
use std::path::Path;

const MIGRATIONS: &[&str] = &["
CREATE TABLE desired(one INTEGER PRIMARY KEY CHECK (one = 1), profile TEXT NOT NULL, by_whom TEXT NOT NULL, when_us INTEGER NOT NULL) STRICT;
CREATE TABLE override(daemon TEXT PRIMARY KEY, wanted TEXT NOT NULL CHECK (wanted IN ('started', 'stopped')),
  by_whom TEXT NOT NULL, when_us INTEGER NOT NULL) STRICT;
CREATE TABLE paused(daemon TEXT PRIMARY KEY, reason TEXT NOT NULL, by_whom TEXT NOT NULL, when_us INTEGER NOT NULL) STRICT;
CREATE TABLE heartbeat(one INTEGER PRIMARY KEY CHECK (one = 1), last_beat_us INTEGER NOT NULL, loop_iteration INTEGER NOT NULL,
  pid INTEGER NOT NULL) STRICT;
CREATE TABLE history(at_us INTEGER NOT NULL, daemon TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE INDEX history_by_daemon ON history(daemon, at_us);
"];

/// Changes of state that are kept for each daemon.
const MAX_STATE_CHANGES: u32 = 200;

/// What an operator wants of one daemon, against the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Runs although the profile has it not.
    Started,
    /// Does not run although the profile has it.
    Stopped,
}

/// The database.
#[derive(Debug)]
pub struct Store {
    db: Database,
}

/// SQLite's error; the master does not outlive one after which its database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreFault(rusqlite::Error);

impl From<rusqlite::Error> for StoreFault {
    fn from(error: rusqlite::Error) -> StoreFault {
        store::sort("using the master's database", &error);
        StoreFault(error)
    }
}

type Result<T> = std::result::Result<T, StoreFault>;

impl Store {
    /// Opens or makes it.
    pub fn open(path: &Path, keep: Keep) -> std::result::Result<Store, DatabaseError> {
        let holds = "the applied profile, daemons started, stopped or paused by hand, the history of their states";
        Ok(Store { db: store::open(&Spec { path: path.to_owned(), migrations: MIGRATIONS, holds, keep })? })
    }

    /// The profile in a database that is not ours to change: looking makes, repairs and replaces nothing.
    pub fn saved_profile(path: &Path) -> Option<Profile> {
        let db = path.exists().then(|| store::connect(path))?.ok()?;
        let name: String = db.query_row("SELECT profile FROM desired", [], |r| r.get(0)).ok()?;
        Profile::parse(&name)
    }

    /// The profile applied last.
    pub fn profile(&self) -> Result<Option<Profile>> {
        let name: Option<String> = self.db.query_row("SELECT profile FROM desired", [], |r| r.get(0)).optional()?;
        Ok(name.and_then(|n| Profile::parse(&n)))
    }

    /// A profile was applied: what was said of single daemons before does not hold any more.
    pub fn set_profile(&mut self, profile: Profile, who: &str, now_us: i64) -> Result<()> {
        let step = self.db.transaction()?;
        step.execute("INSERT OR REPLACE INTO desired VALUES (1, ?1, ?2, ?3)", params![profile.name(), who, now_us])?;
        step.execute("DELETE FROM override", [])?;
        Ok(step.commit()?)
    }

    /// Daemons that an operator started or stopped by name.
    pub fn overrides(&self) -> Result<BTreeMap<DaemonType, (Wanted, String)>> {
        let mut query = self.db.prepare("SELECT daemon, wanted, by_whom FROM override")?;
        let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?)))?;
        let mut found = BTreeMap::new();
        for row in rows {
            let (daemon, wanted, who) = row?;
            // A daemon of another version's registry means nothing to this one.
            if let Ok(daemon) = DaemonType::parse(&daemon) {
                found.insert(daemon, (if wanted == "started" { Wanted::Started } else { Wanted::Stopped }, who));
            }
        }
        Ok(found)
    }

    /// Remembers what an operator wants of a daemon; nothing: as the profile says.
    pub fn set_override(&self, daemon: DaemonType, wanted: Option<Wanted>, who: &str, now_us: i64) -> Result<()> {
        match wanted {
            Some(wanted) => {
                let word = if wanted == Wanted::Started { "started" } else { "stopped" };
                self.db.execute("INSERT OR REPLACE INTO override VALUES (?1, ?2, ?3, ?4)", params![daemon.name(), word, who, now_us])?
            }
            None => self.db.execute("DELETE FROM override WHERE daemon = ?1", [daemon.name()])?,
        };
        Ok(())
    }

    /// Paused daemons.
    pub fn paused(&self) -> Result<BTreeMap<DaemonType, Control>> {
        let mut query = self.db.prepare("SELECT daemon, reason, by_whom, when_us FROM paused")?;
        let rows = query.query_map([], |r| {
            Ok((r.get::<_, String>(0)?, Control { paused: true, reason: r.get(1)?, who: r.get(2)?, when_us: r.get(3)? }))
        })?;
        let mut found = BTreeMap::new();
        for row in rows {
            let (daemon, control) = row?;
            if let Ok(daemon) = DaemonType::parse(&daemon) {
                found.insert(daemon, control);
            }
        }
        Ok(found)
    }

    /// Pauses or resumes a daemon.
    pub fn set_paused(&self, daemon: DaemonType, control: Option<&Control>) -> Result<()> {
        match control {
            Some(c) => self
                .db
                .execute("INSERT OR REPLACE INTO paused VALUES (?1, ?2, ?3, ?4)", params![daemon.name(), c.reason, c.who, c.when_us])?,
            None => self.db.execute("DELETE FROM paused WHERE daemon = ?1", [daemon.name()])?,
        };
        Ok(())
    }

    /// One turn of the loop.
    pub fn beat(&self, iteration: u64, now_us: i64) -> Result<()> {
        let iteration = i64::try_from(iteration).unwrap_or(i64::MAX);
        self.db.execute("INSERT OR REPLACE INTO heartbeat VALUES (1, ?1, ?2, ?3)", params![now_us, iteration, std::process::id()])?;
        Ok(())
    }

    /// A daemon's state changed.
    pub fn remember(&self, daemon: DaemonType, state: &str, reason: &str, now_us: i64) -> Result<()> {
        self.db.execute("INSERT INTO history VALUES (?1, ?2, ?3, ?4)", params![now_us, daemon.name(), state, reason])?;
        self.db.execute(
            "DELETE FROM history WHERE daemon = ?1 AND rowid < (SELECT rowid FROM history WHERE daemon = ?1 ORDER BY rowid DESC LIMIT 1 OFFSET ?2)",
            params![daemon.name(), MAX_STATE_CHANGES],
        )?;
        Ok(())
    }

    /// When and why a daemon last failed, could not start or backed off.
    pub fn last_error(&self, daemon: DaemonType) -> Result<Option<(i64, String)>> {
        Ok(self
            .db
            .query_row(
                "SELECT at_us, iif(reason LIKE 'backing off%', '', state || ': ') || reason FROM history
                 WHERE daemon = ?1 AND (state IN ('FAILED', 'CANNOT_START') OR reason LIKE 'backing off%') ORDER BY at_us DESC LIMIT 1",
                [daemon.name()],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
            .optional()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wanted_survives_and_applying_a_profile_forgets_the_exceptions() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master.db");
        let mut store = Store::open(&path, Keep::NONE).expect("opens");
        assert_eq!(store.profile().expect("reads"), None);
        store.set_profile(Profile::Selfplay, "root", 1).expect("writes");
        store.set_override(DaemonType::IdleResource, Some(Wanted::Stopped), "ann", 2).expect("writes");
        let control = Control { paused: true, reason: "disk".into(), who: "ann".into(), when_us: 3 };
        store.set_paused(DaemonType::Evaluation, Some(&control)).expect("writes");
        drop(store);
        let mut store = Store::open(&path, Keep::NONE).expect("opens again");
        assert_eq!(store.profile().expect("reads"), Some(Profile::Selfplay));
        assert_eq!(store.overrides().expect("reads")[&DaemonType::IdleResource], (Wanted::Stopped, "ann".into()));
        store.set_profile(Profile::Standalone, "root", 4).expect("writes");
        assert!(store.overrides().expect("reads").is_empty());
        assert_eq!(store.paused().expect("reads")[&DaemonType::Evaluation], control, "pausing is no part of a profile");
        store.set_paused(DaemonType::Evaluation, None).expect("writes");
        assert!(store.paused().expect("reads").is_empty());
    }

    #[test]
    fn history_is_bounded_and_tells_the_last_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("master.db"), Keep::NONE).expect("opens");
        store.remember(DaemonType::Evaluation, "FAILED", "exit-code 1 after 5 restarts", 1).expect("writes");
        for at in 2..150 {
            store.remember(DaemonType::Evaluation, "RUNNING", "", at).expect("writes");
        }
        let (at, text) = store.last_error(DaemonType::Evaluation).expect("reads").expect("there is one");
        assert_eq!((at, text.as_str()), (1, "FAILED: exit-code 1 after 5 restarts"));
        for at in 150..600 {
            store.remember(DaemonType::Evaluation, "RUNNING", "", at).expect("writes");
        }
        let rows: u32 = store.db.query_row("SELECT count(*) FROM history", [], |r| r.get(0)).expect("counts");
        assert!(rows <= MAX_STATE_CHANGES + 1, "{rows}");
    }
}
