//! The program: reads the command line, runs the verb, and says what went wrong.
use super::command::{Cli, run};
use super::out::{self, Out};
use super::surface;
use super::world::World;
use crate::contract::error::{Exit, Failure, chain};
use crate::contract::text::Block;
use crate::platform::terminal;
use clap::FromArgMatches as _;
use clap_complete::CompleteEnv;
use std::process::ExitCode;

/// The program.
pub fn main() -> ExitCode {
    // The shells' completion asks by a variable; anything else passes.
    CompleteEnv::with_factory(surface::command).complete();
    let cli = Cli::from_arg_matches(&surface::command().get_matches()).unwrap_or_else(|error| error.exit());
    let out = Out::new(cli.global.json, cli.global.color);
    run(cli.command, &World::real(), &out, surface::command).unwrap_or_else(|failure| report(&failure, &out)).into()
}

/// Prints the error and the next step on stderr; with `--json` as an object.
fn report(failure: &Failure, out: &Out) -> Exit {
    let message = chain(failure);
    if out.json {
        let error = serde_json::json!({ "schema": out::SCHEMA, "error": message, "hint": failure.hint, "exit": failure.exit as u8 });
        terminal::error_line(&error.to_string());
    } else {
        // Errors of the configuration have a line each.
        terminal::error_line(&format!("{} {}", out.paint_err(out::Tone::Bad, "ringrift:"), Block::new(message)));
        if let Some(hint) = &failure.hint {
            terminal::error_line(&format!("  {} {}", out.paint_err(out::Tone::Dim, "→"), Block::new(hint)));
        }
    }
    failure.exit
}
