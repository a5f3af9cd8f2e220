//! Carries an emergency halt out: flag file, the master's turn of 200 ms, then the coordinator's own hand over D-Bus.
use super::emergency;
use super::refusal::Refusal;
use super::writer::Core;
use crate::contract::coordinator::{Accepted, Because, EmergencyView, Flags};
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::text::{Block, count};
use crate::platform::flags;
use crate::platform::systemd::{ServiceError, SystemdView};
use crate::platform::watch::peek;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the master gets to kill the jobs.
const MASTER: Duration = Duration::from_millis(200);
/// What all of it may take.
const ALL: Duration = Duration::from_secs(1);
/// Between two checks at the units.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// Every job's unit is in it.
const SLICE: &str = "ringrift-jobs.slice";
/// Units of jobs.
const JOBS: &str = "ringrift-job-*@*.service";

/// The way to the database, the units and the flag file.
pub struct Halter {
    core: Core,
    systemd: SystemdView,
    flag: PathBuf,
    boot: String,
    /// Flag files that a watcher has told of.
    told: Mutex<HashSet<String>>,
}

impl Halter {
    /// With the flag file of this system.
    pub fn new(core: Core, systemd: SystemdView, flag: PathBuf) -> Halter {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        Halter { core, systemd, flag, boot, told: Mutex::default() }
    }

    /// At start: a flag that is there halts, and a halt continues. One whose flag is gone continues as well and has it
    /// again: after a reboot /run is empty, and in a container the boot's id does not tell one from a flag that was
    /// removed by hand.
    pub fn begin(&self) -> Result<(), Refusal> {
        let stored = self.core.change(|cx| emergency::halted(cx))?;
        // The connection is there when it is needed. Without a bus there are no units either.
        if let Err(error) = self.systemd.running(SLICE) {
            tracing::info!(%error, "systemd does not answer; an emergency halt would retry");
        }
        match stored {
            Some(_) => {
                let boot = self.boot.clone();
                self.core.change(move |cx| emergency::halt(cx, Because::default(), &boot))?;
                self.carry_out(&mut Vec::new());
                Ok(())
            }
            None if self.flag.exists() => self.halt(self.of_flag(&self.flag)).map(drop),
            None => Ok(()),
        }
    }

    fn of_flag(&self, path: &Path) -> Because {
        // Any local program may have written it.
        let text = Block::new(peek(path, 4096).ok().flatten().unwrap_or_default());
        let first = text.lines().next().unwrap_or_default().trim();
        let reason = if first.is_empty() { "the flag file was created" } else { first };
        Because { reason: reason.chars().take(200).collect(), by: format!("flag file {}", path.display()) }
    }

    /// Halts; returns when the units are gone or a second has passed.
    pub fn halt(&self, because: Because) -> Result<EmergencyView, Refusal> {
        let begin = Instant::now();
        let boot = self.boot.clone();
        self.core.change(move |cx| emergency::halt(cx, because, &boot))?;
        let mut steps = vec![format!("stored after {} ms: no job starts", begin.elapsed().as_millis())];
        self.carry_out(&mut steps);
        steps.push(format!("done after {} ms", begin.elapsed().as_millis()));
        self.core.change(move |cx| {
            cx.state.managers.halt_steps = steps;
            emergency::view(cx)
        })
    }

