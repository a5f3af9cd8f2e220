//! `ringrift registry validate`: checks the registry for contradictions (`validate_registry` and
//! `validate_startup_order` of the earlier implementation).
use crate::cli::out::{Out, Tone};
use crate::cli::{Done, text};
use crate::contract::error::Exit;
use crate::contract::paths;
use crate::contract::registry::{self, built};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Check the registry: cycles, order, profiles, emitter and subscriber of every event. With the package installed, also
/// programs and units.
#[derive(Debug, Args)]
pub struct Validate {
    /// Print only errors
    #[arg(short, long)]
    quiet: bool,
    /// Also check that every program is in this directory
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = paths::LIBEXEC)]
    programs: Option<PathBuf>,
}

impl Validate {
    /// Prints what was found; exits with 65 when there are errors.
    pub fn run(self, out: &Out) -> Done {
        let mut report = registry::validate();
        if let Some(folder) = &self.programs {
            let missing = built().map(|s| folder.join(s.daemon.binary())).filter(|p| !p.is_file());
            report.errors.extend(missing.map(|p| format!("{} is missing; reinstall the package", p.display())));
        }
        let value = json!({ "valid": report.is_valid(), "errors": report.errors, "notes": report.notes });
        out.either("registry", &value, || {
            let mut page = String::new();
            for error in &report.errors {
                page += &format!("{} {error}\n", out.paint(Tone::Bad, "error:"));
            }
            for note in report.notes.iter().filter(|_| !self.quiet) {
                page += &format!("{} {note}\n", out.paint(Tone::Dim, "note:"));
            }
            match report.errors.len() {
                0 => page + &format!("{}\n", out.paint(Tone::Good, "the registry is valid")),
                n => page + &format!("{}\n", out.paint(Tone::Bad, &text::count(n, "error"))),
            }
        })?;
        Ok(if report.is_valid() { Exit::Ok } else { Exit::BadData })
    }
}
