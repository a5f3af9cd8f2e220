//! `ringrift emergency sync`: what the path unit's service tells the coordinator.
use super::Answer;
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::coordinator::{Flag, Flags};
use crate::contract::error::Exit;
use crate::contract::paths;
use crate::contract::registry::Hub;
use std::io::Read;
use std::path::PathBuf;

/// Of a flag file's text, bytes.
const ENOUGH: u64 = 4096;

/// Looks at both flag files.
pub fn run(world: &World) -> Done {
    let mut flags = Vec::new();
    for path in [world.run.join("EMERGENCY_HALT"), PathBuf::from(paths::LEGACY_HALT)] {
        if path.symlink_metadata().is_ok() {
            let mut text = Vec::new();
            // One that cannot be read is a flag all the same.
            drop(std::fs::File::open(&path).and_then(|file| file.take(ENOUGH).read_to_end(&mut text)));
            flags.push(Flag { path: path.display().to_string(), text: String::from_utf8_lossy(&text).into_owned() });
        }
    }
    hub::reach(world, Hub::Coordinator)?.call::<Answer>("Flags", &Flags { flags })?;
    Ok(Exit::Ok)
}
