//! `ringrift explain`: what a code, an exit status, a state, an event, a daemon or a key of the configuration means.
use super::Done;
use super::out::{Out, Tone};
use super::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::events::EventType;
use crate::contract::health::State;
use crate::contract::problem::Code;
use crate::contract::registry::{DaemonType, Stage};
use clap::Args;
use serde::Serialize;

/// The shipped configuration, whose comments say what each key means.
const KEYS: &str = include_str!("../../config/unified_loop.yaml");

/// Explain a word of the suite: RR-DISK-FULL, 78, CANNOT_START, MODEL_PROMOTED, AUTO_EXPORT or limits.job_memory_max.
#[derive(Debug, Args)]
pub struct Explain {
    /// A code of a problem, an exit status, a state, an event, a daemon or a key of the configuration
    #[arg(value_name = "WORD")]
    word: String,
}

/// What is said of a word.
#[derive(Debug, PartialEq, Serialize)]
struct Meaning {
    /// code, exit, state, event, daemon or key.
    kind: &'static str,
    name: String,
    /// One line.
    subject: String,
    meaning: String,
    /// What to do, if there is anything.
    action: String,
}

impl Explain {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let Some(mut found) = explain(&self.word) else {
            let near = Code::parse(&self.word).err().map(|e| e.nearest.join(", ")).unwrap_or_default();
            let hint = match near.as_str() {
                "" => {
                    "`man 7 ringrift-problems` lists the codes, `ringrift daemon list` the daemons, `ringrift config \
                        show` the keys"
                        .into()
                }
                near => format!("did you mean {near}? `man 7 ringrift-problems` lists all codes"),
            };
            return Err(Failure::new(Exit::Usage, format!("nothing here is called {:?}", self.word)).hint(hint));
        };
        if found.kind == "key" {
            found.action = in_force(world, &found.name);
        }
        out.either("explain", &found, || {
            let mut page = format!("{} - {}\n", out.paint(Tone::Bold, &found.name), found.subject);
            for text in [&found.meaning, &found.action].into_iter().filter(|text| !text.is_empty()) {
                page += &format!("{}\n", out.wrapped(text, 2).join("\n"));
            }
            page
        })
    }
}

/// The value of a key and where it was set.
fn in_force(world: &World, key: &str) -> String {
    let shown = world.config().map(|loaded| loaded.show()).unwrap_or_default();
    let below = format!("{key}.");
    let said = shown
        .iter()
        .filter(|s| s.key == key || s.key.starts_with(&below))
        .map(|s| format!("{} = {} ({})", s.key, s.value, s.origin));
    said.collect::<Vec<_>>().join("; ")
}

fn explain(word: &str) -> Option<Meaning> {
    of_code(word)
        .or_else(|| of_exit(word))
        .or_else(|| of_state(word))
        .or_else(|| of_daemon(word))
        .or_else(|| of_event(word))
        .or_else(|| of_key(word))
}

fn of_code(word: &str) -> Option<Meaning> {
    let entry = Code::parse(word).ok()?.entry();
    let severity = entry.severity.name();
    Some(Meaning {
        kind: "code",
        name: entry.name.into(),
        subject: format!("{} ({severity})", entry.subject),
        meaning: entry.meaning.into(),
        action: entry.action.into(),
    })
}

fn of_exit(word: &str) -> Option<Meaning> {
    let code: u8 = word.parse().ok()?;
    let (subject, meaning) = Exit::ALL.into_iter().find(|exit| *exit as u8 == code)?.words();
    Some(Meaning {
        kind: "exit",
        name: code.to_string(),
        subject: subject.into(),
        meaning: meaning.into(),
        action: String::new(),
    })
}

fn of_state(word: &str) -> Option<Meaning> {
    let wanted = word.to_uppercase().replace('-', "_");
    let state: State = serde_json::from_value(wanted.clone().into()).ok()?;
    let (subject, meaning) = match state {
        State::Planned => {
            ("entered in the registry, not built", "This version has no program for it; it cannot be started.")
        }
        State::NeverRan => ("never started since boot", "It is not part of the applied profile and nobody started it."),
        State::Blocked => ("waits for something", "It is to run and waits for a dependency, which is named beside it."),
        State::Initializing => {
            ("starting", "Its process was started and is not ready yet, or waits out the delay after a failure.")
        }
        State::Running => ("active", "Its process is ready and works; how well, its health says."),
        State::Paused => ("paused by a person", "It handles no events until `ringrift daemon resume NAME`."),
        State::Stale => (
            "its last report is too old",
            "The process is there and no longer reports: it hangs or cannot write its report.",
        ),
        State::ShuttingDown => ("stopping", "It finishes what it does and ends."),
        State::Stopped => ("ended in order", "It does not run; `ringrift daemon start NAME` starts it."),
        State::CannotStart => {
            ("cannot start", "Its configuration is refused, its unit is masked or its program is missing.")
        }
        State::Failed => {
            ("gave up after its restarts", "The master tries it again by the schedule in master.retry_failed.")
        }
    };
    Some(Meaning {
        kind: "state",
        name: state.to_string(),
        subject: subject.into(),
        meaning: meaning.into(),
        action: String::new(),
    })
}

