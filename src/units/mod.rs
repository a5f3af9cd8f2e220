//! The generator: pure functions from the registry to unit files. Nothing here reads or writes anything.
mod daemons;
mod emergency;
mod failure;
mod harden;
mod hubs;
mod jobs;
pub mod overrides;
pub mod quoted;
mod slices;
mod sockets;
mod starts;
mod targets;
mod text;

/// The manual page that describes the daemons.
pub(crate) const MANUAL: &str = "man:ringrift-daemons(8)";
/// The target that starts and stops the suite.
pub(crate) const SUITE: &str = "ringrift-master.target";
/// The master's unit.
pub(crate) const MASTER: &str = "ringrift-master.service";
/// The unit that says that another one failed for good.
pub(crate) const ON_FAILURE: &str = "ringrift-failure@%n.service";
/// The environment that every unit reads, if it is there.
pub(crate) const ENVIRONMENT: &str = "-/etc/ringrift/environment";

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
