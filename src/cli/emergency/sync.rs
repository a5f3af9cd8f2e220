//! `ringrift emergency sync`: the path unit's service, which tells the coordinator of the emergency flags while there is one.
use super::Answer;
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::coordinator::{Flag, Flags};
use crate::contract::error::{Exit, Failure};
use crate::contract::paths;
use crate::contract::registry::Hub;
use crate::platform::flags;
use crate::platform::watch::Folders;
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks: changes in a folder that is closed to us are not told.
const AT_LEAST: Duration = Duration::from_secs(5);

/// Tells what flag files there are, at once and whenever that changes, as long as there is one. The path unit starts the service
/// again when the next flag is made; it acts on a file's being there, so it does not matter when that happens.
pub fn run(world: &World) -> Done {
    let mut told: Option<Vec<Flag>> = None;
    loop {
        // Watched before they are looked at, so that no change falls in between.
        let changes = Folders::new(paths(world).iter().filter_map(|path| path.parent())).map_err(failed)?;
        let flags = look(world);
        if !told.as_ref().is_some_and(|before| same(before, &flags)) {
            hub::reach(world, Hub::Coordinator)?.call::<Answer>("Flags", &Flags { flags: flags.clone() })?;
            told = Some(flags);
            continue;
        }
        if flags.is_empty() {
            return Ok(Exit::Ok);
        }
        changes.wait(AT_LEAST).map_err(failed)?;
    }
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

/// Both flag files, as far as they are there.
fn look(world: &World) -> Vec<Flag> {
    let looked = flags::look(&paths(world));
    // We cannot look, and systemd can: it may have seen one.
    let closed = looked.blind.into_iter().map(|(path, why)| Flag { path, text: format!("its folder is closed to user ringrift: {why}") });
    looked.flags.into_iter().chain(closed).collect()
}
