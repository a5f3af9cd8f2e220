//! `ringrift units check`.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, text};
use crate::contract::error::{Exit, Failure};
use crate::units::{self, UnitFile};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where an administrator's drop-ins lie.
pub(crate) const DROP_INS: &str = "/etc/systemd/system";

/// Compare unit files with those of this build, and drop-ins with the configuration.
#[derive(Debug, Args)]
pub struct Check {
    /// Directory of the units
    #[arg(long, value_name = "DIR", default_value = "/usr/lib/systemd/system")]
    dir: PathBuf,
    /// Directory of the drop-ins
    #[arg(long, value_name = "DIR", default_value = DROP_INS)]
    drop_ins: PathBuf,
}

impl Check {
    /// Prints what differs; exits with 1 when anything does.
    pub fn run(self, world: &World, out: &Out) -> Done {
        if !self.dir.is_dir() {
            return Err(Failure::new(Exit::Usage, format!("{} is not a directory", self.dir.display()))
                .hint("give one with --dir"));
        }
        let mut wrong = differences(&self.dir, &units::generate());
        wrong.extend(drop_in_differences(&self.drop_ins, &super::generate::drop_ins(world)?));
        let value: Vec<_> = wrong.iter().map(|(file, what)| json!({ "file": file, "what": what })).collect();
        out.either("differences", &value, || match wrong.len() {
            0 => format!("{}\n", out.paint(Tone::Good, "unit files match this build")),
            n => {
                let rows =
                    wrong.iter().map(|(file, what)| vec![Text::new(Tone::Warn, what), Text::plain(file)]).collect();
                format!("{}{}\n", out.table(&[], rows), text::count(n, "difference"))
            }
        })?;
        Ok(if wrong.is_empty() { Exit::Ok } else { Exit::Failure })
    }
}

/// Units that are missing or differ.
fn differences(dir: &Path, wanted: &[UnitFile]) -> Vec<(String, String)> {
    let state = |f: &UnitFile| match std::fs::read_to_string(dir.join(&f.name)) {
        Ok(text) if text == f.text => None,
        Ok(_) => Some("differs"),
        Err(_) => Some("missing"),
    };
    wanted.iter().filter_map(|f| Some((dir.join(&f.name).display().to_string(), state(f)?.to_owned()))).collect()
}

/// Drop-ins of ours that are missing, differ, or are wanted no more.
pub(crate) fn drop_in_differences(dir: &Path, wanted: &[UnitFile]) -> Vec<(String, String)> {
    let mut wrong = differences(dir, wanted);
    for name in [units::overrides::ALL_SERVICES, units::overrides::COORDINATOR] {
        let path = dir.join(name);
        if path.exists() && !wanted.iter().any(|f| f.name == name) {
            wrong.push((path.display().to_string(), "obsolete".into()));
        }
    }
    wrong
}
