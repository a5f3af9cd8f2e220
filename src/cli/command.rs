//! The verbs of the command line, and what runs each.
use super::out::{ColorChoice, Done, Out};
use super::world::World;
use super::{
    artefacts, bandwidth, config, daemon, database, durations, emergency, events, explain, generate, jobs, limits, master, models,
    optimizer, order, pipeline, profile, queue, registry, safeguards, status, targets, tasks, trace, units,
};
use clap::{Args, Parser, Subcommand};

/// Control and watch the ringrift suite.
///
/// Looking starts nothing and needs no rights. Changing something goes through the master over D-Bus and needs membership
/// in group ringrift-admin, or root.
#[derive(Debug, Parser)]
#[command(name = "ringrift", version, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "Exit codes: 0 ok, 1 failure, 2 usage, 3 not running, 4 broken, 65 bad data,\n\
                     69 unavailable, 75 try again, 77 not permitted, 78 configuration.";

/// Options of every verb.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print JSON with a versioned schema instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to colour: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN", hide_possible_values = true)]
    pub(crate) color: ColorChoice,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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

/// Runs a verb; `surface` is the whole command line, for the one that describes it.
pub(crate) fn run(command: Command, world: &World, out: &Out, surface: fn() -> clap::Command) -> Done {
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
        Command::Generate(verb) => verb.run(surface(), out),
    }
}
