//! `ringrift registry health`: whether the registry is valid, in one line (`check_registry_health` of the earlier
//! implementation).
use crate::cli::Done;
use crate::cli::out::{Out, Tone};
use crate::contract::error::Exit;
use crate::contract::registry::{DaemonType, all, built, validate};
use clap::Args;
use serde_json::json;

/// Print in one line whether the registry is valid.
#[derive(Debug, Args)]
pub struct Health {}

impl Health {
    /// Prints it; exits with 65 when it is not.
    pub fn run(self, out: &Out) -> Done {
        let report = validate();
        let original = DaemonType::ALL.iter().filter(|d| d.is_original()).count();
        let deprecated = all().filter(|s| s.is_deprecated()).count();
        let message = match report.errors.len() {
            0 => format!(
                "{original} daemon types ({} active, {deprecated} deprecated) and {} further names; {} built",
                original - deprecated,
                DaemonType::ALL.len() - original,
                built().count()
            ),
            n => format!("{n} errors; `ringrift registry validate` lists them"),
        };
        let value = json!({ "healthy": report.is_valid(), "message": message });
        out.either("health", &value, || {
            let (tone, word) = if report.is_valid() { (Tone::Good, "True") } else { (Tone::Bad, "False") };
            format!("Healthy: {}, {message}\n", out.paint(tone, word))
        })?;
        Ok(if report.is_valid() { Exit::Ok } else { Exit::BadData })
    }
}
