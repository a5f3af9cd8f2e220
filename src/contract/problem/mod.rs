//! Problems: what is wrong, why, since when, and what to do about it. Every face of the suite shows these values and
//! judges nothing itself.
mod codes;
mod severity;
mod table;

pub use codes::{Code, Entry, UnknownCode};
pub use severity::Severity;
pub use table::{alerts, catalog, page};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest title, columns: it stands on one line of a terminal behind a mark and a blank.
pub const MAX_TITLE: usize = 72;

/// What kind of thing has the problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The machine: its disk, clock, bus.
    Host,
    /// The files of the configuration.
    Config,
    /// The whole loop: halted or paused.
    Suite,
    /// A socket unit.
    Socket,
    /// The master, the coordinator, or another process that is no daemon type.
    Hub,
    /// A daemon type.
    Daemon,
    /// A database or another store.
    Database,
    /// The event log and its readers.
    Events,
    /// A type of jobs.
    JobType,
    /// A configuration that the loop works on.
    ConfigKey,
}

/// What has the problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// Its name, as users write it.
    pub name: String,
}

impl Subject {
    /// A thing of this kind with this name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Subject {
        Subject { kind, name: name.into() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A step that the operator can take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// What it does, a few words.
    pub text: String,
    /// The command, as a shell takes it.
    pub command: String,
}

/// The problem that another one follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Its code.
    pub code: Code,
    /// Its subject.
    pub subject: Subject,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What it is, for ever the same.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Of what.
    pub subject: Subject,
    /// A sentence of at most [`MAX_TITLE`] columns.
    pub title: String,
    /// Why, and what follows from it; as long as it needs to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when, microseconds since 1970, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_us: Option<i64>,
    /// What to do, the best step first.
    #[serde(default)]
    pub next: Vec<Next>,
    /// The problem that it follows from; absent for a cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Cause>,
    /// Names of what waits for this cause.
    #[serde(default)]
    pub consequences: Vec<String>,
}

impl Problem {
    /// A problem with its code's severity. A title that is too long goes on in `why`, cut where a phrase ends.
    pub fn new(code: Code, subject: Subject, title: impl Into<String>) -> Problem {
        let (title, rest) = split(title.into());
        let severity = code.entry().severity;
        Problem {
            code,
            severity,
            subject,
            title,
            why: rest,
            since_us: None,
            next: Vec::new(),
            caused_by: None,
            consequences: Vec::new(),
        }
    }
    /// A problem in its subject's own words: as much of them as fits into the title, the rest in `why`.
    pub fn told(code: Code, subject: Subject, head: &str, said: &str) -> Problem {
        let whole = format!("{head}: {said}");
        let (title, rest) = split(whole.clone());
        let problem = Problem::new(code, subject, title.clone());
        if title.chars().count() > head.chars().count() + 2 {
            return problem.why(rest.unwrap_or_default());
        }
        // Its first phrase is too long for a line: better half of it than none.
        let end = whole.char_indices().nth(MAX_TITLE).map_or(whole.len(), |(at, _)| at);
        let at = whole[..end].rfind(' ').filter(|at| *at > head.len() + 2).unwrap_or(end);
        Problem { title: whole[..at].to_owned(), ..problem }.why(whole[at..].trim())
    }
    /// With the reason, behind what the title had no room for.
    pub fn why(mut self, why: impl Into<String>) -> Problem {
        let why = why.into();
        if !why.is_empty() {
            self.why = Some(match self.why.take() {
                Some(rest) => format!("{rest}. {why}"),
                None => why,
            });
        }
        self
    }
    /// With the time at which it began.
    pub fn since(mut self, since_us: Option<i64>) -> Problem {
        self.since_us = since_us;
        self
    }
    /// With another severity than its code's.
    pub fn severity(mut self, severity: Severity) -> Problem {
        self.severity = severity;
        self
    }
    /// With a further step.
    pub fn next(mut self, text: &str, command: impl Into<String>) -> Problem {
        self.next.push(Next { text: text.into(), command: command.into() });
        self
    }
    /// Whether it stands by itself.
    pub fn is_cause(&self) -> bool {
        self.caused_by.is_none()
    }
}

