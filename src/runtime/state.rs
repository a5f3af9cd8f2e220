//! `$STATE_DIRECTORY/state.json`: the tick's number, the daemon's own state, and outputs that are not sent yet.
use crate::contract::coordinator::NewWork;
use crate::contract::daemon::Unreadable;
use crate::contract::ids::EventId;
use crate::contract::router::NewEvent;
use crate::contract::text;
use crate::platform::replace::{Outlives, replace};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self};
use std::io::{self};
use std::path::{Path, PathBuf};

/// Inputs whose outputs are kept at most; more means that dead letters piled up.
const KEPT: usize = 64;

/// What a handler wants sent, in the form in which it is sent: sending it twice has the effect of once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Published as one batch, after the work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<NewEvent>,
    /// Enqueued one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<NewWork>,
}

impl Outputs {
    /// Nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.work.is_empty()
    }
}

/// Outputs of a handled input that are not settled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Unsettled {
    /// The outputs.
    #[serde(flatten)]
    pub outputs: Outputs,
    /// A hub refused them, and their event went back to the router, which delivers it again or keeps it as a dead
    /// letter. A person may delete that: nothing is sent unless the event comes again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handed_back: bool,
}

impl From<Outputs> for Unsettled {
    fn from(outputs: Outputs) -> Unsettled {
        Unsettled { outputs, handed_back: false }
    }
}

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The next tick's number.
    #[serde(default)]
    pub tick: u64,
    /// What the daemon saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    /// By input id: outputs of handled inputs that are not settled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<String, Unsettled>,
    /// Events whose outputs are sent and whose acknowledgement the router may have missed: the process before this one
    /// was killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled: Vec<String>,
}

/// The file and its content.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// The content as the daemon sees it; `write` brings it to disk.
    pub stored: Stored,
    /// Acknowledged events are still among the pending ones on disk.
    behind: bool,
}

