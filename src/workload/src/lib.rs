//! The built-in workload of ringrift: the game RingRift played, learned and judged on a CPU.

// Printing goes through `say`, which outlives a closed pipe; the macros panic on one.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod bench;
pub mod cli;
pub mod contract;
pub mod export;
pub mod failure;
pub mod game;
pub mod judge;
pub mod nn;
pub mod records;
/// The suite's own table of results, compiled from its source: this crate links nothing of the suite.
#[path = "../../contract/results/mod.rs"]
pub mod results;
pub mod say;
pub mod search;
pub mod strength;
pub mod train;
pub mod verify;
pub mod view;
