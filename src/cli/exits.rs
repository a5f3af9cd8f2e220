//! What exit statuses mean for verbs whose statuses say more than "it worked" and "it did not". Shown on their pages.

use crate::contract::error::STATUS_EXITS;

/// Whose statuses the manual page of the problems names, too.
const STATUS: &str = "status";

/// By verb.
const EXITS: &[(&str, &[(u8, &str)])] = &[
    ("daemon status", &[(0, "all of them run"), (3, "one of them does not run")]),
    ("daemon start", &[(0, "all of them started"), (1, "one of them did not")]),
    ("daemon restart", &[(0, "all of them started again"), (1, "one of them did not")]),
    ("daemon stop", &[(0, "all of them stopped"), (1, "one of them did not")]),
    ("profile apply", &[(0, "all members run"), (1, "one of them does not")]),
    ("profile undo", &[(0, "all that ran before runs"), (1, "one of them does not")]),
    ("master status", &[(0, "it is healthy"), (1, "it is not"), (3, "it does not run")]),
    ("master is-running", &[(0, "it runs"), (3, "it does not run")]),
    ("emergency status", &[(0, "no halt"), (3, "an emergency halt is on")]),
    ("config check", &[(0, "valid"), (78, "a file, drop-in or variable is invalid or cannot be read by the daemons")]),
    ("config reload", &[(0, "every process took it over"), (1, "one rejected it or did not answer"), (78, "invalid")]),
    ("units check", &[(0, "they match"), (1, "they differ")]),
    ("units verify", &[(0, "systemd accepts them"), (1, "it does not")]),
    ("registry validate", &[(0, "consistent"), (65, "not consistent")]),
];

/// Lines for the verb's page; nothing for the others.
pub fn of(path: &str) -> Option<String> {
    let line = |code: u8, meaning: &str| format!("\n  {code:<3} {meaning}");
    if path == STATUS {
        return Some(STATUS_EXITS.iter().map(|(exit, meaning)| line(*exit as u8, meaning)).collect());
    }
    let (_, exits) = EXITS.iter().find(|(verb, _)| *verb == path)?;
    Some(exits.iter().map(|(code, meaning)| line(*code, meaning)).collect())
}

/// Every verb that has some.
#[cfg(test)]
pub fn paths() -> impl Iterator<Item = &'static str> {
    EXITS.iter().map(|(verb, _)| *verb).chain([STATUS])
}
