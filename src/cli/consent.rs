//! Asks before much is stopped, where a person can answer. A script says what it means: without a terminal nothing is
//! asked.
use super::text;
use crate::contract::error::{Exit, Failure};
use crate::platform::terminal;

/// Daemons of which the names are listed.
const LISTED: usize = 6;

/// Whether to go on with what stops these daemons; more than one is asked for, unless `yes` was said before. They are
/// looked for only where a person can answer.
pub fn to_stop(yes: bool, names: impl FnOnce() -> Result<Vec<String>, Failure>) -> Result<(), Failure> {
    if yes || !terminal::can_ask() {
        return Ok(());
    }
    let names = &*names()?;
    if names.len() < 2 {
        return Ok(());
    }
    // An answer that cannot be read is none.
    match terminal::ask(&question(names)).map(|said| said.to_lowercase()) {
        Ok(said) if matches!(said.as_str(), "y" | "yes") => Ok(()),
        _ => Err(Failure::new(Exit::Failure, "nothing was changed").hint("--yes stops them without a question")),
    }
}

fn question(names: &[String]) -> String {
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let listed: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
    format!("This stops {}: {}{more}. Continue? [y/N] ", text::count(names.len(), "daemon"), listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_a_few_and_counts_the_rest() {
        let names: Vec<String> = (1..=8).map(|n| format!("D{n}")).collect();
        assert_eq!(question(&names[..2]), "This stops 2 daemons: D1, D2. Continue? [y/N] ");
        assert_eq!(question(&names), "This stops 8 daemons: D1, D2, D3, D4, D5, D6 and 2 more. Continue? [y/N] ");
    }

    #[test]
    fn where_nobody_is_asked_nothing_is_looked_for() {
        assert!(to_stop(true, || panic!("it was said already")).is_ok());
    }
}
