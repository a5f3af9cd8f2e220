//! Pause and resume: the control file that the master writes, read at start and whenever it changes.
use super::places::Places;
use crate::contract::master::Control;
use crate::platform::watch::Watch;
use std::io::ErrorKind;
use std::path::Path;

/// What the file says now. No file: not paused. A file that cannot be read pauses: the operator wanted something.
pub fn read(places: &Places) -> Control {
    let path = places.control_directory().join(&places.name);
    let refused =
        |why: String| Control { paused: true, reason: format!("{}: {why}", path.display()), ..Control::default() };
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|e| refused(e.to_string())),
        Err(e) if e.kind() == ErrorKind::NotFound => Control::default(),
        Err(e) => refused(e.to_string()),
    }
}

/// Watches the file. None when it cannot be watched; it is then to be read at every look.
pub fn watch(places: &Places) -> Option<Watch> {
    let watched = Watch::new(&places.control_directory(), &places.name);
    let told = |error: &std::io::Error| {
        tracing::info!(%error, directory = %places.control_directory().display(), "the control file is read at every \
            look");
    };
    watched.inspect_err(told).ok()
}

/// Watches a file whose changes bring the next tick forward. Without it the daemon looks at its ordinary ticks.
pub fn watch_early(folder: &Path, name: &str) -> Option<Watch> {
    let told = |error: &std::io::Error| {
        tracing::warn!(%error, folder = %folder.display(), "cannot watch the directory; the daemon checks it at its \
            ticks only");
    };
    Watch::new(folder, name).inspect_err(told).ok()
}

/// The text, or what stands for an empty one.
pub fn nonempty<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
