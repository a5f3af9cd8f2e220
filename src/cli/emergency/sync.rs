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

/// Tells what flag files there are until that is what there is: while the service runs, systemd does not act on further changes.
pub fn run(world: &World) -> Done {
    let mut told: Option<Vec<Flag>> = None;
    loop {
        let flags = look(world);
        if told.as_ref().is_some_and(|before| same(before, &flags)) {
            return Ok(Exit::Ok);
        }
        hub::reach(world, Hub::Coordinator)?.call::<Answer>("Flags", &Flags { flags: flags.clone() })?;
        told = Some(flags);
    }
}

fn same(one: &[Flag], other: &[Flag]) -> bool {
    one.iter().map(|f| &f.path).eq(other.iter().map(|f| &f.path))
}

/// Both flag files, as far as they are there.
fn look(world: &World) -> Vec<Flag> {
    let mut flags = Vec::new();
    for path in [world.run.join("EMERGENCY_HALT"), PathBuf::from(paths::LEGACY_HALT)] {
        if path.symlink_metadata().is_ok() {
            let mut text = Vec::new();
            // One that cannot be read is a flag all the same.
            drop(std::fs::File::open(&path).and_then(|file| file.take(ENOUGH).read_to_end(&mut text)));
            flags.push(Flag { path: path.display().to_string(), text: String::from_utf8_lossy(&text).into_owned() });
        }
    }
    flags
}
