//! The event log on disk: `events.db`, with its schema, its one writer's operations and its readers' questions.
pub mod fault;
mod filter;
pub mod letters;
pub mod open;
pub mod publish;
pub mod read;
pub mod retain;
mod runs;
mod schema;
pub mod seen;
pub mod state;
#[cfg(test)]
mod tests;
