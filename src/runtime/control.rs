//! Pause and resume: the control file that the master writes, read at start and whenever it changes.
use super::inbox::{Inbox, Message};
use super::places::Places;
use crate::contract::master::Control;
use crate::platform::watch::Watch;
use std::io::ErrorKind;
use std::path::Path;

/// What the file says now. No file: not paused. A file that cannot be read pauses: the operator wanted something.
pub fn read(places: &Places) -> Control {
    let path = places.control_directory().join(&places.name);
    let refused = |why: String| Control { paused: true, reason: format!("{}: {why}", path.display()), ..Control::default() };
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|e| refused(e.to_string())),
        Err(e) if e.kind() == ErrorKind::NotFound => Control::default(),
        Err(e) => refused(e.to_string()),
    }
}

/// Starts the thread that says when the file changes. False when it cannot be watched; it is then to be read at every turn.
pub fn watch(places: &Places, inbox: &Inbox) -> bool {
    let watch = match Watch::new(&places.control_directory(), &places.name) {
        Ok(watch) => watch,
        Err(error) => {
            tracing::info!(%error, directory = %places.control_directory().display(), "the control file is read at every turn");
            return false;
        }
    };
    let inbox = inbox.clone();
    let started = std::thread::Builder::new().name("control".into()).stack_size(64 * 1024).spawn(move || {
        while watch.wait().is_ok() {
            if inbox.send(Message::Control).is_err() {
                return;
            }
        }
    });
    started.is_ok()
}

/// Starts the thread that brings the next tick forward whenever a file changes. Without it the daemon looks at its ordinary ticks.
pub fn watch_early(folder: &Path, name: &str, inbox: &Inbox) {
    let watch = match Watch::new(folder, name) {
        Ok(watch) => watch,
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "not watched; the daemon looks at its ordinary ticks only");
            return;
        }
    };
    let inbox = inbox.clone();
    let work = move || {
        while watch.wait().is_ok() {
            if inbox.send(Message::Early).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("early".into()).stack_size(64 * 1024).spawn(work) {
        tracing::warn!(%error, "no thread for early ticks");
    }
}
