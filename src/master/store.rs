//! `master.db`: what the master must remember over its own death and over reboots. This process is its only reader and
//! writer.
use crate::contract::master::Control;
use crate::contract::registry::{DaemonType, Profile};
use crate::contract::time::Wall;
use crate::platform::store::{self, Database, DatabaseError, Keep, Spec};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE desired(one INTEGER PRIMARY KEY CHECK (one = 1), profile TEXT NOT NULL, by_whom TEXT NOT NULL,
when_us INTEGER NOT NULL) STRICT;
CREATE TABLE override(daemon TEXT PRIMARY KEY, wanted TEXT NOT NULL CHECK (wanted IN ('started', 'stopped')),
  by_whom TEXT NOT NULL, when_us INTEGER NOT NULL) STRICT;
CREATE TABLE paused(daemon TEXT PRIMARY KEY, reason TEXT NOT NULL, by_whom TEXT NOT NULL,
when_us INTEGER NOT NULL) STRICT;
CREATE TABLE heartbeat(one INTEGER PRIMARY KEY CHECK (one = 1), last_beat_us INTEGER NOT NULL,
loop_iteration INTEGER NOT NULL,
  pid INTEGER NOT NULL) STRICT;
CREATE TABLE history(at_us INTEGER NOT NULL, daemon TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE INDEX history_by_daemon ON history(daemon, at_us);
",
    "
CREATE TABLE former(one INTEGER PRIMARY KEY CHECK (one = 1), standing TEXT NOT NULL) STRICT;
-- JSON: what was wanted before the profile
",
];

/// Changes of state that are kept for each daemon.
const MAX_STATE_CHANGES: u32 = 200;

/// What operators want of single daemons, and who.
pub type Overrides = BTreeMap<DaemonType, (Wanted, String)>;

/// What is wanted: a profile, and what operators said of single daemons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The profile.
    pub profile: Profile,
    /// Against it.
    pub overrides: Overrides,
}

/// A standing as it is stored: names, which another version may not know.
#[derive(Serialize, Deserialize)]
struct StoredStanding {
    profile: String,
    overrides: Vec<(String, Wanted, String)>,
}

/// What an operator wants of one daemon, against the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Runs although the profile has it not.
    Started,
    /// Does not run although the profile has it.
    Stopped,
}

impl Wanted {
    fn word(self) -> &'static str {
        match self {
            Wanted::Started => "started",
            Wanted::Stopped => "stopped",
        }
    }
}

impl Standing {
    /// A profile as it is.
    pub fn of(profile: Profile) -> Standing {
        Standing { profile, overrides: Overrides::new() }
    }

    fn stored(&self) -> StoredStanding {
        let overrides =
            self.overrides.iter().map(|(daemon, (wanted, by))| (daemon.name().to_owned(), *wanted, by.clone()));
        StoredStanding { profile: self.profile.name().to_owned(), overrides: overrides.collect() }
    }

    fn from_stored(stored: StoredStanding) -> Option<Standing> {
        let known =
            |(daemon, wanted, by): (String, Wanted, String)| Some((DaemonType::parse(&daemon).ok()?, (wanted, by)));
        Some(Standing {
            profile: Profile::parse(&stored.profile)?,
            overrides: stored.overrides.into_iter().filter_map(known).collect(),
        })
    }
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

    /// A profile was applied: what was said of single daemons before holds no more than is in `overrides`. `former` is
    /// what was wanted before.
    pub fn set_profile(&mut self, to: &Standing, former: Option<&Standing>, who: &str, now: Wall) -> Result<()> {
        let step = self.db.transaction()?;
        step.execute("INSERT OR REPLACE INTO desired VALUES (1, ?1, ?2, ?3)", params![to.profile.name(), who, now])?;
        step.execute("DELETE FROM override", [])?;
        for (daemon, (wanted, by)) in &to.overrides {
            step.execute(
                "INSERT INTO override VALUES (?1, ?2, ?3, ?4)",
                params![daemon.name(), wanted.word(), by, now],
            )?;
        }
        if let Some(text) = former.and_then(|former| serde_json::to_string(&former.stored()).ok()) {
            step.execute("INSERT OR REPLACE INTO former VALUES (1, ?1)", [text])?;
        }
        Ok(step.commit()?)
    }

    /// What was wanted before the profile was applied.
    pub fn former(&self) -> Result<Option<Standing>> {
        let text: Option<String> = self.db.query_row("SELECT standing FROM former", [], |r| r.get(0)).optional()?;
        Ok(text.and_then(|text| Standing::from_stored(serde_json::from_str(&text).ok()?)))
    }

