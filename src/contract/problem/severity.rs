//! How bad a problem is.
use serde::{Deserialize, Serialize};

/// How bad it is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that the suite is there for does not work.
    Broken,
    /// It works, with less than it should, or not for long.
    Degraded,
    /// Worth knowing; nothing is wrong yet.
    Notice,
}

impl Severity {
    /// As JSON and labels write it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Broken => "broken",
            Severity::Degraded => "degraded",
            Severity::Notice => "notice",
        }
    }
}