    /// Flag file, then the units.
    fn carry_out(&self, steps: &mut Vec<String>) {
        let halt = self.core.change(|cx| emergency::halted(cx)).ok().flatten();
        let text = halt.map(|h| format!("{}\nby {}\n", h.reason, h.by)).unwrap_or_default();
        // The kernel lets nobody open another one's file for writing in a sticky directory, and one that is there says
        // enough.
        let written = std::fs::File::create_new(&self.flag).and_then(|mut file| file.write_all(text.as_bytes()));
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                steps.push(format!("cannot write {}: {error}; the halt stays in effect", self.flag.display()));
            }
            _ => {
                let boot = self.boot.clone();
                if let Err(refusal) = self.core.change(move |cx| emergency::flagged(cx, &boot)) {
                    steps.push(format!("recording the flag file: {refusal}"));
                }
            }
        }
        self.stop_units(steps);
    }

    fn stop_units(&self, steps: &mut Vec<String>) {
        let begin = Instant::now();
        match self.wait(begin + MASTER) {
            Err(why) => {
                steps.push(format!("systemd does not list job units: {why}"));
                return;
            }
            Ok(up) if up.is_empty() => {
                steps.push(format!("no job unit running after {} ms", begin.elapsed().as_millis()))
            }
            Ok(names) => {
                steps.push(format!(
                    "{} still running after {} ms; the coordinator kills them itself",
                    count(names.len() as u64, "job unit"),
                    begin.elapsed().as_millis()
                ));
                // One call kills all below the slice; where systemd refuses that, each unit is killed by name.
                if let Err(error) = self.systemd.kill(&[SLICE.to_owned()]) {
                    steps.push(format!("{error}; killing each unit by name"));
                    if let Err(error) = self.systemd.kill(&names) {
                        steps.push(error.to_string());
                    }
                }
            }
        }
        match self.systemd.stop(SLICE) {
            Ok(()) => steps.push(format!("stopping {SLICE}")),
            Err(error) => steps.push(error.to_string()),
        }
        match self.wait(begin + ALL) {
            Ok(up) if up.is_empty() => {}
            Ok(up) => steps.push(format!("{} still running: {}", count(up.len() as u64, "job unit"), up[0])),
            Err(why) => steps.push(why.to_string()),
        }
    }

    /// Job units that run, when none does any more or at the deadline.
    fn wait(&self, deadline: Instant) -> Result<Vec<String>, ServiceError> {
        loop {
            let names = self.systemd.running(JOBS)?;
            if names.is_empty() || Instant::now() >= deadline {
                return Ok(names);
            }
            std::thread::park_timeout(POLL_INTERVAL);
        }
    }

    /// Clears, and removes the flag file: the file first, so that who sees it gone and who sees it there both end in a
    /// clear.
    pub fn clear(&self, by: String) -> Result<Accepted, Refusal> {
        match std::fs::remove_file(&self.flag) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let why =
                    format!("cannot remove {}: {error}; remove it by hand to clear the halt", self.flag.display());
                return Err(Refusal::refused("the halt would start again", vec![Reason::new(ReasonCode::Halted, why)]));
            }
            _ => {}
        }
        self.core.change(move |cx| emergency::clear(cx, &by))
    }

    /// What a watcher of the flag files saw.
    pub fn flags(&self, seen: &Flags) -> Result<EmergencyView, Refusal> {
        self.seen(seen, true)
    }

    /// The same; when it is not all, nothing is concluded from what is missing.
    pub fn seen(&self, seen: &Flags, all: bool) -> Result<EmergencyView, Refusal> {
        let halt = self.core.change(|cx| emergency::halted(cx))?;
        let Some(halt) = halt else {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).extend(seen.flags.iter().map(|f| f.path.clone()));
            // It may have been removed since the watcher looked; what cannot be seen from here counts as the watcher
            // says.
            let is_gone = |path: &str| matches!(flags::text(Path::new(path)), Ok(None));
            return match seen.flags.iter().find(|f| !is_gone(&f.path)) {
                Some(flag) => {
                    let reason = flag
                        .text
                        .lines()
                        .next()
                        .map(str::trim)
                        .filter(|t| !t.is_empty())
                        .unwrap_or("the flag file was created");
                    self.halt(Because {
                        reason: reason.chars().take(200).collect(),
                        by: format!("flag file {}", flag.path),
                    })
                }
                None => Ok(EmergencyView::default()),
            };
        };
        let ours_is_gone = halt.flagged_in.as_deref() == Some(self.boot.as_str()) && !self.flag.exists();
        // Over a reboot /tmp may be empty; only a flag that this process was informed about can go.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(seen.flags.iter().map(|f| f.path.clone()));
        let theirs = halt.by.strip_prefix("flag file ");
        let theirs_is_gone =
            theirs.is_some_and(|path| told.contains(path) && seen.flags.iter().all(|f| f.path != path));
        drop(told);
        if all && (ours_is_gone || theirs_is_gone) {
            self.clear("the user who removed the flag file".into())?;
        }
        self.core.change(|cx| emergency::view(cx))
    }
}
