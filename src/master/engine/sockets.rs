//! The engine's care for what lets others in: what lies in /run/ringrift, and the watch over the emergency flags.
use super::known::EMERGENCY;
use super::{Engine, Note};
use crate::contract::age::has_passed;
use crate::contract::messages;
use crate::contract::sockets::{SOCKETS, Socket};
use crate::contract::time::{Span, Wall};
use crate::platform::clock;
use crate::platform::socket_file::look;
use crate::platform::systemd::ServiceManager;
use crate::platform::threads;
use crate::platform::watch::Folders;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// One of these is mended at most so often: a restart of a socket restarts whoever needs it.
const SOCKET_RESTART_INTERVAL: Span = Span::of_secs(10);
/// The watch that has failed is started again so often; it wants a kernel resource that others have used up.
const WATCH_RESTART_INTERVAL: Span = Span::of_secs(60);
/// A socket that is down while its service runs is left alone for so long: both may be on their way down.
const DOUBT: Span = Span::of_secs(3);
/// Between two looks where the folder cannot be watched, and between two watches.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Tells the loop whenever something comes into the directory of the sockets or leaves it. Without a watch it looks by
/// itself.
pub fn watch_folder(folder: PathBuf, notes: mpsc::UnboundedSender<Note>) -> std::io::Result<()> {
    let run = move || {
        loop {
            let waited =
                Folders::new(std::iter::once(folder.as_path())).and_then(|changes| changes.wait(POLL_INTERVAL));
            if waited.is_err() {
                std::thread::park_timeout(POLL_INTERVAL);
            }
            if notes.send(Note::Folder).is_err() {
                return;
            }
        }
    };
    threads::small_part("sockets", run).map(drop)
}

/// What is restarted to have a socket made anew.
#[derive(Debug, Clone, Copy)]
enum Restart {
    /// The socket, and by it the service.
    Socket,
    /// The service: systemd starts no socket whose service runs, but does so between the service's end and its new
    /// start.
    Service,
}

impl<S: ServiceManager + 'static> Engine<S> {
    /// Mends what lies in the folder of the sockets and is not as declared.
    pub(super) async fn tend_sockets(&mut self) {
        let now = clock::now();
        let found: Vec<&Socket> = SOCKETS.iter().filter(|s| self.trouble_of(s, now).is_some()).collect();
        if found.is_empty() {
            self.world().problems.remove("sockets");
            return;
        }
        // What systemd said last may be older than the file: a stop removes it.
        let names: Vec<&str> = found.iter().flat_map(|s| [s.unit, s.service]).collect();
        let Ok(seen) = self.services.list(&names).await else { return };
        for view in seen {
            self.dirty.insert(view.name.clone());
            self.world().units.insert(view.name.clone(), view);
        }
        let still: Vec<_> = found.into_iter().filter_map(|s| Some((s, self.trouble_of(s, now)?))).collect();
        if still.is_empty() || self.is_suite_stopping().await {
            return;
        }
        let all: Vec<&str> = still.iter().map(|(_, (_, why))| why.as_str()).collect();
        self.world().problems.insert("sockets", format!("{}; restarting it", all.join("; ")));
        for (socket, (by, why)) in still {
            if self.hub_retried.get(socket.unit).is_some_and(|last| !has_passed(*last, SOCKET_RESTART_INTERVAL, now)) {
                continue;
            }
            self.hub_retried.insert(socket.unit, now);
            tracing::warn!(
                MESSAGE_ID = messages::HUB_RESET,
                UNIT = socket.unit,
                "{why}; restarting it and what requires it"
            );
            self.mend(socket, by).await;
        }
    }

    /// The one judge of a socket: what is wrong with it, if something is.
    fn trouble_of(&mut self, socket: &Socket, now: Wall) -> Option<(Restart, String)> {
        let (state, since, mode) = {
            let world = self.world();
            let unit = world.units.get(socket.unit)?;
            let service_up = world.units.get(socket.service).is_some_and(|u| u.is_active());
            let down = matches!(unit.active_state.as_str(), "inactive" | "failed") && !unit.start_queued && service_up;
            if down && unit.since_us.is_none_or(|since| has_passed(Wall::of_us(since), DOUBT, now)) {
                return Some((Restart::Service, format!("{} is down while {} runs", socket.unit, socket.service)));
            }
            // A restart that waits until its dependents have stopped: the file is not there yet, and another restart
            // would begin again.
            if unit.start_queued {
                return None;
            }
            // A drop-in may give it another one than declared.
            (unit.active_state.clone(), unit.since_us.map(Wall::of_us), unit.socket_mode.unwrap_or(socket.mode))
        };
        if state != "active" {
            return None;
        }
        let before = self.sockets.ids.get(socket.unit).filter(|(at, _)| *at == since).map(|(_, id)| *id);
        let path = self.settings.run.join(socket.file());
        match look(&path, mode, before) {
            Ok(id) => {
                self.sockets.ids.insert(socket.unit, (since, id));
                None
            }
            Err(trouble) => Some((Restart::Socket, format!("the file of {} {trouble}", socket.unit))),
        }
    }

    /// Has systemd make a socket anew. A restart goes on to whoever requires the unit, a stop would leave them down.
    async fn mend(&mut self, socket: &Socket, by: Restart) {
        let unit = match by {
            Restart::Socket => socket.unit,
            Restart::Service => socket.service,
        };
        self.dirty.extend([socket.unit.to_owned(), socket.service.to_owned()]);
        // One that has not failed has nothing to forget.
        drop(self.services.reset_failed(socket.unit).await);
        if let Err(error) = self.services.restart(unit).await {
            tracing::warn!("{error}");
        }
    }

    /// The path unit for the emergency flags: without it the coordinator checks them itself; its failure is reported.
    pub(super) async fn tend_watch(&mut self) {
        let now = clock::now();
        let failed = self.world().units.get(EMERGENCY).is_some_and(|u| u.active_state == "failed");
        if !failed {
            return;
        }
        if self.hub_retried.get(EMERGENCY).is_some_and(|last| !has_passed(*last, WATCH_RESTART_INTERVAL, now))
            || self.is_suite_stopping().await
        {
            return;
        }
        self.hub_retried.insert(EMERGENCY, now);
        tracing::warn!(
            UNIT = EMERGENCY,
            "{EMERGENCY} failed; restarting it. The coordinator checks the emergency flags meanwhile"
        );
        self.start_anew(&[EMERGENCY]).await;
    }
}
