//! The watch over the wall clock of one process: it holds back what deletes by age, says so, and hears of the
//! confirmation.
use super::clock;
use super::notices::Notices;
use crate::contract::age::{AgePermit, ClockWatch, Clocks};
use crate::contract::messages;
use crate::contract::notice::{Notice, Subject};
use crate::contract::time::Wall;
use std::path::Path;

/// systemd-timesyncd makes it once the clock is synchronised.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// Whether a time service says that the wall clock is right.
pub fn is_synchronised() -> bool {
    Path::new(SYNCHRONISED).exists()
}

/// The clocks now.
pub fn clocks() -> Clocks {
    Clocks { wall: clock::now(), boot: clock::boot(), synchronised: is_synchronised() }
}

/// The watch, with its notice.
#[derive(Debug)]
pub struct AgeGuard {
    watch: ClockWatch,
    notices: Notices,
    id: String,
    keeps: &'static str,
    /// The hold was written as a notice, so its absence is a confirmation.
    told: bool,
}

impl AgeGuard {
    /// For the records of a database; `newest` is the time of the newest of them, `keeps` says what is not deleted
    /// during a hold.
    pub fn new(database: &Path, keeps: &'static str, newest: Option<Wall>, now: Clocks) -> AgeGuard {
        let name = database.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let (notices, id) = (Notices::beside(database), Notice::clock_id(&name));
        let before = notices.read().into_iter().find(|n| n.id == id);
        let told = before.is_some();
        let held = before.and_then(|n| if let Subject::Clock { reason } = n.subject { Some(reason) } else { None });
        AgeGuard { watch: ClockWatch::new(newest, held, now), notices, id, keeps, told }
    }

    /// Permission to delete by age now, unless the wall clock cannot be believed.
    pub fn permit(&mut self, now: Clocks) -> Option<AgePermit> {
        if self.told && self.watch.held().is_some() && !self.notices.has(&self.id) {
            tracing::info!("clock confirmed; deleting {} by age again", self.keeps);
            self.watch.release();
            self.told = false;
        }
        self.watch.look(now);
        match (self.watch.held(), self.told) {
            (Some(reason), false) => {
                let reason = reason.to_owned();
                self.tell(reason, now.wall);
            }
            (None, true) => {
                tracing::info!("clock synchronised for an hour; deleting {} by age again", self.keeps);
                match self.notices.remove(&self.id) {
                    // One that is gone already was confirmed in this moment.
                    Ok(_) => self.told = false,
                    Err(error) => {
                        tracing::warn!(%error, notice = self.id, "cannot remove a notice that is no longer true")
                    }
                }
            }
            _ => {}
        }
        self.watch.permit()
    }

    fn tell(&mut self, reason: String, since: Wall) {
        let what = format!("deletion by age suspended ({}): {reason}", self.keeps);
        tracing::warn!(
            MESSAGE_ID = messages::CLOCK_HOLD,
            "{what}; resume it with `ringrift config confirm-clock`, or wait for an hour of synchronised time"
        );
        let notice = Notice {
            id: self.id.clone(),
            subject: Subject::Clock { reason },
            what,
            next: "ringrift config confirm-clock".into(),
            since_us: since.us(),
        };
        self.notices.write(&notice);
        self.told = self.notices.has(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::time::{Boot, Span};

    #[test]
    fn a_hold_is_told_outlives_a_restart_and_ends_with_its_notice() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = dir.path().join("coordinator/coordination.db");
        let now = |us| Clocks { wall: Wall::of_us(us), boot: Boot::of_us(us), synchronised: false };
        let day = Span::DAY.us();
        let mut guard = AgeGuard::new(&database, "ended jobs", Some(Wall::of_us(0)), now(3 * day));
        assert!(guard.permit(now(3 * day)).is_none());
        let mut again = AgeGuard::new(&database, "ended jobs", Some(Wall::of_us(3 * day)), now(3 * day + 1));
        assert!(again.permit(now(3 * day + 2)).is_none(), "a restart releases nothing");
        let notices = Notices::beside(&database);
        assert_eq!(
            notices.read().iter().map(|n| n.next.as_str()).collect::<Vec<_>>(),
            ["ringrift config confirm-clock"]
        );
        notices.remove("clock-coordination").expect("confirmed");
        assert!(again.permit(now(3 * day + 3)).is_some());
        assert!(guard.permit(now(3 * day + 3)).is_some());
        assert!(notices.read().is_empty());
    }

    /// What deletes rows by a time must take the permit.
    #[test]
    fn no_delete_compares_times_without_the_permit() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut wrong, mut seen) = (vec![root.clone()], Vec::new(), 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for (at, _) in code.match_indices("DELETE FROM") {
                    seen += 1;
                    let statement = code[at..].split('"').next().unwrap_or_default();
                    let compares =
                        ["_us <", "_us >", "_at <", "_at >", "time <", "age <"].iter().any(|c| statement.contains(c));
                    let function = code[..at].rfind("fn ").map_or("", |start| &code[start..at]);
                    if compares && !function.contains("AgePermit") {
                        wrong.push(format!("{}: {statement}", path.strip_prefix(&root).unwrap_or(&path).display()));
                    }
                }
            }
        }
        assert!(seen > 10, "the test reads the tree");
        assert!(wrong.is_empty(), "deletes by time without an AgePermit:\n{}", wrong.join("\n"));
    }
}