impl StateFile {
    /// Reads it; an absent one is empty. An unreadable one is an error: starting without it could repeat what was done.
    pub fn open(directory: &Path) -> Result<StateFile, String> {
        fs::create_dir_all(directory).map_err(|e| format!("making {}: {e}", directory.display()))?;
        let path = directory.join("state.json");
        let stored = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                format!("reading {}: {e}; restore it, or move it away to start from scratch", path.display())
            })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Stored::default(),
            Err(e) => return Err(format!("reading {}: {e}", path.display())),
        };
        Ok(StateFile { path, stored, behind: false })
    }

    /// Makes room for the outputs of one more input: those of the oldest event are given up, which is in the router's
    /// hands and is handled anew if it comes again. Whose they were; an error when all are of inputs that nobody
    /// delivers again.
    pub fn make_room(&mut self) -> Result<Option<String>, String> {
        if self.stored.pending.len() < KEPT {
            return Ok(None);
        }
        let events = || self.stored.pending.iter().filter(|(id, _)| EventId::new((*id).clone()).is_ok());
        let oldest = events().find(|(_, unsettled)| unsettled.handed_back).or_else(|| events().next());
        let Some(id) = oldest.map(|(id, _)| id.clone()) else {
            return Err(format!("the outputs of {KEPT} inputs wait to be sent; no more are taken on"));
        };
        let outputs = self.stored.pending.remove(&id).unwrap_or_default().outputs;
        let (events, jobs) =
            (text::count(outputs.events.len() as u64, "event"), text::count(outputs.work.len() as u64, "job"));
        Ok(Some(format!("given up: {events} and {jobs} of event {id}, a dead letter")))
    }

    /// Keeps a state that cannot be read beside the file, where a person can look at it, and goes on without it; says
    /// so.
    pub fn set_aside(&mut self, why: &Unreadable) -> Result<String, String> {
        let aside = self.path.with_file_name("state.unreadable.json");
        let failed = |e: io::Error| format!("setting an unreadable state aside at {}: {e}", aside.display());
        let bytes = serde_json::to_vec(&self.stored.state).map_err(|e| failed(e.into()))?;
        replace(&aside, &bytes, 0o600, Outlives::PowerCut).map_err(failed)?;
        self.stored.state = None;
        self.write().map_err(failed)?;
        Ok(format!("what it remembered could not be read ({why}) and lies in {}; it started over", aside.display()))
    }

    /// What is sent at a start, since nobody knows whether the process before did.
    pub fn unsent(&self) -> impl Iterator<Item = (&String, &Outputs)> {
        self.stored
            .pending
            .iter()
            .filter(|(_, unsettled)| !unsettled.handed_back)
            .map(|(id, unsettled)| (id, &unsettled.outputs))
    }

    /// The outputs of an event were refused, and it goes back to the router. They are kept: its handler must not run
    /// twice when it comes again. On disk when this returns, so that no start sends what became of a dead letter.
    pub fn hand_back(&mut self, id: &str) -> io::Result<()> {
        let handed_back = |file: &mut StateFile, now| match file.stored.pending.get_mut(id) {
            Some(unsettled) => std::mem::replace(&mut unsettled.handed_back, now) != now,
            None => false,
        };
        if handed_back(self, true)
            && let Err(error) = self.write()
        {
            handed_back(self, false);
            return Err(error);
        }
        Ok(())
    }

    /// The router has the acknowledgement of an event. The disk hears of it with the next write: a process that is
    /// killed before sends the outputs again, which does no harm. Those of an event that had been handed back no start
    /// sends, so the disk hears of it now.
    pub fn acknowledged(&mut self, id: &str) {
        self.stored.handled.retain(|handled| handled != id);
        let Some(unsettled) = self.stored.pending.remove(id) else { return };
        self.behind = true;
        if unsettled.handed_back
            && let Err(error) = self.write()
        {
            tracing::warn!(%error, "the state file is behind until its next write");
        }
    }

    /// The outputs of an event of the process before are sent. If it was not acknowledged it comes again, and is not
    /// handled again.
    pub fn sent_again(&mut self, id: &str) {
        self.stored.pending.remove(id);
        // While the file cannot be written this is done anew with each try.
        if !self.stored.handled.iter().any(|handled| handled == id) {
            self.stored.handled.push(id.to_owned());
        }
        let surplus = self.stored.handled.len().saturating_sub(KEPT);
        self.stored.handled.drain(..surplus);
    }

    /// At the end of the process, in order: nothing that is acknowledged is left to be sent again.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.behind { self.write() } else { Ok(()) }
    }

    /// Brings it to disk: when this returns, it survives a crash and a power cut.
    pub fn write(&mut self) -> io::Result<()> {
        replace(&self.path, &serde_json::to_vec(&self.stored)?, 0o600, Outlives::PowerCut)?;
        self.behind = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::envelope::event_id;

    #[test]
    fn what_was_written_is_read_back_and_damage_is_no_fresh_start() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        file.stored.tick = 7;
        file.stored.state = Some(serde_json::json!({"seen": 3}));
        file.stored.pending.insert("tick-1".into(), Unsettled::default());
        file.write().expect("writes");
        let again = StateFile::open(dir.path()).expect("opens");
        assert_eq!(again.stored, file.stored);
        fs::write(dir.path().join("state.json"), "{").expect("damages");
        assert!(StateFile::open(dir.path()).expect_err("damaged").contains("move it away"));
    }

    #[test]
    fn outputs_are_given_up_aloud_and_only_those_of_events() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        for n in 0..KEPT {
            file.stored.pending.insert(format!("tick-{n}"), Unsettled::default());
        }
        assert!(file.make_room().expect_err("nobody delivers a tick again").contains("wait to be sent"));
        assert_eq!(file.stored.pending.len(), KEPT);
        let event = event_id(1_000_000, 7).to_string();
        file.stored.pending.remove("tick-0");
        file.stored.pending.insert(event.clone(), Unsettled::default());
        assert!(file.make_room().expect("room").is_some_and(|said| said.contains(&event)));
        assert_eq!(file.make_room(), Ok(None));
    }

    #[test]
    fn what_is_acknowledged_or_sent_again_is_not_pending_after_the_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        let events: Vec<String> = (1..=3).map(|n| event_id(1_000_000, n).to_string()).collect();
        events.iter().for_each(|id| drop(file.stored.pending.insert(id.clone(), Unsettled::default())));
        file.write().expect("writes");
        file.acknowledged(&events[0]);
        file.sent_again(&events[1]);
        file.finish().expect("writes");
        let mut again = StateFile::open(dir.path()).expect("opens");
        assert_eq!(again.stored.pending.keys().collect::<Vec<_>>(), [&events[2]]);
        assert_eq!(again.stored.handled, [events[1].clone()]);
        again.acknowledged(&events[1]);
        assert!(again.stored.handled.is_empty());
        (0..100).for_each(|n| again.sent_again(&format!("e-{n}")));
        assert_eq!((again.stored.handled.len(), again.stored.handled[0].as_str()), (KEPT, "e-36"));
    }

    #[test]
    fn what_went_back_to_the_router_is_kept_and_not_sent_at_a_start() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        let events: Vec<String> = (1..=3).map(|n| event_id(1_000_000, n).to_string()).collect();
        events.iter().for_each(|id| drop(file.stored.pending.insert(id.clone(), Unsettled::default())));
        file.hand_back(&events[1]).expect("writes");
        file.hand_back("an event that left nothing").expect("nothing to write");
        let mut again = StateFile::open(dir.path()).expect("opens");
        assert_eq!(again.stored, file.stored);
        assert_eq!(again.unsent().map(|(id, _)| id).collect::<Vec<_>>(), [&events[0], &events[2]]);
        assert!(again.stored.pending.contains_key(&events[1]), "its handler must not run twice");
        (0..KEPT - 3).for_each(|n| drop(again.stored.pending.insert(format!("tick-{n}"), Unsettled::default())));
        assert!(
            again.make_room().expect("room").is_some_and(|said| said.contains(&events[1])),
            "the oldest that is the router's"
        );
        file.acknowledged(&events[1]);
        assert!(
            !StateFile::open(dir.path()).expect("opens").stored.pending.contains_key(&events[1]),
            "no start would clear it"
        );
    }

    #[test]
    fn while_the_file_cannot_be_written_nothing_goes_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(&dir.path().join("state")).expect("opens");
        file.stored.pending.insert("e".into(), Unsettled::default());
        fs::remove_dir_all(dir.path()).expect("removes");
        file.hand_back("e").expect_err("no directory");
        file.hand_back("e").expect_err("still none: the first try counts for nothing");
        assert_eq!(file.unsent().count(), 1);
    }

    #[test]
    fn an_event_that_is_noted_again_and_again_takes_the_place_of_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        file.sent_again("e-1");
        (0..=KEPT).for_each(|_| file.sent_again("e-2"));
        assert_eq!(file.stored.handled, ["e-1", "e-2"]);
    }

    #[test]
    fn a_state_that_cannot_be_read_is_kept_and_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = StateFile::open(dir.path()).expect("opens");
        (file.stored.tick, file.stored.state) = (7, Some(serde_json::json!({"seen": "three"})));
        let said = file.set_aside(&Unreadable::new("seen is no number")).expect("set aside");
        assert!(said.contains("seen is no number") && said.contains("state.unreadable.json"), "{said}");
        let again = StateFile::open(dir.path()).expect("opens");
        assert_eq!((again.stored.tick, again.stored.state), (7, None));
        let kept = fs::read(dir.path().join("state.unreadable.json")).expect("kept");
        assert_eq!(serde_json::from_slice::<Value>(&kept).expect("JSON"), serde_json::json!({"seen": "three"}));
    }
}
