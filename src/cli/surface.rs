//! What the command line shows of itself: verbs by what people come for, examples, no pages about help.
use super::command::Cli;
use super::{complete, examples, exits};
use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

/// The verbs in the order in which they are shown, by what people come for.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Look", &["status", "explain", "trace", "safeguards"]),
    ("Loop", &["pipeline", "profile", "models", "artefacts", "emergency"]),
    ("Work", &["jobs", "targets", "optimizer", "bandwidth"]),
    ("Daemons", &["daemon", "registry", "master"]),
    ("Events", &["events"]),
    ("Admin", &["config", "units", "database"]),
];

/// The page of the program itself.
const PAGE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}";

/// The command line, as it is parsed, shown, completed and written into manual pages.
pub fn command() -> Command {
    let command = dress(Cli::command(), "");
    let groups = groups(&command);
    command.disable_help_subcommand(false).before_help(groups).help_template(PAGE)
}

/// Examples on each page, and no verb `help` below other verbs.
fn dress(command: Command, path: &str) -> Command {
    let command = command.disable_help_subcommand(true).mut_args(|arg| completed(arg, path)).mut_subcommands(|verb| {
        let path = format!("{path} {}", verb.get_name()).trim_start().to_owned();
        dress(verb, &path)
    });
    let shown = examples::of(path);
    if shown.is_empty() {
        return command;
    }
    let lines: String = shown.iter().map(|example| format!("\n  {example}")).collect();
    let before = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    let exits = exits::of(path).map(|lines| format!("Exit status:{lines}\n\n")).unwrap_or_default();
    command.after_help(format!("{before}{exits}Examples:{lines}"))
}

/// Values that a shell can complete: what they are called says what they are, and for some the verb.
fn completed(arg: Arg, path: &str) -> Arg {
    let Some([name]) = arg.get_value_names() else { return arg };
    let candidates: fn() -> Vec<CompletionCandidate> = match (name.as_str(), path.split(' ').next().unwrap_or_default())
    {
        ("NAME", "daemon") => complete::daemons,
        ("TYPE", "events") => complete::events,
        ("TYPE" | "TASK_TYPE", "jobs" | "safeguards") => complete::job_types,
        ("PROFILE", _) => complete::profiles,
        ("JOB" | "JOBS", _) => complete::jobs,
        ("KEY" | "CONFIG_KEY", _) => complete::configs,
        _ => return arg,
    };
    arg.add(ArgValueCandidates::new(candidates))
}

fn groups(command: &Command) -> String {
    let mut page = String::new();
    for (name, verbs) in GROUPS {
        page += &format!("{name}:\n");
        for verb in verbs {
            let about =
                command.find_subcommand(verb).and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
            page += &format!("  {verb:<11} {about}\n");
        }
    }
    page
}

/// Every verb that is shown and has no verbs below it, with its path.
#[cfg(test)]
fn leaves(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let path = format!("{path} {}", verb.get_name()).trim_start().to_owned();
        match verb.has_subcommands() {
            true => leaves(verb, &path, found),
            false => found.push((path, verb.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(String, Command)> {
        let mut found = Vec::new();
        leaves(&command(), "", &mut found);
        found
    }

    #[test]
    fn every_verb_is_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        let command = command();
        let mut shown: Vec<&str> =
            command.get_subcommands().filter(|v| !v.is_hide_set()).map(Command::get_name).collect();
        grouped.sort_unstable();
        shown.sort_unstable();
        assert_eq!(grouped, shown);
    }

    #[test]
    fn every_verb_has_two_examples_that_it_understands() {
        let (known, mut wrong) = (all(), Vec::new());
        for (path, _) in &known {
            let shown = examples::of(path);
            if shown.len() < 2 {
                wrong.push(format!("ringrift {path} has {} examples", shown.len()));
            }
            for example in shown {
                let words = examples::words(example);
                if !words.join(" ").starts_with(&format!("ringrift {path}")) {
                    wrong.push(format!("{example:?} is no example of {path}"));
                }
                if let Err(error) = command().try_get_matches_from(&words) {
                    wrong.push(format!("{example}: {error}"));
                }
            }
        }
        let of_nothing = examples::paths().filter(|path| !known.iter().any(|(known, _)| known == path));
        wrong.extend(of_nothing.map(|path| format!("{path} is no verb")));
        let exits = exits::paths().filter(|path| !known.iter().any(|(known, _)| known == path));
        wrong.extend(exits.map(|path| format!("src/cli/exits.rs: {path} is no verb")));
        assert!(wrong.is_empty(), "src/cli/examples.rs: {}", wrong.join("\n"));
    }

    /// What people read, as a whole: a change of any page is seen in review. RINGRIFT_BLESS=1 rewrites it.
    #[test]
    fn every_page_is_as_it_was_at_eighty_columns() {
        let mut whole = command().term_width(80).render_long_help().to_string();
        let mut command = command().term_width(80);
        command.build();
        let mut found = Vec::new();
        leaves(&command, "", &mut found);
        for (path, mut verb) in found {
            whole += &format!("\n==== ringrift {path}\n{}", verb.render_long_help());
        }
        let whole: String = whole.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let wide: Vec<&str> =
            whole.lines().filter(|line| line.chars().count() > 80 && !line.starts_with("  ringrift ")).collect();
        assert!(wide.is_empty(), "wider than 80 columns: {wide:#?}");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help.txt");
        if std::env::var_os("RINGRIFT_BLESS").is_some() {
            std::fs::write(&path, &whole).expect("written");
        }
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let changed =
            whole.lines().zip(before.lines().chain(std::iter::repeat(""))).find(|(now, before)| now != before);
        assert!(before == whole, "{} differs, first at {changed:?}; RINGRIFT_BLESS=1 writes it anew", path.display());
    }

    #[test]
    fn there_are_no_pages_about_help() {
        fn look(command: &Command, path: &str) {
            assert!(command.find_subcommand("help").is_none(), "{path} help");
            command.get_subcommands().for_each(|verb| look(verb, &format!("{path} {}", verb.get_name())));
        }
        let mut command = command();
        command.build();
        command.get_subcommands().filter(|verb| verb.get_name() != "help").for_each(|verb| look(verb, verb.get_name()));
    }
}
