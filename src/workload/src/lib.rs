//! The built-in workload of ringrift: the game RingRift played, learned and judged on a CPU.

pub mod bench;
pub mod cli;
pub mod contract;
pub mod export;
pub mod failure;
pub mod game;
pub mod judge;
pub mod nn;
pub mod records;
pub mod search;
pub mod strength;
pub mod train;
pub mod verify;
pub mod view;
