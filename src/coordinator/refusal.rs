//! Why a call was not carried out, and the reply that says so.
use crate::contract::reason::Reason;
use crate::contract::wire::{ErrorParameters, Reply, errors};
use crate::platform::{space, store};
use serde::Serialize;

/// A call that was not carried out; nothing was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The error's name on the wire.
    pub name: &'static str,
    /// What it says.
    pub parameters: ErrorParameters,
}

impl Refusal {
    fn new(name: &'static str, message: impl Into<String>) -> Self {
        Refusal { name, parameters: ErrorParameters { message: message.into(), ..Default::default() } }
    }
    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Refusal::new(errors::NOT_FOUND, message)
    }
    /// The token is an old one.
    pub fn fenced(message: impl Into<String>) -> Self {
        Refusal::new(errors::FENCED, message)
    }
    /// The caller may not.
    pub fn denied(message: impl Into<String>) -> Self {
        Refusal::new(errors::PERMISSION_DENIED, message)
    }
    /// Our fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Refusal::new(errors::INTERNAL, message)
    }
    /// Limits or gates are against it.
    pub fn refused(message: impl Into<String>, reasons: Vec<Reason>) -> Self {
        let mut refusal = Refusal::new(errors::REFUSED, message);
        (refusal.parameters.reasons, refusal.parameters.codes) = Reason::split(reasons);
        refusal
    }
    /// An argument is out of its range.
    pub fn bad(parameter: &str, why: impl Into<String>) -> Self {
        let mut refusal = Refusal::new(errors::INVALID_PARAMETER, why);
        refusal.parameters.parameter = Some(parameter.into());
        refusal
    }
    /// Whether it lies with what was asked, which will be refused again; else with the database or its file system.
    pub fn is_of_the_call(&self) -> bool {
        ![errors::INTERNAL, errors::OUT_OF_SPACE].contains(&self.name)
    }
    /// As the wire carries it.
    pub fn reply(&self) -> Reply {
        Reply::error(self.name, &self.parameters)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.parameters.message)?;
        self.parameters.reasons.iter().try_for_each(|reason| write!(f, "; {reason}"))
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        if space::is_full_sql(&error) {
            return Refusal::new(
                errors::OUT_OF_SPACE,
                "the coordinator's file system is full and nothing was stored; free space and retry",
            );
        }
        // If the database cannot be used any more, the coordinator ends here: nothing is answered, and its next start
        // opens it afresh.
        store::sort("the coordination database", &error);
        Refusal::internal(format!("the coordination database: {error}"))
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Refusal::internal(format!("cannot read or write a row of the coordination database: {error}"))
    }
}

/// A result, or why not, as a reply.
pub fn answer<T: Serialize>(result: Result<T, Refusal>) -> Reply {
    match result {
        Ok(value) => Reply::ok(&value),
        Err(refusal) => refusal.reply(),
    }
}
