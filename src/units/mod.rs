//! The generator: pure functions from the registry to unit files. Nothing here reads or writes anything.
mod daemons;
mod emergency;
mod failure;
mod harden;
mod hubs;
mod jobs;
mod names;
pub mod overrides;
pub mod quoted;
mod slices;
mod sockets;
mod starts;
mod targets;
mod text;

/// One file of the folder `units/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// Its name, as in `ringrift-auto-export.service`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// All unit files of the suite, by name.
pub fn generate() -> Vec<UnitFile> {
    let mut files: Vec<(String, String)> = Vec::new();
    files.extend(daemons::files());
    files.extend(hubs::files());
    files.extend(sockets::files());
    files.extend(targets::files());
    files.extend(slices::files());
    files.extend(jobs::files());
    files.push(failure::file());
    files.extend(starts::files());
    files.extend(emergency::files());
    files.sort();
    files.into_iter().map(|(name, text)| UnitFile { name, text }).collect()
}