/// A title and what did not fit, which begins behind a colon, a semicolon or a comma, or else at a blank.
fn split(title: String) -> (String, Option<String>) {
    if title.chars().count() <= MAX_TITLE {
        return (title, None);
    }
    let end = title.char_indices().nth(MAX_TITLE).map_or(title.len(), |(at, _)| at);
    let head = &title[..end];
    let phrase = [": ", "; ", ", ", " ("].iter().filter_map(|mark| head.rfind(mark)).max().filter(|at| *at > 20);
    let at = phrase.or_else(|| head.rfind(' ')).unwrap_or(end);
    let rest = title[at..].trim_start_matches([':', ';', ',', ' ']).trim().to_owned();
    (title[..at].trim_end_matches([':', ';', ',']).to_owned(), Some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_goes_on_in_the_reason_and_loses_nothing() {
        let text = "Training of square8_2p fails: /usr/local/bin/train-it-all exited with 1 in 3 of 3 attempts, \
            printing nothing";
        let problem = Problem::new(Code::JobFailing, Subject::new(Kind::JobType, "training"), text)
            .why("Set in conf.d/90-x.yaml:3");
        assert!(problem.title.chars().count() <= MAX_TITLE, "{problem:?}");
        assert_eq!(problem.title, "Training of square8_2p fails");
        let why = problem.why.expect("the rest");
        assert!(why.starts_with("/usr/local") && why.ends_with("nothing. Set in conf.d/90-x.yaml:3"), "{why}");
    }

    #[test]
    fn what_a_process_says_of_itself_begins_in_the_title() {
        let subject = || Subject::new(Kind::Daemon, "UTILIZATION_OPTIMIZER");
        let told =
            |said: &str| Problem::told(Code::DaemonDegraded, subject(), "UTILIZATION_OPTIMIZER is degraded", said);
        let short = told("IDLE_RESOURCE is not running; self-play jobs: 1 running, 2 queued, target 3: cpu");
        assert_eq!(short.title, "UTILIZATION_OPTIMIZER is degraded: IDLE_RESOURCE is not running");
        assert_eq!(short.why.as_deref(), Some("self-play jobs: 1 running, 2 queued, target 3: cpu"));
        let long = told("asking org.ringrift.Coordinator.Utilization at /run/ringrift/coordinator.sock failed");
        assert_eq!(long.title, "UTILIZATION_OPTIMIZER is degraded: asking");
        assert_eq!(
            long.why.as_deref(),
            Some("org.ringrift.Coordinator.Utilization at /run/ringrift/coordinator.sock failed")
        );
        let word = told(&"x".repeat(100));
        assert!(word.title.chars().count() == MAX_TITLE && word.title.ends_with('x'), "{word:?}");
    }

    #[test]
    fn every_code_has_a_name_a_text_and_an_id_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in Code::all() {
            assert!(entry.name.starts_with("RR-") && seen.insert(entry.name), "{}", entry.name);
            assert!(
                entry.message_id.len() == 32
                    && entry.message_id.bytes().all(|b| b.is_ascii_hexdigit())
                    && seen.insert(entry.message_id)
            );
            assert!(
                entry.subject.chars().count() <= MAX_TITLE && !entry.meaning.is_empty() && !entry.action.is_empty(),
                "{}",
                entry.name
            );
            assert_eq!(Code::parse(entry.name).map(|c| c.entry().name), Ok(entry.name));
            assert_eq!(serde_json::to_value(entry.code).expect("JSON"), serde_json::json!(entry.name));
        }
        let unknown = Code::parse("RR-DISC-FULL").expect_err("no such code").to_string();
        assert!(unknown.contains("RR-DISK-FULL"), "{unknown}");
    }

    #[test]
    fn no_id_is_that_of_another_message() {
        for entry in Code::all() {
            assert!(crate::contract::messages::ALL.iter().all(|m| m.id != entry.message_id), "{}", entry.name);
        }
    }
}
