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

/// Registry of daemon types.
#[derive(Debug, Subcommand)]
pub enum Registry {
    /// List daemon types with stage and dependencies
    List(list::List),
    /// List the categories and their members
    Categories(categories::Categories),
    /// List deprecated names and their replacements
    Deprecated(deprecated::Deprecated),
    /// Print the start order, or the stop order
    Order(order::Order),
    /// Print in one line whether the registry is valid
    Health(health::Health),
    /// Check the registry, with notes
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
