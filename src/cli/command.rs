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
/// Read-only commands never start a unit and need no privileges. Changes go through the master over D-Bus and need membership
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
    /// Use colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN", hide_possible_values = true)]
    pub(crate) color: ColorChoice,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Overview of the suite, problems first
    Status(status::Status),
    /// What a code, exit status, state, event, daemon or key means
    Explain(explain::Explain),
    /// Profiles: which daemons this node runs
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Daemons: list, start, stop, pause, read logs
    #[command(subcommand)]
    Daemon(daemon::Daemon),
    /// Databases: lost data and its confirmation
    #[command(subcommand)]
    Database(database::Database),
    /// Event log: follow, publish, replay, dead letters
    #[command(subcommand)]
    Events(events::Events),
    /// Show what led to an event, job, model or game
    Trace(trace::Trace),
    /// Registry of daemon types
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Unit files: write, compare, verify
    #[command(subcommand)]
    Units(units::Units),
    /// Configuration: check, show, reload
    #[command(subcommand)]
    Config(config::Config),
    /// Master: is it running and healthy
    #[command(subcommand)]
    Master(master::Master),
    /// Training cycle: stage of each configuration
    #[command(subcommand)]
    Pipeline(pipeline::Pipeline),
    /// Jobs: queued, running and finished
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Alias of `jobs order`
    #[command(hide = true)]
    Order(order::Order),
    /// Alias of `jobs durations`
    #[command(hide = true)]
    Durations(durations::Durations),
    /// Bandwidth: reservations, limits, measured throughput
    Bandwidth(bandwidth::Bandwidth),
    /// Utilisation of the nodes and the controllers' decisions
    Optimizer(optimizer::Optimizer),
    /// Utilisation targets and where they are set
    Targets(targets::Targets),
    /// Alias of `jobs slots`
    #[command(hide = true)]
    Tasks(tasks::Tasks),
    /// Alias of `jobs queue`
    #[command(hide = true)]
    Queue(queue::Queue),
    /// Alias of `jobs limits`
    #[command(hide = true)]
    Limits(limits::Limits),
    /// Resource limits and circuit breakers, and what they block
    Safeguards(safeguards::Safeguards),
    /// Emergency halt: stop all jobs at once
    #[command(subcommand)]
    Emergency(emergency::Emergency),
    /// Artefact store: clean up, rebuild the catalog
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
