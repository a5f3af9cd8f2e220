//! A name that nobody knows.
use std::fmt;

/// A name that nobody knows, with the nearest that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// daemon, profile, event …
    pub kind: &'static str,
    /// What was given.
    pub name: String,
    /// The nearest names, best first.
    pub nearest: Vec<String>,
}

impl UnknownName {
    /// Finds the nearest of the known names.
    pub fn new<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let mut scored: Vec<(f64, &str)> =
            known.map(|k| (strsim::jaro_winkler(&name.to_lowercase(), &k.to_lowercase()), k)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = scored.into_iter().take(3).filter(|(score, _)| *score > 0.6).map(|(_, k)| k.to_owned()).collect();
        UnknownName { kind, name: name.into(), nearest }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {:?}", self.kind, self.name)?;
        match self.nearest.as_slice() {
            [] => Ok(()),
            nearest => write!(f, "; did you mean {}?", nearest.join(", ")),
        }
    }
}

impl std::error::Error for UnknownName {}
