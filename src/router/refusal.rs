//! Errors as the caller gets them: a Varlink error name with its parameters.
use crate::contract::wire::{ErrorParameters, errors};

/// A call that is answered with an error; the connection lives.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The error's name, one of `wire::errors`.
    pub name: &'static str,
    /// What is said about it.
    pub parameters: ErrorParameters,
}

impl Refusal {
    /// With a message.
    pub fn new(name: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { name, parameters: ErrorParameters { message: message.into(), ..Default::default() } }
    }
    /// About one parameter.
    pub fn parameter(name: &'static str, parameter: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            name,
            parameters: ErrorParameters {
                message: message.into(),
                parameter: Some(parameter.into()),
                ..Default::default()
            },
        }
    }
    /// The router is going down; trying again soon helps.
    pub fn stopping() -> Refusal {
        Refusal::new(errors::INTERNAL, "the router is stopping; reconnect and repeat the call")
    }
}
