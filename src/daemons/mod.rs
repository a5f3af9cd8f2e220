//! The daemons, one file each by category. They import contract, coordination and runtime; never another daemon, never
//! platform.
pub mod distribution;
pub mod evaluation;
pub mod event;
pub mod feedback;
pub mod health;
pub mod pipeline;
pub mod provider;
pub mod queue;
pub mod recovery;
pub mod resource;
pub mod sync;
mod table;
#[cfg(test)]
mod testing;

pub use table::build;
