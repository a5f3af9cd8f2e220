//! The command line `ringrift`: one verb, one file. It owns nothing, opens no database, and looking starts nothing.
mod artefacts;
mod bandwidth;
mod complete;
mod config;
mod control;
mod daemon;
mod database;
mod durations;
mod emergency;
mod events;
mod examples;
mod explain;
mod generate;
mod hub;
mod jobs;
mod journal;
mod limits;
mod look;
mod master;
mod models;
mod optimizer;
mod order;
mod out;
mod pipeline;
mod profile;
mod queue;
mod registry;
mod safeguards;
mod settle;
mod status;
mod surface;
mod targets;
mod tasks;
mod text;
mod trace;
mod units;
mod world;

use crate::contract::error::{Exit, Failure, chain};
use crate::contract::text::Block;
use crate::platform::terminal;
use clap::{Args, FromArgMatches as _, Parser, Subcommand};
use clap_complete::CompleteEnv;
use out::{ColorChoice, Out};
use std::process::ExitCode;
use world::World;

/// What a verb returns: the exit code, or what went wrong.
pub(crate) type Done = Result<Exit, Failure>;

/// Control and watch the ringrift suite.
///
/// Looking starts nothing and needs no rights. Changing something goes through the master over D-Bus and needs membership
/// in group ringrift-admin, or root.
#[derive(Debug, Parser)]
#[command(name = "ringrift", version, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Exit codes: 0 ok, 1 failure, 2 usage, 3 not running, 4 broken, 65 bad data,\n\
                     69 unavailable, 75 try again, 77 not permitted, 78 configuration.";

#[derive(Debug, Args)]
struct Global {
    /// Print JSON with a versioned schema instead of text
    #[arg(long, global = true)]
    json: bool,
    /// When to colour: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN", hide_possible_values = true)]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole suite at a glance, what is wrong first
    Status(status::Status),
    /// What a code, exit status, state, event, daemon or key means
    Explain(explain::Explain),
    /// Profiles: which daemons this node runs
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Daemons: look, start, stop, pause, read logs
    #[command(subcommand)]
    Daemon(daemon::Daemon),
    /// Databases: what was lost, and its confirmation
    #[command(subcommand)]
    Database(database::Database),
    /// The event log: follow, publish, read back, dead letters
    #[command(subcommand)]
    Events(events::Events),
    /// What led to an event, job, model or game
    Trace(trace::Trace),
    /// The registry of daemon types
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Unit files: write, compare, verify
    #[command(subcommand)]
    Units(units::Units),
    /// The configuration: check, show, reload
    #[command(subcommand)]
    Config(config::Config),
    /// The master loop: is it there, is it well
    #[command(subcommand)]
    Master(master::Master),
    /// The training cycle: where each configuration stands
    #[command(subcommand)]
    Pipeline(pipeline::Pipeline),
    /// Jobs: what waits, runs and ended
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Another name of `jobs order`
    #[command(hide = true)]
    Order(order::Order),
    /// Another name of `jobs durations`
    #[command(hide = true)]
    Durations(durations::Durations),
    /// Bandwidth: reservations, limits, measured throughput
    Bandwidth(bandwidth::Bandwidth),
    /// The use of the nodes and what the controllers make of it
    Optimizer(optimizer::Optimizer),
    /// The utilisation targets and where they were set
    Targets(targets::Targets),
    /// Another name of `jobs slots`
    #[command(hide = true)]
    Tasks(tasks::Tasks),
    /// Another name of `jobs queue`
    #[command(hide = true)]
    Queue(queue::Queue),
    /// Another name of `jobs limits`
    #[command(hide = true)]
    Limits(limits::Limits),
    /// Gates and breakers: what they bar and why
    Safeguards(safeguards::Safeguards),
    /// The emergency halt: everything stops at once
    #[command(subcommand)]
    Emergency(emergency::Emergency),
    /// The artefact store: what goes and what stays
    #[command(subcommand)]
    Artefacts(artefacts::Artefacts),
    /// Models: champions and ratings
    #[command(subcommand)]
    Models(models::Models),
    /// Manual pages and completions, for packaging
    #[command(subcommand, hide = true)]
    Generate(generate::Generate),
}

/// The program.
pub fn main() -> ExitCode {
    // The shells' completion asks by a variable; anything else passes.
    CompleteEnv::with_factory(surface::command).complete();
    let cli = Cli::from_arg_matches(&surface::command().get_matches()).unwrap_or_else(|error| error.exit());
    let out = Out::new(cli.global.json, cli.global.color);
    run(cli.command, &World::real(), &out).unwrap_or_else(|failure| report(&failure, &out)).into()
}

fn run(command: Command, world: &World, out: &Out) -> Done {
    match command {
        Command::Status(verb) => verb.run(world, out),
        Command::Explain(verb) => verb.run(world, out),
        Command::Profile(verb) => verb.run(world, out),
        Command::Daemon(verb) => verb.run(world, out),
        Command::Database(verb) => verb.run(world, out),
        Command::Events(verb) => verb.run(world, out),
        Command::Trace(verb) => verb.run(world, out),
        Command::Registry(verb) => verb.run(world, out),
        Command::Units(verb) => verb.run(world, out),
        Command::Config(verb) => verb.run(world, out),
        Command::Master(verb) => verb.run(world, out),
        Command::Pipeline(verb) => verb.run(world, out),
        Command::Jobs(verb) => verb.run(world, out),
        Command::Order(verb) => verb.run(world, out),
        Command::Durations(verb) => verb.run(world, out),
        Command::Bandwidth(verb) => verb.run(world, out),
        Command::Optimizer(verb) => verb.run(world, out),
        Command::Targets(verb) => verb.run(world, out),
        Command::Tasks(verb) => verb.run(world, out),
        Command::Queue(verb) => verb.run(world, out),
        Command::Limits(verb) => verb.run(world, out),
        Command::Safeguards(verb) => verb.run(world, out),
        Command::Emergency(verb) => verb.run(world, out),
        Command::Artefacts(verb) => verb.run(world, out),
        Command::Models(verb) => verb.run(world, out),
        Command::Generate(verb) => verb.run(world, out),
    }
}

/// Says what went wrong and what to do next, on stderr; with `--json` as an object.
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
