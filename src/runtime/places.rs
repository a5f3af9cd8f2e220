//! Names and directories of one daemon process. systemd's variables come first; RINGRIFT_RUN and RINGRIFT_STATE move
//! the roots for tests.
use crate::contract::paths;
use crate::contract::registry::DaemonType;
use std::path::PathBuf;

/// Where one daemon lives.
#[derive(Debug, Clone)]
pub struct Places {
    /// Its type.
    pub daemon: DaemonType,
    /// Its name in the router and in files: `auto-export`, or `auto-sync@ephemeral` for an instance.
    pub name: String,
    /// Sockets, control files: `/run/ringrift`.
    pub run: PathBuf,
    /// Its `$RUNTIME_DIRECTORY`, with `status.json`.
    pub runtime: PathBuf,
    /// Its `$STATE_DIRECTORY`, with `state.json`.
    pub state: PathBuf,
    /// All state: `/var/lib/ringrift`.
    pub all_state: PathBuf,
}

impl Places {
    /// From the environment.
    pub fn of(daemon: DaemonType) -> Places {
        let name = match std::env::var("RINGRIFT_INSTANCE") {
            Ok(instance) if !instance.is_empty() => format!("{}@{instance}", daemon.kebab()),
            _ => daemon.kebab(),
        };
        let run = root("RINGRIFT_RUN", paths::RUN);
        let all_state = root("RINGRIFT_STATE", paths::STATE);
        let runtime = given("RUNTIME_DIRECTORY").unwrap_or_else(|| run.join(&name));
        let state = given("STATE_DIRECTORY").unwrap_or_else(|| all_state.join(&name));
        Places { daemon, name, run, runtime, state, all_state }
    }
    /// Where the master says whether the daemon is paused.
    pub fn control_directory(&self) -> PathBuf {
        self.run.join("control")
    }
}

/// A root directory, moved by a variable.
pub fn root(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).filter(|v| !v.is_empty()).map_or_else(|| PathBuf::from(default), PathBuf::from)
}

/// The first of a colon-separated list of directories that systemd made.
pub fn given(variable: &str) -> Option<PathBuf> {
    let list = std::env::var(variable).ok()?;
    list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
}
