//! What is wrong with the configuration: its files, and what the processes made of them.
use super::conditions::folder;
use super::processes::refused_at_start;
use super::view::View;
use crate::contract::config::Taken;
use crate::contract::overview::Process;
use crate::contract::problem::{Code, Kind, Problem, Subject};

/// The configuration on disk.
pub fn config_subject() -> Subject {
    Subject::new(Kind::Config, "configuration")
}

/// The files, what the processes made of them, and only when no account says more that whoever looks may not read them.
pub fn judge(view: &View<'_>) -> Option<Problem> {
    if !view.facts.config.errors.is_empty() {
        return Some(invalid(view));
    }
    let readers = readers(view);
    refused(view, &readers)
        .or_else(|| behind(view, &readers))
        .or_else(|| at_next_start(&readers))
        .or_else(|| view.facts.config.hidden.as_deref().map(hidden))
}

/// What is up, with what it last made of the configuration.
fn readers<'a>(view: &'a View<'_>) -> Vec<(&'a str, &'a Taken)> {
    let reader = |p: &'a Process| Some((p.name.as_str(), view.facts.reports.get(&folder(&p.name))?.config.as_ref()?));
    view.processes.iter().filter(|p| p.is_up()).filter_map(reader).collect()
}

/// Processes refused what is on disk: when they read it again or at their start.
fn refused(view: &View<'_>, readers: &[(&str, &Taken)]) -> Option<Problem> {
    let again = || readers.iter().filter(|(_, taken)| taken.refused);
    let at_start: Vec<&str> =
        view.processes.iter().filter(|p| refused_at_start(view, p)).map(|p| p.name.as_str()).collect();
    let names: Vec<&str> = again().map(|(name, _)| *name).chain(at_start.iter().copied()).collect();
    let first = names.first()?;
    let who = match names.len() - 1 {
        0 => (*first).to_owned(),
        1 => format!("{first} and 1 more process"),
        more => format!("{first} and {more} more processes"),
    };
    let end = match (at_start.is_empty(), names.len()) {
        (false, _) => "",
        (true, 1) => " and keeps the one before",
        (true, _) => " and keep the one before",
    };
    let problem = Problem::new(Code::ConfigRefused, config_subject(), format!("{who} refused the configuration{end}"));
    let why = match &view.facts.config.hidden {
        Some(path) => format!("{path} cannot be read by your user: which error it has only root can see"),
        None => String::new(),
    };
    let then = if at_start.is_empty() { "ringrift config reload" } else { "systemctl start ringrift-master.target" };
    let since = again().map(|(_, taken)| taken.read_us).min();
    Some(problem.since(since).why(why).next("name the errors", "ringrift config check").next("then", then))
}

fn behind(view: &View<'_>, readers: &[(&str, &Taken)]) -> Option<Problem> {
    let changed_us = view.facts.config.changed_us?;
    let behind = readers.iter().filter(|(_, taken)| taken.read_us < changed_us).count();
    (behind > 0).then(|| {
        let title = format!("The configuration was changed and {} not read it yet", have(behind, readers.len()));
        let problem = Problem::new(Code::ConfigNotLoaded, config_subject(), title).since(Some(changed_us));
        problem.next("take it over", "ringrift config reload")
    })
}

fn at_next_start(readers: &[(&str, &Taken)]) -> Option<Problem> {
    let (name, taken) = readers.iter().find(|(_, taken)| !taken.at_next_start.is_empty())?;
    let title = format!("{name} takes {} over when it restarts", taken.at_next_start.join(", "));
    let restart = match *name {
        "master" | "coordinator" => format!("systemctl restart ringrift-{name}"),
        daemon => format!("ringrift daemon restart {daemon}"),
    };
    Some(
        Problem::new(Code::ConfigNotLoaded, config_subject(), title)
            .since(Some(taken.read_us))
            .next("restart it", restart),
    )
}

/// Whoever looks may not read a file of it, and nobody has said anything of it.
fn hidden(path: &str) -> Problem {
    let problem = Problem::new(
        Code::Unknown,
        config_subject(),
        "You may not read the configuration: whether it is valid is unknown",
    );
    problem
        .why(format!("{path} cannot be read by your user; the daemons can read it"))
        .next("as root", "ringrift config check")
}

/// `1 process of 20 has`, `all 20 processes have`.
fn have(count: usize, of: usize) -> String {
    match (count, of) {
        (n, of) if n == of && n > 1 => format!("all {n} processes have"),
        (1, of) => format!("1 of {of} processes has"),
        (n, of) => format!("{n} of {of} processes have"),
    }
}

fn invalid(view: &View<'_>) -> Problem {
    let config = &view.facts.config;
    let count = match config.errors.len() {
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    };
    let place = config.first_file.clone().unwrap_or_else(|| "the configuration".into());
    let title = format!("The configuration on disk is invalid: {place} has {count}");
    let mut why: String = config.errors.iter().take(3).map(|e| format!("{e}. ")).collect();
    if view.running {
        why += "What runs keeps what it read before and would not start again.";
    }
    let problem =
        Problem::new(Code::ConfigInvalid, config_subject(), title).since(config.changed_us).why(why.trim_end());
    let problem = problem.next("every error with its place", "ringrift config check");
    match view.running {
        true => problem.next("then", "ringrift config reload"),
        false => problem.next("then", "systemctl start ringrift-master.target"),
    }
}
