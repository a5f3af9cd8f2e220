//! The events a verb applies to.
use crate::contract::envelope::EXTERNAL;
use crate::contract::error::{Exit, Failure};
use crate::contract::events::{Category, EventType};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::UnknownName;
use crate::contract::router::Interest;
use clap::Args;

/// The events meant; all when nothing is given.
#[derive(Debug, Clone, Args)]
pub struct Filter {
    /// Event types, separated by commas: NEW_GAMES_AVAILABLE, new_games or external.NAME
    #[arg(short, long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Categories, separated by commas: cycle, feedback, work, daemon, host, router
    #[arg(short, long = "category", value_name = "CATEGORY", value_delimiter = ',')]
    categories: Vec<String>,
    /// Only events of this configuration, for example square8_2p
    #[arg(short, long, value_name = "CONFIG_KEY")]
    pub key: Option<ConfigKey>,
}

/// The wire name of a type, however the user wrote it.
pub fn wire_name(text: &str) -> Result<String, Failure> {
    if text.starts_with(EXTERNAL) {
        return Ok(text.to_owned());
    }
    let upper = text.to_uppercase().replace('-', "_");
    EventType::from_name(&upper)
        .or_else(|| EventType::from_wire(&text.to_lowercase()))
        .map(|t| t.info().wire.to_owned())
        .ok_or_else(|| {
            let error = UnknownName::new("event", text, EventType::ALL.iter().map(|t| t.info().name));
            Failure::new(Exit::Usage, error.to_string()).hint("your own programs use external.NAME")
        })
}

impl Filter {
    /// As the router reads it.
    pub fn interest(&self) -> Result<Interest, Failure> {
        let types = self.types.iter().map(|t| wire_name(t)).collect::<Result<Vec<_>, _>>()?;
        let read = |name: &String| {
            let names = ["cycle", "feedback", "work", "daemon", "host", "router"];
            serde_json::from_value::<Category>(name.to_lowercase().into()).map_err(|_| {
                Failure::new(Exit::Usage, UnknownName::new("event category", name, names.into_iter()).to_string())
                    .hint(format!("use one of {}", names.join(", ")))
            })
        };
        Ok(Interest { types, categories: self.categories.iter().map(read).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_all_spellings() {
        for text in ["NEW_GAMES_AVAILABLE", "new_games", "new-games-available"] {
            assert_eq!(wire_name(text).expect("known"), "new_games");
        }
        assert_eq!(wire_name("external.probe").expect("any name"), "external.probe");
        let error = wire_name("new_game").expect_err("unknown");
        assert!(error.message.contains("NEW_GAMES_AVAILABLE"), "{}", error.message);
    }
}