fn of_daemon(word: &str) -> Option<Meaning> {
    let spec = DaemonType::parse(word).ok()?.spec();
    let meaning = match spec.stage {
        Stage::Planned => "Planned: this version has no program for it.".to_owned(),
        Stage::Alias { of, .. } => format!("Another name of {}.", of.name()),
        Stage::Built => {
            let needs: Vec<&str> = spec.depends_on.iter().map(|d| d.name()).collect();
            let after = if needs.is_empty() { String::new() } else { format!(" Starts after {}.", needs.join(", ")) };
            let critical = if spec.critical { " The loop cannot go on without it." } else { "" };
            format!("Unit {}, category {}.{after}{critical}", spec.daemon.unit(), spec.category.name())
        }
    };
    let action = if spec.is_built() {
        format!("`ringrift daemon status {0}`, `ringrift daemon logs {0}`", spec.name)
    } else {
        String::new()
    };
    Some(Meaning { kind: "daemon", name: spec.name.into(), subject: spec.purpose.into(), meaning, action })
}

fn of_event(word: &str) -> Option<Meaning> {
    let wanted = word.to_uppercase().replace('-', "_");
    let info = EventType::from_name(&wanted).or_else(|| EventType::from_wire(&word.to_lowercase()))?.info();
    let meaning = format!("On the wire {}. Kept for {} days.", info.wire, info.retain_days);
    let action = format!("`ringrift events tail --type {}` shows the last ones.", info.name);
    Some(Meaning { kind: "event", name: info.name.into(), subject: info.purpose.into(), meaning, action })
}

fn of_key(word: &str) -> Option<Meaning> {
    let meaning = comments(KEYS).into_iter().find(|(key, _)| key == word)?.1;
    Some(Meaning {
        kind: "key",
        name: word.into(),
        subject: "a key of the configuration".into(),
        meaning,
        action: String::new(),
    })
}

/// Every key of the shipped file with the comment above it.
fn comments(text: &str) -> Vec<(String, String)> {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut comment: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(line) = line.strip_prefix('#') else {
            comment.clear();
            continue;
        };
        let body = line.trim_start();
        if let Some(said) = body.strip_prefix('#') {
            comment.push(said.trim().to_owned());
            continue;
        }
        let Some((name, _)) =
            body.split_once(':').filter(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        else {
            continue;
        };
        let indent = line.len() - body.len();
        path.retain(|(at, _)| *at < indent);
        path.push((indent, name.to_owned()));
        let key: Vec<&str> = path.iter().map(|(_, name)| name.as_str()).collect();
        found.push((key.join("."), std::mem::take(&mut comment).join(" ")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_word_is_explained() {
        for (word, kind, part) in [
            ("rr-disk-full", "code", "Nothing can be stored"),
            ("78", "exit", "ringrift config check"),
            ("cannot-start", "state", "refused"),
            ("auto_export", "daemon", "ringrift-auto-export.service"),
            ("NEW_GAMES_AVAILABLE", "event", "On the wire"),
            ("limits.job_memory_max", "key", "emory"),
            ("master.interval", "key", "Seconds between two reconciliations"),
            ("daemons.health_server.port", "key", "/health"),
        ] {
            let found = explain(word).unwrap_or_else(|| panic!("{word}"));
            assert!(found.kind == kind && format!("{} {}", found.meaning, found.action).contains(part), "{found:?}");
        }
        assert_eq!(explain("nonsense"), None);
        assert_eq!(explain("250"), None);
    }

    #[test]
    fn every_code_state_and_exit_status_is_explained() {
        for entry in Code::all() {
            assert_eq!(explain(entry.name).map(|m| m.kind), Some("code"));
        }
        for exit in [0, 1, 2, 3, 4, 65, 69, 75, 77, 78] {
            assert_eq!(explain(&exit.to_string()).map(|m| m.kind), Some("exit"));
        }
    }

    #[test]
    fn every_key_of_the_configuration_has_its_comment() {
        let known = comments(KEYS);
        let missing: Vec<&(String, String)> = known
            .iter()
            .filter(|(key, said)| key.contains('.') && said.is_empty() && !key.starts_with("daemons."))
            .collect();
        assert!(known.len() > 100, "{}", known.len());
        assert!(missing.len() < known.len() / 2, "{missing:?}");
    }
}
