//! `ringrift registry`: the table of daemon types.
mod categories;
mod deprecated;
mod health;
mod list;
mod order;
mod validate;

use super::Done;
use super::out::Out;
use super::world::World;
use clap::Subcommand;

pub(crate) use list::category;

/// The registry of daemon types.
#[derive(Debug, Subcommand)]
pub enum Registry {
    /// Every daemon type with its stage and dependencies
    List(list::List),
    /// The eleven categories and their members
    Categories(categories::Categories),
    /// Names that are marked for removal, and what to use instead
    Deprecated(deprecated::Deprecated),
    /// The order in which daemons start, or stop
    Order(order::Order),
    /// One line: is the registry in order
    Health(health::Health),
    /// Every check of the registry, with notes
    Validate(validate::Validate),
}

impl Registry {
    /// Runs the verb.
    pub fn run(self, _world: &World, out: &Out) -> Done {
        match self {
            Registry::List(verb) => verb.run(out),
            Registry::Categories(verb) => verb.run(out),
            Registry::Deprecated(verb) => verb.run(out),
            Registry::Order(verb) => verb.run(out),
            Registry::Health(verb) => verb.run(out),
            Registry::Validate(verb) => verb.run(out),
        }
    }
}
