//! `ringrift config check`.
use super::commands;
use crate::cli::out::{Out, Tone};
use crate::cli::units::{DROP_INS, drop_in_differences};
use crate::cli::world::World;
use crate::cli::{Done, text};
use crate::contract::error::{Exit, Failure};
use crate::platform::config;
use crate::units::overrides;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Check the configuration: every file, drop-in and variable. Exits with 78 if anything is invalid.
///
/// Drop-ins are the regular files conf.d/*.yaml of at most 1 MiB. Hidden files (.name.yaml) and other names are
/// ignored. A FIFO, socket, device, directory or dangling link with such a name is an error, and so is a file that the
/// users ringrift or ringrift-master cannot read. Control characters in strings, .nan, .inf, tags and merge keys (<<)
/// are errors.
#[derive(Debug, Args)]
pub struct Check {
    /// Check the files in this directory instead of /etc/ringrift
    #[arg(long, value_name = "DIR")]
    etc: Option<PathBuf>,
}

impl Check {
    /// Prints every error with its place.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut dirs = world.dirs.clone();
        // Files elsewhere are drafts, which nobody but their author need read.
        let installed = self.etc.is_none();
        if let Some(etc) = self.etc {
            dirs.environment_file = Some(etc.join("environment"));
            dirs.etc = etc;
        }
        let files = dirs.files().map_err(|e| Failure::new(Exit::Config, "reading the configuration").caused_by(e))?;
        let loaded = config::load(&dirs);
        let mut warnings = Vec::new();
        if let Ok(loaded) = &loaded {
            warnings.extend(loaded.warnings.clone());
            warnings.extend(commands::warnings(&loaded.config.workload));
            // What cannot stand in a unit file is an error of the configuration itself.
            let wanted = overrides::drop_ins(&loaded.config.runtime).unwrap_or_default();
            for (file, what) in drop_in_differences(Path::new(DROP_INS), &wanted) {
                warnings.push(format!(
                    "{file} {what}: run `ringrift units generate --drop-ins --dest /etc/systemd/system && systemctl \
                        daemon-reload`"
                ));
            }
        }
        let mut errors = loaded.as_ref().err().map(|e| e.0.clone()).unwrap_or_default();
        if installed {
            let unreadable = dirs.unreadable(&config::Reader::all());
            errors
                .extend(unreadable.map_err(|e| Failure::new(Exit::Config, "reading the configuration").caused_by(e))?);
        }
        let value = json!({ "valid": errors.is_empty(), "files": files, "errors": errors, "warnings": warnings });
        out.either("config", &value, || {
            let mut page = String::new();
            for error in &errors {
                page += &format!("{} {error}\n", out.paint(Tone::Bad, "error:"));
            }
            for warning in &warnings {
                page += &format!("{} {warning}\n", out.paint(Tone::Warn, "warning:"));
            }
            let read = match files.len() {
                0 => "no file; the built-in defaults apply".to_owned(),
                n => format!("{} read", text::count(n, "file")),
            };
            match errors.len() {
                0 => page + &format!("{} ({read})\n", out.paint(Tone::Good, "the configuration is valid")),
                n => {
                    page + &format!(
                        "{}; running processes keep their configuration\n",
                        out.paint(Tone::Bad, &text::count(n, "error"))
                    )
                }
            }
        })?;
        Ok(if errors.is_empty() { Exit::Ok } else { Exit::Config })
    }
}
