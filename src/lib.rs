//! The ringrift suite as one library: every program is a few lines that call into it.
// Printing outlives a reader that went away; the macros panic on one. `cli::out` has what does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod contract;
pub mod coordination;
pub mod coordinator;
pub mod daemons;
pub mod failure;
pub mod jobrunner;
pub mod master;
pub mod platform;
pub mod programs;
pub mod router;
pub mod runtime;
pub mod starts;
pub mod units;

/// How tests wait.
#[cfg(test)]
#[path = "../tests/until/mod.rs"]
mod until;
