//! The engine's care for what lets others in: the files of the hubs' sockets, and the watch over the emergency flags.
use super::{Engine, Note};
use crate::contract::messages;
use crate::contract::registry::Hub;
use crate::platform::clock::now_us;
use crate::platform::socket_file::is_there;
use crate::platform::systemd::ServiceManager;
use crate::platform::watch::Folders;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// The sockets of the suite and the names of their files in /run/ringrift.
pub(super) const FILES: [(&str, &str); 4] = [
    (Hub::Router.socket_unit(), "router.sock"),
    (Hub::Coordinator.socket_unit(), "coordinator.sock"),
    ("ringrift-job.socket", "job.sock"),
    (Hub::Catalog.socket_unit(), "catalog.sock"),
];
/// The watch over the emergency flags.
pub(super) const EMERGENCY: &str = "ringrift-emergency.path";
/// One of these is mended at most so often, microseconds: a restart of a socket restarts whoever needs it.
const RETRY_US: i64 = 10_000_000;
/// The watch that has failed is started again so often; it wants a kernel resource that others have used up.
const WATCH_US: i64 = 60_000_000;
/// Between two looks where the folder cannot be watched, and between two watches.
const LOOK: Duration = Duration::from_secs(5);

/// Tells the loop whenever something comes into the folder of the sockets or leaves it. Without a watch it looks by itself.
pub fn watch_folder(folder: PathBuf, notes: mpsc::UnboundedSender<Note>) -> std::io::Result<()> {
    let run = move || {
        loop {
            let waited = Folders::new(std::iter::once(folder.as_path())).and_then(|changes| changes.wait(LOOK));
            if waited.is_err() {
                std::thread::park_timeout(LOOK);
            }
            if notes.send(Note::Folder).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("sockets".into()).stack_size(64 * 1024).spawn(run).map(drop)
}

impl<S: ServiceManager + 'static> Engine<S> {
    /// A socket that listens and whose file is gone is restarted.
    pub(super) async fn tend_sockets(&mut self) {
        let now = now_us();
        let gone: Vec<&str> = {
            let world = self.world();
            let listens = |unit: &str| world.units.get(unit).is_some_and(|u| u.active_state == "active");
            FILES.iter().filter(|(unit, file)| listens(unit) && !is_there(&self.settings.run.join(file))).map(|(unit, _)| *unit).collect()
        };
        if gone.is_empty() {
            self.world().problems.remove("sockets");
            return;
        }
        // What systemd said last may be older than the file: a stop removes it.
        let Ok(seen) = self.services.list(&gone).await else { return };
        let still = |unit: &str| seen.iter().any(|u| u.name == unit && u.active_state == "active" && !u.start_queued);
        let gone: Vec<&str> = gone.into_iter().filter(|unit| still(unit)).collect();
        self.dirty.extend(seen.iter().map(|u| u.name.clone()));
        if gone.is_empty() || self.is_suite_stopping().await {
            return;
        }
        self.world().problems.insert("sockets", format!("the file of {} was deleted; it is restarted", gone.join(", ")));
        for unit in gone {
            if self.hub_retried_us.get(unit).is_some_and(|last| now - last < RETRY_US) {
                continue;
            }
            self.hub_retried_us.insert(unit, now);
            tracing::warn!(
                MESSAGE_ID = messages::HUB_RESET,
                UNIT = unit,
                "the file of {unit} was deleted; it is restarted, and with it who needs it"
            );
            if let Err(error) = self.services.restart(unit).await {
                tracing::warn!("{error}");
            }
        }
    }

    /// The watch over the emergency flags: without it the coordinator looks by itself, and everybody is told.
    pub(super) async fn tend_watch(&mut self) {
        let now = now_us();
        let failed = self.world().units.get(EMERGENCY).is_some_and(|u| u.active_state == "failed");
        if !failed {
            return;
        }
        if self.hub_retried_us.get(EMERGENCY).is_some_and(|last| now - last < WATCH_US) || self.is_suite_stopping().await {
            return;
        }
        self.hub_retried_us.insert(EMERGENCY, now);
        tracing::warn!(
            UNIT = EMERGENCY,
            "{EMERGENCY} has failed and is started again; the coordinator looks at the emergency flags by itself"
        );
        self.start_anew(&[EMERGENCY]).await;
    }
}