    /// Daemons that an operator started or stopped by name.
    pub fn overrides(&self) -> Result<Overrides> {
        let mut query = self.db.prepare("SELECT daemon, wanted, by_whom FROM override")?;
        let rows =
            query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?)))?;
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
    pub fn set_override(&self, daemon: DaemonType, wanted: Option<Wanted>, who: &str, now: Wall) -> Result<()> {
        match wanted {
            Some(wanted) => self.db.execute(
                "INSERT OR REPLACE INTO override VALUES (?1, ?2, ?3, ?4)",
                params![daemon.name(), wanted.word(), who, now],
            )?,
            None => self.db.execute("DELETE FROM override WHERE daemon = ?1", [daemon.name()])?,
        };
        Ok(())
    }

    /// Paused daemons.
    pub fn paused(&self) -> Result<BTreeMap<DaemonType, Control>> {
        let mut query = self.db.prepare("SELECT daemon, reason, by_whom, when_us FROM paused")?;
        let rows = query.query_map([], |r| {
            Ok((
                r.get::<_, String>(0)?,
                Control { paused: true, reason: r.get(1)?, who: r.get(2)?, when_us: r.get(3)? },
            ))
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
            Some(c) => self.db.execute(
                "INSERT OR REPLACE INTO paused VALUES (?1, ?2, ?3, ?4)",
                params![daemon.name(), c.reason, c.who, c.when_us],
            )?,
            None => self.db.execute("DELETE FROM paused WHERE daemon = ?1", [daemon.name()])?,
        };
        Ok(())
    }

    /// One turn of the loop.
    pub fn beat(&self, iteration: u64, now: Wall) -> Result<()> {
        let iteration = i64::try_from(iteration).unwrap_or(i64::MAX);
        self.db.execute(
            "INSERT OR REPLACE INTO heartbeat VALUES (1, ?1, ?2, ?3)",
            params![now, iteration, std::process::id()],
        )?;
        Ok(())
    }

    /// A daemon's state changed.
    pub fn remember(&self, daemon: DaemonType, state: &str, reason: &str, now: Wall) -> Result<()> {
        self.db.execute("INSERT INTO history VALUES (?1, ?2, ?3, ?4)", params![now, daemon.name(), state, reason])?;
        self.db.execute(
            "DELETE FROM history WHERE daemon = ?1 AND rowid < (SELECT rowid FROM history WHERE daemon = ?1 ORDER BY \
                rowid DESC LIMIT 1 OFFSET ?2)",
            params![daemon.name(), MAX_STATE_CHANGES],
        )?;
        Ok(())
    }

    /// When and why a daemon last failed, could not start or backed off.
    pub fn last_error(&self, daemon: DaemonType) -> Result<Option<(Wall, String)>> {
        Ok(self
            .db
            .query_row(
                "SELECT at_us, iif(reason LIKE 'backing off%', '', state || ': ') || reason FROM history
                 WHERE daemon = ?1 AND (state IN ('FAILED',
                 'CANNOT_START') OR reason LIKE 'backing off%') ORDER BY at_us DESC LIMIT 1",
                [daemon.name()],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
            .optional()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: i64) -> Wall {
        Wall::of_us(us)
    }

    #[test]
    fn what_was_wanted_survives_and_applying_a_profile_forgets_the_exceptions() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master.db");
        let mut store = Store::open(&path, Keep::NONE).expect("opens");
        assert_eq!(store.profile().expect("reads"), None);
        store.set_profile(&Standing::of(Profile::Selfplay), None, "root", at(1)).expect("writes");
        store.set_override(DaemonType::IdleResource, Some(Wanted::Stopped), "ann", at(2)).expect("writes");
        let control = Control { paused: true, reason: "disk".into(), who: "ann".into(), when_us: at(3) };
        store.set_paused(DaemonType::Evaluation, Some(&control)).expect("writes");
        drop(store);
        let mut store = Store::open(&path, Keep::NONE).expect("opens again");
        assert_eq!(store.profile().expect("reads"), Some(Profile::Selfplay));
        assert_eq!(store.overrides().expect("reads")[&DaemonType::IdleResource], (Wanted::Stopped, "ann".into()));
        let former = Standing { profile: Profile::Selfplay, overrides: store.overrides().expect("reads") };
        store.set_profile(&Standing::of(Profile::Standalone), Some(&former), "root", at(4)).expect("writes");
        assert!(store.overrides().expect("reads").is_empty());
        assert_eq!(store.former().expect("reads"), Some(former.clone()));
        store.set_profile(&former, None, "root", at(5)).expect("writes");
        assert_eq!(store.overrides().expect("reads"), former.overrides, "as they were");
        assert_eq!(store.paused().expect("reads")[&DaemonType::Evaluation], control, "pausing is no part of a profile");
        store.set_paused(DaemonType::Evaluation, None).expect("writes");
        assert!(store.paused().expect("reads").is_empty());
    }

    #[test]
    fn history_is_bounded_and_tells_the_last_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("master.db"), Keep::NONE).expect("opens");
        store.remember(DaemonType::Evaluation, "FAILED", "exit-code 1 after 5 restarts", at(1)).expect("writes");
        for us in 2..150 {
            store.remember(DaemonType::Evaluation, "RUNNING", "", at(us)).expect("writes");
        }
        let (when, text) = store.last_error(DaemonType::Evaluation).expect("reads").expect("there is one");
        assert_eq!((when, text.as_str()), (at(1), "FAILED: exit-code 1 after 5 restarts"));
        for us in 150..600 {
            store.remember(DaemonType::Evaluation, "RUNNING", "", at(us)).expect("writes");
        }
        let rows: u32 = store.db.query_row("SELECT count(*) FROM history", [], |r| r.get(0)).expect("counts");
        assert!(rows <= MAX_STATE_CHANGES + 1, "{rows}");
    }
}
