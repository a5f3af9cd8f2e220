//! What can go wrong in the store, by what must follow from it.
use crate::contract::wire::errors;
use crate::platform::space;
use crate::platform::store::{self, Class};
use crate::router::refusal::Refusal;

/// The store could not do something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// No room: nothing was stored; the next try may succeed.
    #[error("no space left for the event log")]
    Full,
    /// The database can no longer be trusted, or its writes cannot: the process must end, and begin again from what the
    /// disk has.
    #[error("{operation} the event log: {why}")]
    Fatal {
        /// What was tried.
        operation: &'static str,
        /// What SQLite said.
        why: String,
    },
    /// Anything else: this operation failed, others may succeed.
    #[error("{operation} the event log: {why}")]
    Other {
        /// What was tried.
        operation: &'static str,
        /// What SQLite said.
        why: String,
    },
}

impl Fault {
    /// Sorts an error of SQLite; the router does not outlive one after which the event log cannot be used.
    pub fn new(operation: &'static str, error: &rusqlite::Error) -> Fault {
        if space::is_full_sql(error) {
            return Fault::Full;
        }
        let why = error.to_string();
        match store::sort(&format!("{operation} the event log"), error) {
            Class::Database => Fault::Fatal { operation, why },
            Class::Input | Class::Passing => Fault::Other { operation, why },
        }
    }

    /// As reported to the caller.
    pub fn refusal(&self) -> Refusal {
        match self {
            Fault::Full => Refusal::new(
                errors::OUT_OF_SPACE,
                "no space left for the event log and nothing was stored; free space and retry",
            ),
            other => Refusal::new(errors::INTERNAL, other.to_string()),
        }
    }
}

/// Shorthand for `map_err`.
pub fn fault(operation: &'static str) -> impl Fn(rusqlite::Error) -> Fault {
    move |error| Fault::new(operation, &error)
}
