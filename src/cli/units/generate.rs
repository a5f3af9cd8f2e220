//! `ringrift units generate`.
use crate::cli::Done;
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::platform::replace::{Outlives, replace};
use crate::units::{self, UnitFile};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Write the unit files, or with --drop-ins only the drop-ins for configured values.
///
/// `ringrift units generate --drop-ins --dest /etc/systemd/system && systemctl daemon-reload` applies
/// runtime.restart_max, runtime.shutdown_timeout and runtime.coordinator_dir.
#[derive(Debug, Args)]
pub struct Generate {
    /// Existing directory to write to
    #[arg(short, long, value_name = "DIR")]
    dest: PathBuf,
    /// Write only drop-ins for configured values, and remove obsolete ones
    #[arg(long)]
    drop_ins: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Written,
    Removed,
    Same,
}

impl Generate {
    /// Writes and says what changed.
    pub fn run(self, world: &World, out: &Out) -> Done {
        if !self.dest.is_dir() {
            return Err(Failure::new(Exit::Usage, format!("{} is not a directory", self.dest.display()))
                .hint("create it first"));
        }
        let (files, gone) = if self.drop_ins {
            let files = drop_ins(world)?;
            let gone = [units::overrides::ALL_SERVICES, units::overrides::COORDINATOR];
            let gone = gone.into_iter().filter(|n| !files.iter().any(|f| f.name == *n)).map(str::to_owned).collect();
            (files, gone)
        } else {
            let files = units::generate();
            let gone = stale(&self.dest, &files)?;
            (files, gone)
        };
        let mut changes = Vec::new();
        for file in &files {
            changes.push((file.name.clone(), write(&self.dest, file)?));
        }
        for name in gone {
            if remove(&self.dest, &name)? {
                changes.push((name, Change::Removed));
            }
        }
        let word = |c: &Change| match c {
            Change::Written => "written",
            Change::Removed => "removed",
            Change::Same => "unchanged",
        };
        let value: Vec<_> =
            changes.iter().map(|(name, change)| json!({ "file": name, "change": word(change) })).collect();
        out.either("files", &value, || {
            let changed: Vec<_> = changes.iter().filter(|(_, c)| *c != Change::Same).collect();
            let rows = changed
                .iter()
                .map(|(name, c)| vec![Text::new(Tone::Busy, word(c)), Text::plain(name)])
                .collect::<Vec<_>>();
            let same = changes.len() - changed.len();
            let table = if rows.is_empty() { String::new() } else { out.table(&[], rows) };
            format!("{table}{} changed, {same} unchanged in {}\n", changed.len(), self.dest.display())
        })
    }
}

/// The drop-ins that the configuration wants.
pub(crate) fn drop_ins(world: &World) -> Result<Vec<UnitFile>, Failure> {
    units::overrides::drop_ins(&world.config()?.config.runtime)
        .map_err(|e| Failure::new(Exit::Config, "writing drop-ins").caused_by(e))
}

/// Generated files of the directory that this build does not want any more.
fn stale(dest: &Path, files: &[UnitFile]) -> Result<Vec<String>, Failure> {
    let ours = |name: &String| name.starts_with("ringrift") && !files.iter().any(|f| f.name == *name);
    let generated = |name: &String| {
        std::fs::read_to_string(dest.join(name))
            .is_ok_and(|text| text.starts_with("# Generated from the registry by `ringrift units"))
    };
    let entries = std::fs::read_dir(dest).map_err(|e| failed("listing", dest, e))?;
    let names = entries.filter_map(Result::ok).map(|e| e.file_name().to_string_lossy().into_owned());
    Ok(names.filter(ours).filter(generated).collect())
}

fn write(dest: &Path, file: &UnitFile) -> Result<Change, Failure> {
    let path = dest.join(&file.name);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == file.text) {
        return Ok(Change::Same);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed("creating", folder, e))?;
    }
    // systemd may read at any moment: it finds the old text or the new one.
    replace(&path, file.text.as_bytes(), 0o644, Outlives::Kill).map_err(|e| failed("replacing", &path, e))?;
    Ok(Change::Written)
}

fn remove(dest: &Path, name: &str) -> Result<bool, Failure> {
    let path = dest.join(name);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(failed("removing", &path, e)),
    }
}

fn failed(doing: &str, path: &Path, error: std::io::Error) -> Failure {
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    let exit = if denied { Exit::NotPermitted } else { Exit::Failure };
    let failure = Failure::new(exit, format!("{doing} {}", path.display())).caused_by(error);
    if denied { failure.hint("use sudo, or another --dest") } else { failure }
}
