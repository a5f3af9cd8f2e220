//! `ringrift emergency sync`: run by the path unit's service to report emergency flags to the coordinator while there
//! is one.
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::coordinator::method;
use crate::contract::coordinator::{Flag, Flags};
use crate::contract::error::{Exit, Failure};
use crate::contract::paths;
use crate::contract::registry::Hub;
use crate::platform::flags;
use crate::platform::terminal;
use crate::platform::watch::Folders;
use std::path::PathBuf;
use std::time::Duration;

/// Between two checks: changes in a directory that is closed to us are not told.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Tells what flag files there are, at once and whenever that changes, as long as there is one. The path unit starts
/// the service again when the next flag is made; it acts on a file's being there, so it does not matter when that
/// happens. A flag of somebody who may not halt the suite halts nothing; it keeps the service up all the same, for the
/// path unit knows no owners.
pub fn run(world: &World) -> Done {
    let mut told: Option<Vec<Flag>> = None;
    let mut warned: Vec<(String, String)> = Vec::new();
    loop {
        // Watched before they are looked at, so that no change falls in between.
        let changes = Folders::new(paths(world).iter().filter_map(|path| path.parent())).map_err(failed)?;
        let looked = flags::look(&paths(world));
        // We cannot look, and systemd can: it may have seen one.
        let blind = looked
            .blind
            .into_iter()
            .map(|(path, why)| Flag { path, text: format!("user ringrift cannot read its directory: {why}") });
        let (flags, foreign): (Vec<Flag>, _) = (looked.flags.into_iter().chain(blind).collect(), looked.foreign);
        if foreign != warned {
            foreign.iter().for_each(|(path, owner)| warn(path, owner));
            warned.clone_from(&foreign);
        }
        if !told.as_ref().is_some_and(|before| same(before, &flags)) {
            hub::reach(world, Hub::Coordinator)?.ask(method::Flags, &Flags { flags: flags.clone() })?;
            told = Some(flags);
            continue;
        }
        if flags.is_empty() && foreign.is_empty() {
            return Ok(Exit::Ok);
        }
        changes.wait(POLL_INTERVAL).map_err(failed)?;
    }
}

fn warn(path: &str, owner: &str) {
    terminal::error_line(&format!(
        "ignored: {path} belongs to {owner}, who is not in group ringrift-admin; use `ringrift emergency halt`, and \
            remove the file as root"
    ));
}

fn failed(error: std::io::Error) -> Failure {
    Failure::new(Exit::TempFail, "watching the emergency flags").caused_by(error)
}

fn paths(world: &World) -> [PathBuf; 2] {
    [world.run.join("EMERGENCY_HALT"), PathBuf::from(paths::LEGACY_HALT)]
}

fn same(one: &[Flag], other: &[Flag]) -> bool {
    one.iter().map(|f| &f.path).eq(other.iter().map(|f| &f.path))
}
