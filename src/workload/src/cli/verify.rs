//! `verify`: checks the rules against recorded games and contract vectors.

use std::path::PathBuf;

use crate::failure::Failure;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Traces (.trace.json) and vectors (.vectors.json), plain or .gz, and folders with such files in or below them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs the verb; a failed case is exit 1.
pub fn run(args: &Args) -> Result<(), Failure> {
    match crate::verify::run(&args.paths, &mut std::io::stdout().lock()) {
        // A reader that has seen enough (`| head`) is no error.
        Err(e) if e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) => {
            Ok(())
        }
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(Failure::Failed("some cases failed; the lines above that start with FAIL say where".to_owned()))
        }
        Err(e) => Err(Failure::bad(format!("{e:#}"))),
    }
}
