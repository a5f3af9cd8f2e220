//! Where each key of the configuration comes from.
use super::error::ConfigError;
use super::marks::{Mark, marks};
use std::collections::BTreeMap;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The built-in default.
    Default,
    /// A file.
    File {
        /// Its path.
        path: String,
        /// Where the key stands.
        mark: Option<Mark>,
    },
    /// A variable, with the file and line that sets it where known.
    Environment {
        /// Its name.
        name: String,
        /// `/etc/ringrift/environment` and the line.
        place: Option<(String, usize)>,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, mark: Some(mark) } => write!(f, "{path}:{}", mark.line),
            Origin::File { path, mark: None } => f.write_str(path),
            Origin::Environment { name, place: Some((path, line)) } => write!(f, "{name} in {path}:{line}"),
            Origin::Environment { name, place: None } => write!(f, "{name} in the environment"),
        }
    }
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// What set a key.
#[derive(Debug, Clone)]
pub enum From {
    /// A file, by its place among the sources.
    Source(usize),
    /// A variable, and the file and line that sets it where known.
    Variable(String, Option<(String, usize)>),
}

/// The files that were laid over each other, and what set each key.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// In their order.
    pub sources: Vec<Source>,
    /// By key.
    pub from: BTreeMap<String, From>,
}

impl Layers {
    /// Where a key's value comes from.
    pub fn origin(&self, key: &str) -> Origin {
        // A list's items have no origin of their own.
        let whole = key.split('[').next().unwrap_or(key);
        match self.from.get(whole) {
            None => Origin::Default,
            Some(From::Variable(name, place)) => Origin::Environment { name: name.clone(), place: place.clone() },
            Some(From::Source(at)) => {
                let source = &self.sources[*at];
                let places = marks(&source.text);
                let mark = places.get(key).or_else(|| places.get(whole)).and_then(|m| m.last()).copied();
                Origin::File { path: source.path.clone(), mark }
            }
        }
    }

    /// What is wrong with a key, at the place that set it.
    pub fn error(&self, key: &str, why: String) -> ConfigError {
        match self.origin(key) {
            Origin::Default => {
                ConfigError { file: "built-in defaults".into(), line: None, column: None, key: key.into(), why }
            }
            Origin::File { path, mark } => ConfigError {
                file: path,
                line: mark.map(|m| m.line),
                column: mark.map(|m| m.column),
                key: key.into(),
                why,
            },
            Origin::Environment { name, place } => {
                let (file, line) = place.map_or(("environment".to_owned(), None), |(path, line)| (path, Some(line)));
                ConfigError { file, line, column: None, key: name, why: format!("{key}: {why}") }
            }
        }
    }
}
