//! The verbs of the command line, and what runs each.
use super::out::{ColorChoice, Done, Out};
use super::world::World;
use super::{
    artefacts, bandwidth, config, daemon, database, durations, emergency, events, explain, generate, jobs, limits,
    master, models, optimizer, order, pipeline, profile, queue, registry, safeguards, status, targets, tasks, trace,
    units,
};
use clap::{Args, Parser, Subcommand};

/// Control and watch the ringrift suite.
///
/// Read-only commands never start a unit and need no privileges. Changes go through the master over D-Bus and need
/// membership in group ringrift-admin, or root.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::problem::Code;
    use crate::coordination::judge::{judge, planted};
    use clap::error::ErrorKind;
    use std::path::Path;

    /// Programs of the system that steps may name, beside our own.
    const SYSTEM: [&str; 8] = ["systemctl", "journalctl", "du", "df", "ls", "timedatectl", "nvidia-smi", "date"];

    fn parse(command: &str) -> Result<(), clap::Error> {
        Cli::try_parse_from(command.split_whitespace()).map(drop)
    }

    /// Of a system's command: an option or a verb, and for systemctl a unit of ours.
    fn is_shaped(command: &str) -> bool {
        let words: Vec<&str> = command.split_whitespace().collect();
        let known = words.first().is_some_and(|program| SYSTEM.contains(program));
        match words.first() {
            Some(&"systemctl") => {
                let verbs = ["start", "restart", "unmask", "status"];
                words.len() == 3
                    && verbs.contains(&words[1])
                    && (words[2].starts_with("ringrift-") || words[2] == "dbus")
            }
            Some(&"journalctl") => {
                words.get(1) == Some(&"-u") && words.get(2).is_some_and(|unit| unit.starts_with("ringrift-"))
            }
            _ => known,
        }
    }

    /// Whatever goes wrong, each step that is shown is a command that exists, with arguments that it takes.
    #[test]
    fn every_step_of_every_code_is_a_command() {
        for (code, plant) in planted::PLANTS {
            let mut facts = planted::well();
            plant(&mut facts);
            for step in judge(&facts).iter().flat_map(|problem| &problem.next) {
                match step.command.starts_with("ringrift ") {
                    true => parse(&step.command).unwrap_or_else(|error| panic!("{code}: {}: {error}", step.command)),
                    false => assert!(is_shaped(&step.command), "{code}: {}", step.command),
                }
            }
        }
        for entry in Code::all() {
            assert_eq!(
                told(entry.meaning).chain(told(entry.action)).filter_map(|c| unknown(&c)).collect::<Vec<_>>(),
                Vec::<String>::new()
            );
        }
    }

    /// Commands of ours that a text names in back quotes.
    fn told(text: &str) -> impl Iterator<Item = String> {
        let quoted = text.split('`').skip(1).step_by(2);
        let ours = quoted.filter_map(|c| c.split(" && ").next()).filter(|c| c.starts_with("ringrift "));
        ours.filter(|c| !c.contains(['{', '|', '…', '"'])).map(str::to_owned)
    }

    /// The error, when there is no such verb or option. Placeholders like NAME stand for values, which are not looked
    /// at here.
    fn unknown(command: &str) -> Option<String> {
        let error = parse(command).err()?;
        let unknown = matches!(error.kind(), ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument);
        unknown.then(|| format!("{command}: {error}"))
    }

    /// Hints, messages and texts anywhere in the source name verbs and options that exist.
    #[test]
    fn commands_named_in_texts_exist() {
        fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    files(&path, found);
                } else if path.extension().is_some_and(|x| x == "rs" || x == "md" || x == "NEWS") {
                    found.push(path);
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut found, mut wrong, mut seen) = (Vec::new(), Vec::new(), 0);
        for folder in ["src", "docs", "packaging"] {
            files(&root.join(folder), &mut found);
        }
        found.extend([root.join("README.md"), root.join("CHANGELOG.md")]);
        for path in found {
            let text = std::fs::read_to_string(&path).expect("text");
            // A string in the source goes on behind a backslash at the end of its line.
            let text = text.split("\\\n").map(str::trim_start).collect::<String>();
            for command in text.lines().flat_map(told) {
                seen += 1;
                wrong.extend(unknown(&command).map(|error| format!("{}: {error}", path.display())));
            }
        }
        assert!(seen > 100, "{seen}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
